"""What every text on GANs advises, measured: each sentence a pair of runs over seeds (hours; digits alone: 2).

Writes advice.png (all effects), losses.png (does D's loss foretell the images?), samples.png, runs/ (a file for each
finished run, which is not repeated; files of other folders with the same settings may be put there) and result.json.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np

from experiments.command.folder import check_writable, prepare_folder
from experiments.command.line import command_line
from experiments.command.progress import phase, progress_bar
from experiments.command.quick import at_most
from experiments.command.results import counted, save_figure, save_result
from experiments.image_runs.classifier import check_cache, learning_for, trained
from experiments.image_runs.images import check_batch, images_of_classes, load
from experiments.image_runs.scores import number_to_judge
from experiments.pictures import advice as pictures
from experiments.tricks import runs, summary
from experiments.tricks.sentences import FROGS, RUNS, SENTENCES, runs_for
from experiments.tricks.variations import Variation, build
from experiments.tricks.verdicts import VERDICTS
from gan_from_scratch import check, data
from gan_from_scratch.train import GAN

WRITES = ("advice.png", "losses.png", "samples.png", "runs/", "result.json")
CLASSES = {"mnist": data.CLASSES["mnist"], "cifar10": ("frog",)}
QUICK_SENTENCES = ("tanh", "momentum-5")


@dataclass(frozen=True)
class Config:
    """The two runs of a pair differ in what the sentence says and in nothing else; one baseline serves all."""

    data: Literal["both", "mnist", "cifar10"] = "both"
    """Digits, or CIFAR-10's frogs, for which the most telling sentences alone are tried unless --only names some."""
    only: tuple[str, ...] = ()
    """Which sentences, by their names in experiments/tricks/sentences.py. Empty: all."""
    seeds: int = 5
    """Pairs of runs for each sentence."""
    steps: int = 1500
    """Steps of Algorithm 1."""
    width: int = 32
    """Channels of the players' layers nearest to the image."""
    batch: int = 64
    """Images in a batch."""
    seed: int = 0
    """That of the first pair; the next have the whole numbers after it."""
    samples: int = 10_000
    """Images on which each run is judged; as many as there are test images at most."""
    out: Path = Path("runs/advice")
    """Folder for the results."""
    data_dir: Path | None = None
    """Folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    synthetic: int | None = None
    """Learn that many made-up images instead: needs no files, for a first try."""
    cache: Path | None = None
    """Folder in which the classifiers that judge are kept. None: the user's cache folder."""
    quick: bool = False
    """The whole pipeline in less than a minute: digits alone, at most two sentences, 2 seeds, 20 steps, width 4, 1,000
    samples, a small judge, the first 12,000 images of each split."""

    def __post_init__(self):
        check.choices(self)
        for name in self.only:
            if name not in SENTENCES:
                raise ValueError(
                    f"only is {name!r:.100}, but must be one of {len(SENTENCES)} names, such as {', '.join(FROGS)}: "
                    "experiments/tricks/sentences.py has them all"
                )
        if len({*self.only}) < len(self.only):
            raise ValueError(f"only is {self.only!r:.200}, but must name each sentence once")
        check.seed("seed", self.seed)
        for name in ("seeds", "steps", "width", "samples"):
            check.positive_integer(name, getattr(self, name))
        check.seed("seed + seeds - 1", self.seed + self.seeds - 1)
        if self.batch < 2:
            raise ValueError(f"batch is {self.batch}, but must be at least 2: BatchNorm compares an image with others")
        if self.synthetic is not None:
            check.positive_integer("synthetic", self.synthetic)
        if self.quick:
            at_most(self, seeds=2, steps=20, width=4, samples=1_000)
            object.__setattr__(self, "data", "cifar10" if self.data == "cifar10" else "mnist")
            object.__setattr__(self, "only", (self.only or QUICK_SENTENCES)[:2])


