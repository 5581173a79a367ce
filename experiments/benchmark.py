"""Ours beside PyTorch, if installed: the 1-D GAN (1 minute); `images`, DCGANs and the paper's GAN (7); `device` (8).

All contenders run the same networks, batch, optimizer and order of updates, in turns in one process: round after
round, so that what else the machine does meets each of them. Writes result.json and prints a table. `device` is for an
accelerator, of which it tells what share is in use, and writes samples.png as well; on a CPU it is small (3 minutes).
"""

import os
import time
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import jax
import tyro

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.progress import phase
from experiments.command.quick import at_most
from experiments.command.results import save_result
from experiments.pictures.images import save_picture, tiles
from experiments.timing import device, images, plans, short_run, told, toy
from experiments.timing.turns import timed
from gan_from_scratch import check


@dataclass(frozen=True)
class Config:
    """Which benchmark, and how long."""

    what: Annotated[Literal["toy", "images", "device"], tyro.conf.Positional] = "toy"
    """toy: the 1-D GAN. images: the networks of mnist_dcgan, of cifar_dcgan and of goodfellow_mnist. device: the
    DCGANs' and the textbook's networks in both types at batches of 64 to 2,048, single convolutions, a short run."""
    seed: int = 0
    """Decides every draw."""
    out: Path = Path("runs/benchmark")
    """Folder for the result."""
    rounds: int = 7
    """How often each contender is timed; the median counts. device: at most 3."""
    seconds: float = 1.0
    """How long each contender runs in a round, about. device: at most .5."""
    seeds: int = 32
    """toy: how many GANs JAX trains together in its second entry."""
    batch: int = 64
    """images: images in a batch, but for the paper's GAN, whose networks and batch are the paper's."""
    width: int = 64
    """images, device: channels of the layers nearest to the image. device on a CPU: at most 16."""
    compiled: bool = True
    """Also time torch.compile, which needs a C++ compiler and a minute or two. device: at one batch, not on a CPU."""
    data_dir: Path | None = None
    """device: folder with CIFAR-10's files. None: what GAN_DATA_DIR names. Without them made-up images;
    nothing is downloaded."""
    quick: bool = False
    """The whole pipeline in less than a minute: at most 2 rounds of .1 s, 8 GANs, width 8; no torch.compile."""

    def __post_init__(self):
        check.seed("seed", self.seed)
        for name in ("rounds", "seeds", "batch", "width"):
            check.positive_integer(name, getattr(self, name))
        check.positive("seconds", self.seconds)
        check.choices(self)
        unused = "batch" if self.what == "device" else "data_dir"
        if getattr(self, unused) != getattr(Config, unused):
            raise ValueError(f"{unused} is {getattr(self, unused)}, but benchmark {self.what} has no use for it")
        if self.what == "device":
            at_most(self, rounds=3, seconds=0.5)
        if self.quick:
            at_most(self, rounds=2, seconds=0.1, seeds=8, width=8, compiled=False)


def main(config: Config) -> None:
    """Build the contenders, time them in turns, print and save."""
    started = time.perf_counter()
    if config.what == "device":
        on_the_device(config, started)
        return
    with phase("building the contenders"):
        if config.what == "toy":
            groups = {"1-D GAN": toy.contenders(config.seed, config.seeds, config.compiled)}
        else:
            groups = images.contenders(config.seed, config.batch, config.width, config.compiled)
    prepare_folder(config.out, "benchmark", ("result.json",))
    numbers = {name: timed(contenders, config.rounds, config.seconds) for name, contenders in groups.items()}
    torch_version = version("torch") if find_spec("torch") else None
    result = {"pytorch": torch_version, "groups": numbers}
    save_result(config.out, config, started, result)
    if config.what == "images" and jax.default_backend() == "cpu":
        with phase("looking into a step"):
            result["shares"] = images.shares_of_a_step(config.seed, config.batch, config.width)
        save_result(config.out, config, started, result)

    unit = "GAN steps" if config.what == "toy" else "images"
    print(f"{os.cpu_count()} cores, PyTorch {torch_version or 'not installed'}; medians of {config.rounds} rounds")
    print(*told.lines_of(numbers, unit), sep="\n")
    for group, kinds in result.get("shares", {}).items():
        print(f"{group}: " + ", ".join(f"{100 * share:.0f} % {kind}" for kind, share in kinds.items()))


def on_the_device(config: Config, started: float) -> None:
    """Peaks, networks, convolutions, a short run; what is known is saved after each part."""
    # JAX would take three quarters of a GPU's memory at once, and PyTorch beside it be out of memory.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    print(device.first_words(config.quick), flush=True)
    plan = plans.plan_for(device.accelerator(), config.quick)
    width = min(config.width, plan.widest)
    timing = device.Timing(config.rounds, config.seconds, config.seed)
    with phase("trying the networks"):
        device.check_plan(plan, width)
    pixels, which = short_run.images(config.data_dir)
    prepare_folder(config.out, "benchmark", ("result.json", "samples.png"))
    for numbers in device.growing(plan, timing, width, config.compiled, started):
        save_result(config.out, config, started, numbers)
    run, samples = short_run.learnt(plan, width, pixels, config.seed, started)
    numbers["run"] = {"images": which} | run
    save_result(config.out, config, started, numbers)
    print(*told.lines_of_device(numbers), sep="\n")
    if samples is None:
        raise FloatingPointError(
            f"the short run went non-finite within its last {images.CHUNK} steps; see {config.out}"
        )
    save_picture(tiles(samples, 10), config.out / "samples.png")


if __name__ == "__main__":
    command_line(Config, main, __doc__)
