"""Three random digits in each image, a thousand kinds: does a DCGAN make them all? (by default 28 minutes on 2 cores).

Writes samples.png (each image beside its channels), kinds.png (how often each kind was made), training.gif, losses.png,
checkpoints/ and result.json.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import jax
import tyro

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.machines import first, join
from experiments.command.memory import refuse
from experiments.command.progress import phase
from experiments.command.quick import smaller
from experiments.command.results import save_figure, save_result
from experiments.image_runs.classifier import check_cache, learning_for, trained
from experiments.image_runs.gan import build
from experiments.image_runs.images import STACKED, STACKS, check_batch, load, stacked
from experiments.image_runs.learn import learn, summary
from experiments.image_runs.resume import CHECKPOINTS, beginning, description, kept
from experiments.image_runs.samples import fresh_images
from experiments.image_runs.settings import QUICK_TRAINING, THOUSAND, Run, Training
from experiments.image_runs.stacked import report, scores
from experiments.pictures.images import draw_run, save_picture
from experiments.pictures.stacked import kinds, with_channels
from gan_from_scratch import data
from gan_from_scratch.parallel.mesh import check_spread, mesh

WRITES = ("samples.png", "kinds.png", "training.gif", "losses.png", "checkpoints/", "result.json")
SHOWN = 40  # samples drawn
BYTES_JUDGED = 4 * 64 + 12 * 10  # of a digit: the judge's features, logits, and probabilities in float64


@dataclass(frozen=True)
class Config:
    """The default is the plain DCGAN. Packing is --packing 2, and noise that knows of ten digits in each channel
    --categories 10 --category-sets 3; the relativistic loss with both penalties needs a D without BatchNorm:
    --loss relativistic --r1 1 --r2 1 --no-batch-norm."""

    run: tyro.conf.OmitArgPrefixes[Run] = Run(out=Path("runs/stacked_mnist"), samples=26_000, sample_every=500)
    training: tyro.conf.OmitArgPrefixes[Training] = THOUSAND

    def __post_init__(self):
        if self.run.quick:
            object.__setattr__(self, "training", smaller(self.training, **QUICK_TRAINING))


def main(config: Config) -> None:
    """Digits -> stacks of three -> GAN -> trained GAN -> samples -> kinds -> pictures."""
    started = time.perf_counter()
    run, training = config.run, config.training
    join(run.machines)
    over, key = mesh(run.machines.devices), jax.random.key(run.seed)
    labelled, (test_digits, _) = (load("mnist", split, run.data_dir, run.synthetic, run.quick) for split in data.SPLITS)
    # Noise, and bytes of two kinds of image, which are taken apart, and what the judge says of each channel.
    refuse("samples", run.samples * (4 * training.noise_dim + 3 * (4 * labelled[0][0].size + BYTES_JUDGED)))
    with phase("stacking digits"):
        images, real = stacked(labelled[0], STACKS, seed=0), stacked(labelled[0], run.samples, seed=1)
    check_batch(training.batch, len(images))
    check_spread("batch", training.batch, over, training.packing)
    judge_learning = learning_for("mnist", run.synthetic, run.quick)

    with phase("building the networks"):
        gan = build(training, images.shape[1:])
    checkpoints, about = run.out / CHECKPOINTS, description(STACKED, config)
    start = beginning(gan, key, checkpoints, about, run.resume, over)
    check_cache(run.cache)
    if first():
        prepare_folder(run.out, "stacked_mnist", WRITES)
    end, broke = learn(
        gan, images, start, key, training.steps, mirror=training.mirror, sample_every=run.sample_every,
        checkpoint_every=run.checkpoint_every, folder=checkpoints, about=about, over=over,
    )  # fmt: skip
    if not first():
        return

    numbers = summary(end, broke, training.batch)
    save_result(run.out, config, started, numbers)
    if broke is None:
        samples = fresh_images(gan, end.state, key, run.samples)
        save_picture(with_channels(samples[:SHOWN]), run.out / "samples.png")
        judge, _ = trained(judge_learning, labelled, run.cache)
        numbers["judged"], counts = scores(judge, samples, real, test_digits)
        save_result(run.out, config, started, numbers)
        save_figure(run.out, "kinds.png", kinds(counts))
    draw_run(end.history, training.loss, run.out)
    if broke is not None:
        raise FloatingPointError(f"training went non-finite at step {broke}; {kept(checkpoints)}; see {run.out}")
    report(numbers, run.out)


if __name__ == "__main__":
    command_line(Config, main, __doc__)