def main(config: Config) -> None:
    """For each data set: the runs that its sentences compare, each once, and what they say."""
    started = time.perf_counter()
    of_data = {name: sentences_for(name, config) for name in (CLASSES if config.data == "both" else (config.data,))}
    check_cache(config.cache)
    folder = config.out / "runs"
    read = {name: images_of(name, config) for name in of_data}
    prepare_folder(config.out, "advice", WRITES)
    check_writable("out", folder)
    settings = {name: setting(name, config, *images) for name, images in read.items()}

    numbers = {name: {"runs": {}, "sentences": {}} for name in of_data}
    for name, sentences in of_data.items():
        todo = runs_for(sentences)
        with progress_bar() as bar:
            task = bar.add_task(name, total=len(todo) * config.seeds * config.steps, numbers="compiling")
            for run in todo:
                gan = build(RUNS[run], settings[name].images.shape[1:], config.width, config.batch, config.steps)
                found = numbers[name]["runs"][run] = []
                for seed in range(config.seed, config.seed + config.seeds):
                    tell = partial(bar.update, task, numbers=f"{run}, seed {seed}")
                    found.append(one_run(config, gan, name, run, seed, settings[name], folder, tell))
                numbers[name]["sentences"] = summary.of_sentences(sentences, numbers[name]["runs"])
                numbers[name]["verdicts"] = summary.by_verdict(numbers[name]["sentences"])
                save_result(config.out, config, started, numbers)
        numbers[name]["collapsed"] = summary.collapsed(numbers[name]["runs"])
        numbers[name]["loss_and_frechet"] = summary.loss_and_frechet(numbers[name]["runs"])
    trained_for = sum(
        run["seconds"] for found in numbers.values() for of_run in found["runs"].values() for run in of_run
    )
    save_result(config.out, config, started, numbers | {"training_seconds": round(trained_for, 1)})
    report_verdicts(numbers, config.out)
    with phase("drawing pictures"):
        sentences = {name: found["sentences"] for name, found in numbers.items()}
        save_figure(config.out, "advice.png", pictures.effects(sentences, VERDICTS))
        points = {name: summary.points(found["runs"]) for name, found in numbers.items()}
        correlations = {name: found["loss_and_frechet"] for name, found in numbers.items()}
        save_figure(config.out, "losses.png", pictures.losses(points, correlations))
        save_figure(config.out, "samples.png", pictures.samples(summary.to_show(numbers, folder)))


def sentences_for(name: str, config: Config) -> tuple[str, ...]:
    return config.only or (FROGS if name == "cifar10" else tuple(SENTENCES))


def images_of(name: str, config: Config) -> tuple[data.Dataset, np.ndarray, np.ndarray]:
    """What the judge learns from, what the GANs learn from, and test images of the same classes."""
    labelled, test = (load(name, split, config.data_dir, config.synthetic, config.quick) for split in data.SPLITS)
    images, of_test = (images_of_classes(name, split, CLASSES[name]) for split in (labelled, test))
    check_batch(config.batch, len(images))
    of_test = of_test[: number_to_judge(config.samples, len(of_test))]
    build(Variation(), images.shape[1:], config.width, config.batch, config.steps)  # refuses what is too large
    return labelled, images, of_test


def setting(name: str, config: Config, labelled: data.Dataset, images: np.ndarray, of_test: np.ndarray) -> runs.Setting:
    """The images, the judge and what it sees in the test images."""
    judge, _ = trained(learning_for(name, config.synthetic, config.quick), labelled, config.cache)
    with phase("judging test images"):
        _, reference = judge(of_test)
    parts = [*jax.tree.leaves(judge.variables), images, of_test]
    judged_by = hashlib.sha256(b"".join(np.asarray(part).tobytes() for part in parts)).hexdigest()[:16]
    return runs.Setting(images, reference, judge, config.steps, judged_by)


def one_run(
    config: Config,
    gan: GAN,
    name: str,
    run: str,
    seed: int,
    setting: runs.Setting,
    folder: Path,
    tell: Callable[..., None],
) -> dict[str, Any]:
    """The scores of a run: from its file if there is one, else the run is made."""
    path = runs.file_of(folder, name, run, seed)
    same = {key: getattr(config, key) for key in ("steps", "width", "batch", "synthetic", "quick")}
    about = {"data": name, "variation": asdict(RUNS[run]), "seed": seed, "judged": len(setting.reference), **same}
    about |= {"judged_by": setting.judged_by}
    scores = runs.kept(path, about)
    if scores is not None:
        tell(advance=config.steps)
        return scores
    scores, images = runs.run(gan, RUNS[run].end == "sigmoid", setting, seed, tell)
    pictures.save_strip(images, runs.strip_of(path))
    runs.keep(path, about, scores)
    return scores


def report_verdicts(numbers: dict[str, Any], out: Path) -> None:
    """The verdicts, sorted by effect; a Frechet distance is divided by that of the other run of its pair."""
    for name, found in numbers.items():
        print(f"{name}: {counted(len(found['sentences']), 'sentence')}; results in {out}")
        print(f"{'with the advice / without':70}{'Frechet: median (range)':>28}  verdict")
        for sentence in sorted(found["sentences"].values(), key=lambda sentence: np.median(sentence["factors"])):
            print(f"{sentence['text']:70}{summary.in_words(sentence):>28}  {sentence['verdict']}")
        if found["loss_and_frechet"] is not None:
            print(f"rank correlation of D's loss at the end and the Frechet distance: {found['loss_and_frechet']:.2f}")


if __name__ == "__main__":
    command_line(Config, main, __doc__)
