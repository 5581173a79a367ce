"""The paper's own GAN on MNIST, judged by its own measure: Table 1, Figures 2 and 3 (by default 50 minutes on 2 cores).

Writes figure_2.png (samples, and after a gap the training images nearest to the last of each row), figure_3.png (lines
in z), sigma.png and epochs.png (the estimate against the windows' width, and over the epochs), samples.npz,
training.gif, losses.png, checkpoints/ and result.json.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tyro

from experiments.command.folder import prepare_folder, replacing
from experiments.command.line import command_line
from experiments.command.machines import first, join
from experiments.command.memory import refuse
from experiments.command.progress import phase
from experiments.command.quick import smaller
from experiments.command.results import save_figure, save_result
from experiments.image_runs.classifier import check_cache, learning_for, trained
from experiments.image_runs.goodfellow import PaperTraining, build, steps_in_an_epoch
from experiments.image_runs.images import PAPER, check_batch, learnt_and_validation, load
from experiments.image_runs.learn import learn, summary
from experiments.image_runs.nearest import nearest
from experiments.image_runs.parzen import PAPER_ERROR, PAPER_MEAN, curve, drawn, estimate
from experiments.image_runs.resume import CHECKPOINTS, beginning, description, kept
from experiments.image_runs.samples import images_at
from experiments.image_runs.scores import number_to_judge, report, scores
from experiments.image_runs.settings import Run
from experiments.pictures import parzen as pictures
from experiments.pictures.images import draw_run, save_picture, tiles
from gan_from_scratch import data, remedies, train
from gan_from_scratch.images.parzen import SIGMAS
from gan_from_scratch.parallel.mesh import check_spread, mesh

WRITES = (
    "figure_2.png", "figure_3.png", "sigma.png", "epochs.png", "samples.npz", "training.gif", "losses.png",
    "checkpoints/", "result.json",
)  # fmt: skip
ROWS, COLUMNS = 10, 10  # of samples, and of walks
WAYS = ("newest G", "averaged G")
QUICK = {"epochs": 1, "width_g": 64, "width_d": 16}


@dataclass(frozen=True)
class Config:
    """The default is the release of the paper's authors, with both players' steps at once; --no-simultaneous is
    Algorithm 1. --quick: 1 epoch, widths 64 and 16."""

    run: tyro.conf.OmitArgPrefixes[Run] = Run(
        out=Path("runs/goodfellow_mnist"), sample_every=5_000, checkpoint_every=5_000
    )
    training: tyro.conf.OmitArgPrefixes[PaperTraining] = PaperTraining()

    def __post_init__(self):
        if self.run.quick:
            object.__setattr__(self, "training", smaller(self.training, **QUICK))


def main(config: Config) -> None:
    """Digits -> GAN -> trained GAN -> samples -> Parzen windows -> pictures."""
    started = time.perf_counter()
    run, training = config.run, config.training
    join(run.machines)
    over, key = mesh(run.machines.devices), jax.random.key(run.seed)
    labelled, (test, _) = (load("mnist", split, run.data_dir, run.synthetic, run.quick) for split in data.SPLITS)
    digits, validation = learnt_and_validation(labelled[0])
    judge_learning = learning_for("mnist", run.synthetic, run.quick)
    check_batch(training.batch, len(digits))
    check_spread("batch", training.batch, over)
    n = number_to_judge(run.samples, min(len(test), len(digits)))
    refuse("samples or noise_dim", n * (4 * training.noise_dim + 3 * 8 * digits[0].size))  # noise, pixels, float64
    per_epoch = steps_in_an_epoch(training, len(digits))
    steps = training.epochs * per_epoch

    with phase("building the networks"):
        gan = build(training, digits)
    checkpoints = run.out / CHECKPOINTS
    about = description(PAPER, config) | {"steps": steps, "decay": False}
    start = beginning(gan, key, checkpoints, about, run.resume, over)
    check_cache(run.cache)
    if first():
        prepare_folder(run.out, PAPER, WRITES)
    z = gan.sample_noise(jax.random.fold_in(key, 6), n)  # 0 to 5 are taken by the run

    def measure(state: train.GANState) -> dict[str, float]:
        made = {name: images_at(gan, each, z) for name, each in ways_to_sample(state).items()}
        return {name: float(curve(images, validation).max()) for name, images in made.items()}

    end, broke = learn(
        gan, digits, start, key, steps, mirror=False, sample_every=run.sample_every,
        checkpoint_every=run.checkpoint_every, folder=checkpoints, about=about, over=over, measure=measure,
    )  # fmt: skip
    if not first():
        return

    numbers = summary(end, broke, training.batch)
    numbers["epochs"] = (end.history["frame_steps"] / per_epoch).tolist()
    numbers["validation_at_epochs"] = {name: end.history[name].tolist() for name in WAYS if name in end.history}
    save_result(run.out, config, started, numbers)
    if broke is None:
        made = {name: images_at(gan, state, z) for name, state in ways_to_sample(end.state).items()}
        numbers["parzen"] = {
            name: estimate(images, validation, test)
            for name, images in (made | {"training images": drawn(digits, n)}).items()
        }
        save_result(run.out, config, started, numbers)
        *_, samples = made.values()
        judge, _ = trained(judge_learning, labelled, run.cache)
        numbers["judged"] = scores(judge, "mnist", samples, digits, test)
        save_result(run.out, config, started, numbers)
        with replacing(run.out / "samples.npz") as path, path.open("wb") as file:
            np.savez_compressed(file, samples)
        with phase("drawing pictures"):
            *_, sampled = ways_to_sample(end.state).values()
            draw(gan, sampled, key, digits, numbers, run.out)
    draw_run(end.history, training.loss, run.out)
    if broke is not None:
        raise FloatingPointError(f"training went non-finite at step {broke}; {kept(checkpoints)}; see {run.out}")
    print(f"Parzen log-likelihood of {len(test):,} test images [nats]; Table 1: {PAPER_MEAN} +- {PAPER_ERROR}")
    for who, found in numbers["parzen"].items():
        print(f"  {who:18}{found['mean']:.1f} +- {found['standard_error']:.1f}  at sigma {found['sigma']:.4f}")
    report(numbers, run.out)


def ways_to_sample(state: train.GANState) -> dict[str, train.GANState]:
    """With G as it stands, and after that with its running average, if one is kept."""
    averaged = remedies.averaged(state.g)
    ways = [state] if averaged is state.g else [state, state._replace(g=averaged)]
    return dict(zip(WAYS, ways, strict=False))


def draw(
    gan: train.GAN, state: train.GANState, key: jax.Array, digits: np.ndarray, numbers: dict[str, Any], out: Path
) -> None:
    """figure_2.png, figure_3.png, sigma.png and epochs.png."""
    shape = digits.shape[1:]
    key_shown, key_walks = (jax.random.fold_in(key, i) for i in (7, 8))
    shown = images_at(gan, state, gan.sample_noise(key_shown, ROWS * COLUMNS)).reshape(ROWS, COLUMNS, *shape)
    order, _ = nearest(shown[:, -1], digits, 1)
    gap = np.full((ROWS, 1, *shape), 255, np.uint8)
    beside = np.concatenate([shown, gap, digits[order]], axis=1)
    save_picture(tiles(beside.reshape(-1, *shape), beside.shape[1]), out / "figure_2.png")
    start, end = gan.sample_noise(key_walks, 2 * ROWS).reshape(2, ROWS, 1, -1)
    t = np.linspace(0, 1, COLUMNS)[:, None]
    walks = images_at(gan, state, ((1 - t) * start + t * end).reshape(ROWS * COLUMNS, -1))
    save_picture(tiles(walks, COLUMNS), out / "figure_3.png")
    curves = {name: found["validation"] for name, found in numbers["parzen"].items()}
    save_figure(out, "sigma.png", pictures.against_sigma(SIGMAS, curves))
    rising = pictures.against_epochs(
        numbers["epochs"], numbers["validation_at_epochs"], max(curves["training images"]), PAPER_MEAN
    )
    save_figure(out, "epochs.png", rising)


if __name__ == "__main__":
    command_line(Config, main, __doc__)
