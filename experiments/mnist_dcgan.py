"""A DCGAN learns to write MNIST's digits (by default about 18 minutes on 2 cores, once 4 for the judge).

Writes samples.png, training.gif (the same noises while G learns), losses.png, checkpoints/ and result.json.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import jax
import tyro

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.machines import first, join
from experiments.command.progress import phase
from experiments.command.quick import smaller
from experiments.command.results import save_result
from experiments.image_runs.classifier import check_cache, learning_for, trained
from experiments.image_runs.gan import build
from experiments.image_runs.images import check_batch, images_of_classes, load
from experiments.image_runs.learn import learn, summary
from experiments.image_runs.resume import CHECKPOINTS, beginning, description, kept
from experiments.image_runs.samples import fresh_images
from experiments.image_runs.scores import number_to_judge, report, scores
from experiments.image_runs.settings import DIGITS, QUICK_TRAINING, Run, Training
from experiments.pictures.images import draw_run, save_picture, tiles
from gan_from_scratch import data
from gan_from_scratch.parallel.mesh import check_spread, mesh

WRITES = ("samples.png", "training.gif", "losses.png", "checkpoints/", "result.json")


@dataclass(frozen=True)
class Config:
    """In the Frechet distance each default is within the spread of seeds of the best that was tried
    (experiments/results/README.md)."""

    classes: tuple[str, ...] = data.CLASSES["mnist"]
    """Which digits."""
    run: tyro.conf.OmitArgPrefixes[Run] = Run(out=Path("runs/mnist_dcgan"))
    training: tyro.conf.OmitArgPrefixes[Training] = DIGITS

    def __post_init__(self):
        if self.run.quick:
            object.__setattr__(self, "training", smaller(self.training, **QUICK_TRAINING))


def main(config: Config) -> None:
    """Digits -> GAN -> trained GAN -> samples -> scores -> pictures."""
    started = time.perf_counter()
    run, training = config.run, config.training
    join(run.machines)
    over, key = mesh(run.machines.devices), jax.random.key(run.seed)
    labelled, labelled_test = (load("mnist", split, run.data_dir, run.synthetic, run.quick) for split in data.SPLITS)
    digits, test = (images_of_classes("mnist", part, config.classes) for part in (labelled, labelled_test))
    check_batch(training.batch, len(digits))
    check_spread("batch", training.batch, over, training.packing)
    n = number_to_judge(run.samples, len(test))
    judge_learning = learning_for("mnist", run.synthetic, run.quick)

    with phase("building the networks"):
        gan = build(training, digits.shape[1:])
    checkpoints, about = run.out / CHECKPOINTS, description("mnist", config)
    start = beginning(gan, key, checkpoints, about, run.resume, over)
    check_cache(run.cache)
    if first():
        prepare_folder(run.out, "mnist_dcgan", WRITES)
    end, broke = learn(
        gan, digits, start, key, training.steps, mirror=training.mirror, sample_every=run.sample_every,
        checkpoint_every=run.checkpoint_every, folder=checkpoints, about=about, over=over,
    )  # fmt: skip
    if not first():
        return

    numbers = summary(end, broke, training.batch)
    save_result(run.out, config, started, numbers)
    if broke is None:
        samples = fresh_images(gan, end.state, key, n)
        save_picture(tiles(samples[:100], 10), run.out / "samples.png")
        judge, _ = trained(judge_learning, labelled, run.cache)
        numbers["judged"] = scores(judge, "mnist", samples, digits, test)
        save_result(run.out, config, started, numbers)
    draw_run(end.history, training.loss, run.out)
    if broke is not None:
        raise FloatingPointError(f"training went non-finite at step {broke}; {kept(checkpoints)}; see {run.out}")
    report(numbers, run.out)


if __name__ == "__main__":
    command_line(Config, main, __doc__)
