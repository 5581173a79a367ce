"""How a DCGAN of images learns: the settings on which the commands that train one agree, and whoever plays its GAN."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from experiments.command.machines import Machines
from experiments.command.quick import at_most
from gan_from_scratch import check


@dataclass(frozen=True)
class Run:
    """What is not about learning: where to, how often, how many."""

    out: Path
    """Folder for the results and the checkpoints."""
    seed: int = 0
    """Decides every draw."""
    data_dir: Path | None = None
    """Folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    synthetic: int | None = None
    """Learn that many made-up images instead: needs no files, for a first try."""
    resume: bool = False
    """Go on from the newest checkpoint in --out. The result is the same, bit for bit, as without the interruption."""
    checkpoint_every: int = 1000
    """Steps from one checkpoint to the next, rounded up to a multiple of 20. Ctrl-C and SIGTERM save one as well."""
    sample_every: int = 250
    """Steps from one picture of the same 64 noises to the next, rounded up likewise; together they make the GIF."""
    samples: int = 10_000
    """Images of each kind on which G is judged; as many as there are test images at most."""
    cache: Path | None = None
    """Folder in which the classifier that judges is kept. None: the user's cache folder."""
    quick: bool = False
    """The whole pipeline in less than a minute: few steps (a DCGAN's are at most 100, with width 8, hidden 32), 1,000
    samples, a small judge, the first 12,000 images of each split."""
    machines: tyro.conf.OmitArgPrefixes[Machines] = Machines()

    def __post_init__(self):
        check.seed("seed", self.seed)
        for name in ("checkpoint_every", "sample_every", "samples"):
            check.positive_integer(name, getattr(self, name))
        if self.synthetic is not None:
            check.positive_integer("synthetic", self.synthetic)
        if self.quick:
            at_most(self, samples=QUICK_SAMPLES, sample_every=20, checkpoint_every=60)


