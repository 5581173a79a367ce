"""Does Parzen's log-likelihood say which images are good? k-means against GANs and real digits (about 3 minutes).

Theis et al. 2016: it need not. Each kind of images is judged in four ways, and the ranking turns around.
Writes images.png (ten of each kind beside its scores) and result.json.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.memory import refuse
from experiments.command.progress import phase, progress_bar
from experiments.command.quick import at_most
from experiments.command.results import save_figure, save_result
from experiments.image_runs import kmeans
from experiments.image_runs.classifier import check_cache, learning_for, trained
from experiments.image_runs.images import PAPER, learnt_and_validation, load
from experiments.image_runs.parzen import drawn, estimate
from experiments.image_runs.restore import restored
from experiments.image_runs.samples import fresh_images
from experiments.image_runs.scores import number_to_judge, of_images
from experiments.pictures.parzen import kinds
from gan_from_scratch import check, data

WRITES = ("images.png", "result.json")
NOISE = 0.15  # standard deviation, in pixels from 0 to 1: seen at once, and about as wide as real digits' windows
SCORES = (("class_score", "class score", 2), ("frechet", "Frechet", 3), ("coverage", "coverage", 3))


@dataclass(frozen=True)
class Config:
    """Real digits, the same with noise, k-means centres and class means always; GANs if their runs are named."""

    runs: tuple[Path, ...] = ()
    """The --out of runs on all digits, with their checkpoints: of goodfellow_mnist, mnist_dcgan."""
    seed: int = 0
    """Decides the GANs' noises and the noise on digits."""
    out: Path = Path("runs/parzen_critique")
    """Folder for the results."""
    data_dir: Path | None = None
    """Folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    synthetic: int | None = None
    """Take that many made-up images instead: needs no files, for a first try."""
    samples: int = 10_000
    """Images of each kind; as many as there are test images, or images to learn from, at most."""
    rounds: int = 10
    """Rounds of Lloyd's algorithm, from as many digits as --samples."""
    cache: Path | None = None
    """Folder in which the classifier that judges is kept. None: the user's cache folder."""
    quick: bool = False
    """The whole pipeline in less than a minute: at most 1,000 images, 2 rounds, a small judge."""

    def __post_init__(self):
        check.seed("seed", self.seed)
        if len({*self.runs}) < len(self.runs):
            raise ValueError(f"runs is {[str(run) for run in self.runs]!r:.200}, but must name each run once")
        for name in ("samples", "rounds"):
            check.positive_integer(name, getattr(self, name))
        if self.synthetic is not None:
            check.positive_integer("synthetic", self.synthetic)
        if self.quick:
            at_most(self, samples=1_000, rounds=2)


def main(config: Config) -> None:
    """Digits -> kinds of images made from them -> each judged in four ways -> a picture of each beside its scores."""
    started = time.perf_counter()
    labelled, (test, _) = (
        load("mnist", split, config.data_dir, config.synthetic, config.quick) for split in data.SPLITS
    )
    digits, validation = learnt_and_validation(labelled[0])
    judge_learning = learning_for("mnist", config.synthetic, config.quick)
    n = number_to_judge(config.samples, min(len(test), len(digits)))
    refuse("samples", 3 * 8 * n * digits[0].size)  # in float64, as Parzen's windows see them
    with phase("reading runs"):
        makers = kinds_of_images(config, digits, labelled[1][: len(digits)], n)
    check_cache(config.cache)
    prepare_folder(config.out, "parzen_critique", WRITES)
    judge, _ = trained(judge_learning, labelled, config.cache)

    rows, shown = {}, {}
    with phase("judging test images"):
        _, reference = judge(test[:n])
    for name, make in makers.items():
        images = make()
        with phase(f"judging {name}"):
            judged = of_images(judge, "mnist", images, reference)
        rows[name] = judged | {"parzen": estimate(images, validation, test)}
        shown[name] = images[:10]
        save_result(config.out, config, started, {"rows": rows})
    save_figure(config.out, "images.png", kinds({name: (shown[name], in_words(row)) for name, row in rows.items()}))
    for name, row in rows.items():
        print(f"{name:40}{in_words(row)}")


def kinds_of_images(
    config: Config, digits: np.ndarray, labels: np.ndarray, n: int
) -> dict[str, Callable[[], np.ndarray]]:
    """What each kind is called, and how n of it are made: images uint8 (n, h, w, c). Runs are read at once."""
    makers = {"training digits": partial(drawn, digits, n)}
    for i, run in enumerate(config.runs):
        gan, progress, about = restored(run)
        if about["data"] not in ("mnist", PAPER):
            raise ValueError(f"runs names {run}, but that is a run on {about['data']}: choose runs on digits")
        if about["synthetic"] != config.synthetic:
            raise ValueError(
                f"runs names {run}, whose synthetic is {about['synthetic']}, but it must be {config.synthetic} as here"
            )
        if about["data"] == "mnist" and len(about["classes"]) < 10:
            raise ValueError(f"runs names {run}, whose classes are {about['classes']}, but they must be all ten")
        key = jax.random.fold_in(jax.random.key(config.seed), i)
        command = "mnist_dcgan" if about["data"] == "mnist" else PAPER
        name = f"{command}, {int(progress.state.step):,} steps"
        makers[f"{name} ({run})" if name in makers else name] = partial(fresh_images, gan, progress.state, key, n)
    return makers | {
        "k-means centres": partial(centres, digits, n, config.rounds),
        "training digits with noise": partial(noisy, drawn(digits, n), config.seed),
        "each class's mean": partial(class_means, digits, labels, n),
    }


def centres(digits: np.ndarray, n: int, rounds: int) -> np.ndarray:
    """n centres of the digits by k-means."""
    with progress_bar() as bar:
        task = bar.add_task("k-means", total=rounds, numbers="")
        found = kmeans.centres(
            digits.reshape(len(digits), -1), n, rounds, lambda round: bar.update(task, completed=round)
        )
    return np.round(found).astype(np.uint8).reshape(n, *digits.shape[1:])


def noisy(digits: np.ndarray, seed: int) -> np.ndarray:
    """Each pixel with Gaussian noise, cut off at black and white."""
    noise = 255 * NOISE * np.random.default_rng(seed).standard_normal(digits.shape, np.float32)
    return np.clip(np.round(digits + noise), 0, 255).astype(np.uint8)


def class_means(digits: np.ndarray, labels: np.ndarray, n: int) -> np.ndarray:
    """The mean of each class that there is, again and again until there are n images."""
    means = [digits[labels == label].mean(axis=0) for label in np.unique(labels)]
    return np.round(np.resize(means, (n, *digits.shape[1:]))).astype(np.uint8)


def in_words(row: dict[str, Any]) -> str:
    parzen = row["parzen"]
    scores = "  ".join(f"{label} {row[name]:.{digits}f}" for name, label, digits in SCORES)
    return f"log-likelihood {parzen['mean']:.1f} +- {parzen['standard_error']:.1f} nats  {scores}"


if __name__ == "__main__":
    command_line(Config, main, __doc__)
