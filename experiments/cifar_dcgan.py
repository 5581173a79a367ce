"""A DCGAN learns to paint CIFAR-10's frogs, or all ten classes (frogs: 36 minutes on 2 cores, once 30 for the judge).

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
from experiments.image_runs.settings import FROGS, QUICK_TRAINING, Run, Training
from experiments.pictures.images import draw_run, save_picture, tiles
from gan_from_scratch import data
from gan_from_scratch.parallel.mesh import check_spread, mesh

WRITES = ("samples.png", "training.gif", "losses.png", "checkpoints/", "result.json")


@dataclass(frozen=True)
class Config:
    """The defaults are for 5,000 frogs. Chollet's own run (Deep Learning with Python), for a GPU, is
    --architecture textbook --noise-dim 32 --optimizer rmsprop --rate-g 4e-4 --rate-d 8e-4 --clip 1 --label-noise .05
    --dropout .4 --batch 20 --steps 10000 --average 0 --shift 0 --no-decay."""

    classes: tuple[str, ...] = ("frog",)
    """Which of: airplane automobile bird cat deer dog frog horse ship truck; or all for all ten."""
    run: tyro.conf.OmitArgPrefixes[Run] = Run(out=Path("runs/cifar_dcgan"), sample_every=500)
    training: tyro.conf.OmitArgPrefixes[Training] = FROGS

    def __post_init__(self):
        if "all" in self.classes:
            object.__setattr__(self, "classes", data.CLASSES["cifar10"])
        if self.run.quick:
            object.__setattr__(self, "training", smaller(self.training, **QUICK_TRAINING))


def main(config: Config) -> None:
    """Frogs -> GAN -> trained GAN -> samples -> scores -> pictures."""
    started = time.perf_counter()
    run, training = config.run, config.training
    join(run.machines)
    over, key = mesh(run.machines.devices), jax.random.key(run.seed)
    labelled, labelled_test = (load("cifar10", split, run.data_dir, run.synthetic, run.quick) for split in data.SPLITS)
    frogs, test = (images_of_classes("cifar10", part, config.classes) for part in (labelled, labelled_test))
    check_batch(training.batch, len(frogs))
    check_spread("batch", training.batch, over, training.packing)
    n = number_to_judge(run.samples, len(test))
    judge_learning = learning_for("cifar10", run.synthetic, run.quick)

    with phase("building the networks"):
        gan = build(training, frogs.shape[1:])
    checkpoints, about = run.out / CHECKPOINTS, description("cifar10", config)
    start = beginning(gan, key, checkpoints, about, run.resume, over)
    check_cache(run.cache)
    if first():
        prepare_folder(run.out, "cifar_dcgan", WRITES)
    end, broke = learn(
        gan, frogs, start, key, training.steps, mirror=training.mirror, sample_every=run.sample_every,
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
        numbers["judged"] = scores(judge, "cifar10", samples, frogs, test)
        save_result(run.out, config, started, numbers)
    draw_run(end.history, training.loss, run.out)
    if broke is not None:
        raise FloatingPointError(f"training went non-finite at step {broke}; {kept(checkpoints)}; see {run.out}")
    report(numbers, run.out)


if __name__ == "__main__":
    command_line(Config, main, __doc__)
