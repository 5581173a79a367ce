"""The plain PyTorch DCGAN, as long as ours and judged by the same classifier (about 20 minutes on 2 cores).

Plain: Gaussian noise, fixed learning rates, no average of G, no shifted or mirrored images, PyTorch's running
statistics. Needs `.[frameworks]`. Writes samples.png and result.json.
"""

import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from experiments import _dcgan, _draw_images, _run_dcgan, _script, cifar_dcgan, mnist_dcgan
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

    def __post_init__(self):
        _script.check_choices(self)
        if self.steps is not None:
            check.positive_integer("steps", self.steps)
        self.ours()  # checks the rest

    def ours(self) -> mnist_dcgan.Config | cifar_dcgan.Config:
        """The script of ours that this is held against."""
        config = mnist_dcgan.Config() if self.data == "mnist" else cifar_dcgan.Config()
        run = _dcgan.Run(self.out, self.seed, self.data_dir, self.synthetic, cache=self.cache)
        return replace(config, run=run, training=replace(config.training, steps=self.steps or config.training.steps))


def main(config: Config) -> None:
    """Train, judge, save."""
    started = time.perf_counter()
    ours = config.ours()
    training = ours.training
    images = {split: _run_dcgan.images_of(ours, config.data, split) for split in data.SPLITS}
    _script.check_batch(training.batch, len(images["train"]))
    if not find_spec("torch"):
        raise ValueError("PyTorch is not installed, but this script runs it: install the extra `frameworks`")
    from experiments import _torch_dcgan  # PyTorch is an optional dependency

    _script.prepare_folder(config.out)
    run, make = _torch_dcgan.trainer(training, images["train"], config.seed)
    with _script.progress_bar() as bar:
        task = bar.add_task("PyTorch", total=training.steps, numbers="")
        before = time.perf_counter()
        for done in range(0, training.steps, _dcgan.CHUNK):
            steps = min(_dcgan.CHUNK, training.steps - done)
            run(steps)
            seconds = time.perf_counter() - before
            speed = (done + steps) * training.batch / seconds
            bar.update(task, advance=steps, numbers=f"{speed:,.0f} images/s")
    images["generated"] = make(min(ours.run.samples, len(images["test"])))
    _draw_images.save_picture(_draw_images.tiles(images["generated"][:100], 10), config.out / "samples.png")
    numbers = {
        "pytorch": version("torch"),
        "steps": training.steps,
        "training_seconds": round(seconds, 1),
        "images_per_second": round(speed, 1),
        "judged": _run_dcgan.judged(ours, config.data, images),
    }
    _script.save_result(config.out, config, started, numbers)
    _run_dcgan.report(numbers, config.out)


if __name__ == "__main__":
    _script.command_line(Config, main, __doc__)
