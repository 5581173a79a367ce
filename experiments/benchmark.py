"""Ours beside PyTorch, if it is installed: the 1-D GAN (1 minute); with `images` DCGANs and the paper's GAN (7).

All contenders run the same networks, batch, optimizer and order of updates, in turns in one process: round after
round, so that what else the machine does meets each of them. Writes result.json and prints a table.
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
from experiments.timing import images, toy
from experiments.timing.turns import timed
from gan_from_scratch import check


@dataclass(frozen=True)
class Config:
    """Which benchmark, and how long."""

    what: Annotated[Literal["toy", "images"], tyro.conf.Positional] = "toy"
    """toy: the 1-D GAN. images: the networks of mnist_dcgan, of cifar_dcgan and of goodfellow_mnist."""
    seed: int = 0
    """Decides every draw."""
    out: Path = Path("runs/benchmark")
    """Folder for the result."""
    rounds: int = 7
    """How often each contender is timed; the median counts."""
    seconds: float = 1.0
    """How long each contender runs in a round, about."""
    seeds: int = 32
    """toy: how many GANs JAX trains together in its second entry."""
    batch: int = 64
    """images: images in a batch, but for the paper's GAN, whose networks and batch are the paper's."""
    width: int = 64
    """images: channels of the layers nearest to the image."""
    compiled: bool = True
    """Also time torch.compile, which needs a C++ compiler and a minute or two."""
    quick: bool = False
    """The whole pipeline in less than a minute: at most 2 rounds of .1 s, 8 GANs, width 8; no torch.compile."""

    def __post_init__(self):
        check.seed("seed", self.seed)
        for name in ("rounds", "seeds", "batch", "width"):
            check.positive_integer(name, getattr(self, name))
        check.positive("seconds", self.seconds)
        check.choices(self)
        if self.quick:
            at_most(self, rounds=2, seconds=0.1, seeds=8, width=8, compiled=False)


def main(config: Config) -> None:
    """Build the contenders, time them in turns, print and save."""
    started = time.perf_counter()
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
    for group, rows in numbers.items():
        print(f"{group:28}{unit + '/s':>14}{'range':>20}{'x best PyTorch':>18}")
        for name, row in rows.items():
            span = f"{row['slowest_round']:,.0f}-{row['fastest_round']:,.0f}"
            ratio = f"{row['times_pytorch']:.2f}" if row["times_pytorch"] else "-"
            print(f"  {name:26}{row['per_second']:14,.0f}{span:>20}{ratio:>18}")
    for group, kinds in result.get("shares", {}).items():
        print(f"{group}: " + ", ".join(f"{100 * share:.0f} % {kind}" for kind, share in kinds.items()))


if __name__ == "__main__":
    command_line(Config, main, __doc__)
