"""A DCGAN learns to write MNIST's digits (about 18 minutes on 2 cores, once 4 for the judge).

Writes samples.png, training.gif (the same noises while G learns), losses.png, checkpoints/ and result.json.
"""

from dataclasses import dataclass
from pathlib import Path

import tyro

from experiments import _dcgan, _run_dcgan, _script
from gan_from_scratch import data


@dataclass(frozen=True)
class Config:
    """A category for each digit; the rates are one of the two best of four pairs, each run once (README, Images)."""

    classes: tuple[str, ...] = data.CLASSES["mnist"]
    """Which digits."""
    run: tyro.conf.OmitArgPrefixes[_dcgan.Run] = _dcgan.Run(out=Path("runs/mnist_dcgan"))
    training: tyro.conf.OmitArgPrefixes[_dcgan.Training] = _dcgan.Training(
        steps=10_000, categories=10, hidden=256, rate_g=2e-3, rate_d=4e-4, decay=True
    )


def main(config: Config) -> None:
    """Train, judge, draw, save."""
    _run_dcgan.main(config, "mnist")


if __name__ == "__main__":
    _script.command_line(Config, main, __doc__)
