"""What can be chosen in style transfer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.command.quick import at_most
from experiments.neighbours.filters import SHRINKS
from experiments.neighbours.user_pictures import SMALLEST
from gan_from_scratch import check


@dataclass(frozen=True)
class Config:
    """Without --content and --style a made-up landscape takes the style of a made-up texture."""

    content: Path | None = None
    """A picture file. With it or --style the transfer alone is run."""
    style: Path | None = None
    """A picture file."""
    features: Literal["random", "classifier"] = "random"
    """Whose layers are compared: random filters, or our CIFAR-10 classifier's, which learns for 15 minutes, once."""
    size: int = 256
    """Pixels of a picture's longer side, a multiple of 4: larger pictures are made smaller."""
    steps: int = 300
    """Steps of L-BFGS, rounded up to a multiple of 10."""
    style_weight: float = 100.0
    """beta, beside a content loss that is a mean over features."""
    smoothness: float = 0.0
    """gamma: weight of the total variation, a mean over numbers."""
    width: int = 64
    """Random filters of each layer."""
    seed: int = 0
    """Decides every draw."""
    seeds: int = 1
    """Networks to optimise on; the pictures are the first one's."""
    out: Path = Path("runs/style_transfer")
    """Folder for the results."""
    data_dir: Path | None = None
    """For the classifier: folder with CIFAR-10's files. None: what GAN_DATA_DIR names, else a download."""
    synthetic: int | None = None
    """The classifier learns that many made-up images instead: needs no files, for a first try."""
    cache: Path | None = None
    """Folder in which the classifier is kept. None: the user's cache folder."""
    quick: bool = False
    """The whole pipeline in less than a minute: 1 seed, 20 steps, 64 pixels, 16 filters, a small classifier."""

    def __post_init__(self):
        check.choices(self)
        check.seed("seed", self.seed)
        for name in ("size", "steps", "width", "seeds"):
            check.positive_integer(name, getattr(self, name))
        if self.size < SMALLEST or self.size % SHRINKS:
            raise ValueError(f"size is {self.size}, but must be a multiple of {SHRINKS} of at least {SMALLEST}")
        for name in ("style_weight", "smoothness"):
            check.nonnegative(name, getattr(self, name))
        if self.synthetic is not None:
            check.positive_integer("synthetic", self.synthetic)
        if self.quick:
            at_most(self, seeds=1, steps=20, size=64, width=16)

    def pictures(self) -> dict[str, Path]:
        """The user's own."""
        return {name: path for name, path in (("content", self.content), ("style", self.style)) if path}
