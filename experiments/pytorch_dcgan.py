"""The plain PyTorch DCGAN, as long as ours and judged by the same classifier (by default about 20 minutes on 2 cores).

Plain: Gaussian noise, fixed learning rates, no average of G, no shifted or mirrored images, PyTorch's running
statistics. Needs `.[frameworks]`. Writes samples.png and result.json.
"""

import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.progress import phase, progress_bar
from experiments.command.quick import smaller
from experiments.command.results import save_result
from experiments.image_runs.classifier import check_cache, learning_for, trained
from experiments.image_runs.images import check_batch, images_of_classes, load
from experiments.image_runs.learn import CHUNK
from experiments.image_runs.scores import number_to_judge, report, scores
from experiments.image_runs.settings import DIGITS, FROGS, QUICK_SAMPLES, QUICK_TRAINING
from experiments.pictures.images import save_picture, tiles
from gan_from_scratch import check, data


@dataclass(frozen=True)
class Config:
    """Networks, batch and rates are the defaults of mnist_dcgan or cifar_dcgan."""

    data: Literal["mnist", "cifar10"] = "mnist"
    """The data set; of CIFAR-10 the frogs."""
    seed: int = 0
    """Decides every draw."""
    out: Path = Path("runs/pytorch_dcgan")
    """Folder for the results."""
    data_dir: Path | None = None
    """Folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    cache: Path | None = None
    """Folder in which the classifier that judges is kept. None: the user's cache folder."""
    synthetic: int | None = None
    """Learn that many made-up images instead: needs no files, for a first try."""
    steps: int | None = None
    """Steps of Algorithm 1. None: as many as our script takes."""
    quick: bool = False
    """The whole pipeline in less than a minute: at most 100 steps, width 8, 1,000 samples, a small judge, the
    first 12,000 images of each split."""

    def __post_init__(self):
        check.choices(self)
        check.seed("seed", self.seed)
        for name in ("steps", "synthetic"):
            if getattr(self, name) is not None:
                check.positive_integer(name, getattr(self, name))


def main(config: Config) -> None:
    """Images -> PyTorch's GAN -> samples -> scores -> a picture."""
    started = time.perf_counter()
    name, training = config.data, {"mnist": DIGITS, "cifar10": FROGS}[config.data]
    training = replace(training, steps=config.steps or training.steps)
    training = smaller(training, **QUICK_TRAINING) if config.quick else training
    classes = {"mnist": data.CLASSES["mnist"], "cifar10": ("frog",)}[name]
    labelled, labelled_test = (
        load(name, split, config.data_dir, config.synthetic, config.quick) for split in data.SPLITS
    )
    images, test = (images_of_classes(name, part, classes) for part in (labelled, labelled_test))
    check_batch(training.batch, len(images))
    n = number_to_judge(QUICK_SAMPLES if config.quick else 10_000, len(test))
    judge_learning = learning_for(name, config.synthetic, config.quick)
    if not find_spec("torch"):
        raise ValueError("PyTorch is not installed, but this script runs it: install the extra `frameworks`")
    from experiments.timing import torch_dcgan  # PyTorch is an optional dependency

    check_cache(config.cache)
    prepare_folder(config.out, "pytorch_dcgan", ("samples.png", "result.json"))
    run, make = torch_dcgan.trainer(training, images, config.seed)
    with progress_bar() as bar:
        task = bar.add_task("PyTorch", total=training.steps, numbers="")
        before = time.perf_counter()
        for done in range(0, training.steps, CHUNK):
            steps = min(CHUNK, training.steps - done)
            run(steps)
            seconds = time.perf_counter() - before
            speed = (done + steps) * training.batch / seconds
            bar.update(task, advance=steps, numbers=f"{speed:,.0f} images/s")
    with phase("drawing samples"):
        samples = make(n)
    save_picture(tiles(samples[:100], 10), config.out / "samples.png")
    numbers = {
        "pytorch": version("torch"),
        "steps": training.steps,
        "training_seconds": round(seconds, 1),
        "images_per_second": round(speed, 1),
    }
    save_result(config.out, config, started, numbers)
    judge, _ = trained(judge_learning, labelled, config.cache)
    numbers["judged"] = scores(judge, name, samples, images, test)
    save_result(config.out, config, started, numbers)
    report(numbers, config.out)


if __name__ == "__main__":
    command_line(Config, main, __doc__)