@dataclass(frozen=True)
class Training:
    """The GAN and how it learns."""

    steps: int
    """Steps of Algorithm 1."""
    batch: int = 64
    """Images in a batch."""
    k: int = 1
    """Steps of D in each step of Algorithm 1."""
    loss: Literal["saturating", "nonsaturating", "relativistic"] = "nonsaturating"
    """G's loss: E log(1 - D(G(z))), eq. (1), or -E log D(G(z)), section 3. relativistic: of both players, D compares
    each real image with a fake (Huang et al. 2024)."""
    noise: Literal["gaussian", "uniform"] = "gaussian"
    """Distribution of z: N(0, 1) or uniform on [-1, 1], in every coordinate that says no category."""
    noise_dim: int = 100
    """Coordinates of z."""
    categories: int = 0
    """So many of z's coordinates say which of as many categories was drawn, each as likely: there 5, else 0. Noise in
    one piece also makes what lies between two digits. 0: no categories."""
    category_sets: int = 1
    """Sets of so many categories, each drawn by itself: 3 where each of an image's three channels has its own digit."""
    packing: int = 1
    """Images that D judges together, as the channels of one (Lin et al. 2018). 1: each by itself."""
    architecture: Literal["dcgan", "textbook"] = "dcgan"
    """Radford's networks, or Chollet's (Deep Learning with Python) for 32 x 32 x 3, whose G does 220 times the
    arithmetic; --width, --hidden and --batch-norm are for the first."""
    width: int = 64
    """Channels of the DCGAN's layers nearest to the image; each further layer has twice as many."""
    hidden: int = 0
    """Units of a layer between z and the first image, and before the logit, that see the whole image. 0: none."""
    batch_norm: bool = True
    """BatchNorm in D. Without it a logit depends on its image alone, as --r1 needs it."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Type of the matrix products. Parameters, losses and statistics are float32. bfloat16 is for GPU and TPU."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    """The gradient rule of both players; Chollet's is RMSprop."""
    rate_g: float = 2e-4
    """Learning rate of G."""
    rate_d: float = 2e-4
    """Learning rate of D. Another one than G's balances the players, as k does."""
    b1: float = 0.5
    """Adam's momentum. .9 oscillates (Radford et al. 2016, section 4)."""
    b2: float = 0.999
    """Adam's memory of squared gradients."""
    clip: float = 0.0
    """Cut every entry of a gradient at this size, as Chollet does with 1. 0: off."""
    decay: bool = False
    """Let both learning rates fall linearly to 0."""
    average: float = 0.999
    """Sample from a running average of G's parameters with this memory. 0: from the newest."""
    r1: float = 0.0
    """Weight of the R1 penalty on D's slope at the data (Mescheder et al. 2018), with --no-batch-norm. 0: off."""
    r2: float = 0.0
    """Weight of the same penalty at G's images, likewise. 0: off."""
    smoothing: float = 0.0
    """One-sided: D is to say 1 - smoothing of real images, so that its logits stay bounded (Salimans et al. 2016)."""
    label_noise: float = 0.0
    """D's targets are moved inwards by up to this much, at random. Chollet adds up to .05 to both of them."""
    dropout: float = 0.0
    """Share of D's last hidden units that are off in training, so that D cannot learn its images by heart."""
    mirror: bool = False
    """Mirror half of the training images, at random: 5,000 frogs are soon learnt by heart. Digits have one side."""
    shift: int = 0
    """D sees real and fake images moved by up to this many pixels, at random, so that it learns less by heart."""
    skip_below: float = 0.0
    """D does not step where its loss is under this many nats, so that G catches up; it must be below chance, which is
    2 log 2 = 1.39, or log 2 with the relativistic loss. With --decay D's rate falls by the steps that it takes."""

    def __post_init__(self):
        for name in ("steps", "noise_dim", "width", "category_sets", "packing"):
            check.positive_integer(name, getattr(self, name))
        if self.batch < 2:
            raise ValueError(
                f"batch is {self.batch}, but must be at least 2: BatchNorm compares an image with its batch mates"
            )
        for name in ("rate_g", "rate_d"):
            check.rate(name, getattr(self, name))
        for name in ("b1", "b2", "average", "smoothing", "label_noise", "dropout"):
            check.fraction(name, getattr(self, name))
        for name in ("clip", "r1", "r2", "skip_below"):
            check.nonnegative(name, getattr(self, name))
        for name in ("hidden", "shift", "categories"):
            check.nonnegative_integer(name, getattr(self, name))
        if self.categories * self.category_sets >= self.noise_dim:
            sets = f" times category_sets, {self.category_sets}," if self.category_sets > 1 else ""
            raise ValueError(f"categories is {self.categories}, but{sets} must be below noise_dim, {self.noise_dim}")
        if self.batch % self.packing or self.batch == self.packing:  # BatchNorm compares a pack with its batch mates
            raise ValueError(f"packing is {self.packing}, but must divide batch, {self.batch}, into at least 2 packs")
        check.choices(self)
        if self.loss == "relativistic" and (self.smoothing or self.label_noise):
            raise ValueError(
                f"smoothing is {self.smoothing} and label_noise {self.label_noise}, but with loss 'relativistic' both "
                "must be 0: it has no targets"
            )
        chance = math.log(2) * (1 if self.loss == "relativistic" else 2)
        if self.skip_below >= chance:
            raise ValueError(
                f"skip_below is {self.skip_below}, but must be below {chance:.2f}, where D's loss starts: D never moves"
            )


# The rates are one of the two best of four pairs, each run once; a category stands for each digit (results/README.md).
DIGITS = Training(steps=10_000, categories=10, hidden=256, rate_g=2e-3, rate_d=4e-4, decay=True)
FROGS = Training(steps=15_000, rate_g=4e-4, decay=True, mirror=True, shift=4)  # for 5,000 images
# Noise without categories: three sets of ten make clearer digits, but channels that tell of each other
# (results/README.md). No other rates were tried to their end.
THOUSAND = Training(steps=24_000, width=32, hidden=512, rate_g=1e-3, rate_d=5e-4, decay=True)

# What --quick makes of a run, and of its judge's work.
QUICK_TRAINING = {"steps": 100, "width": 8, "hidden": 32}
QUICK_SAMPLES = 1_000
