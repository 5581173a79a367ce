"""A DCGAN learns to paint CIFAR-10's frogs, or all ten classes (frogs: 36 minutes on 2 cores, once 30 for the judge).

Writes samples.png, training.gif (the same noises while G learns), losses.png, checkpoints/ and result.json.
"""

from dataclasses import dataclass
from pathlib import Path

import tyro

from experiments import _dcgan, _run_dcgan, _script
from gan_from_scratch import data


@dataclass(frozen=True)
class Config:
    """The defaults are for 5,000 frogs. The textbook's own run (Chollet), for a GPU, is
    --architecture textbook --noise-dim 32 --optimizer rmsprop --rate-g 4e-4 --rate-d 8e-4 --clip 1 --label-noise .05
    --dropout .4 --batch 20 --steps 10000 --average 0 --shift 0 --no-decay."""

    classes: tuple[str, ...] = ("frog",)
    """Which of: airplane automobile bird cat deer dog frog horse ship truck; or all for all ten."""
    run: tyro.conf.OmitArgPrefixes[_dcgan.Run] = _dcgan.Run(out=Path("runs/cifar_dcgan"), sample_every=500)
    training: tyro.conf.OmitArgPrefixes[_dcgan.Training] = _dcgan.Training(
        steps=15_000, rate_g=4e-4, decay=True, mirror=True, shift=4
    )

    def __post_init__(self):
        if "all" in self.classes:
            object.__setattr__(self, "classes", data.CLASSES["cifar10"])


def main(config: Config) -> None:
    """Train, judge, draw, save."""
    _run_dcgan.main(config, "cifar10")


if __name__ == "__main__":
    _script.command_line(Config, main, __doc__)
