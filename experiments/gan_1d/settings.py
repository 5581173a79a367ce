"""The 1-D GAN and how it learns: the settings on which goodfellow_1d, and whoever plays its GAN, agree."""

from dataclasses import dataclass
from typing import Literal

from gan_from_scratch import check, networks
from gan_from_scratch.distributions import Gaussian, Laplace, Mixture, Uniform


@dataclass(frozen=True)
class Settings:
    """The defaults were chosen for all the data in the results' table together, within about two minutes for 32 GANs.
    On one of them alone another setting may measure slightly better (experiments/results/README.md)."""

    data: Literal["gaussian", "laplace", "mixture", "uniform"] = "gaussian"
    """Shape of p_data. The mixture has two bumps at mean - std and mean + std, each std / 4 wide."""
    mean: float = 4.0
    """Mean of p_data."""
    std: float = 1.25
    """Standard deviation of p_data (for the mixture: of its two centres)."""
    noise: Literal["uniform", "gaussian"] = "uniform"
    """Distribution of z: uniform on [noise-low, noise-high], or N(0, 1)."""
    noise_low: float = -1.0
    """Lower end of uniform noise."""
    noise_high: float = 1.0
    """Upper end of uniform noise."""
    loss: Literal["saturating", "nonsaturating"] = "nonsaturating"
    """G's loss: E log(1 - D(G(z))), eq. (1), or -E log D(G(z)), section 3."""
    discriminator: Literal["pointwise", "set"] = "pointwise"
    """What D judges: single points, or sets of 100 draws with their squared deviations from the set's mean."""
    steps: int | None = None
    """Steps of Algorithm 1. None: 24,000 for the pointwise D, 1,000 for the set D."""
    k: int | None = None
    """Steps of D in each. None: 2 for the pointwise D, 1 for the set D."""
    generator_steps: int | None = None
    """Steps of G in each. None: 1 for the pointwise D, 5 for the set D, as in keraspp's ex7_1."""
    batch: int | None = None
    """Points in a batch. None: 64 for the pointwise D, 800 (8 sets of 100) for the set D."""
    rate_g: float = 1e-3
    """Adam's learning rate of G: well below D's, so that D stays close to its optimum."""
    rate_d: float = 5e-3
    """Adam's learning rate of D."""
    b1: float = 0.0
    """Adam's momentum. 0, because momentum pushes on in a direction that the other player has made wrong."""
    b2: float = 0.99
    """Adam's memory of squared gradients: 100 steps, since their size changes as the other player moves."""
    decay: bool = True
    """Let both learning rates fall linearly to 0, so that the players' circling dies out."""
    r1: float = 0.3
    """Weight of the R1 penalty on D's slope at the data (Mescheder et al. 2018), in standard units. 0: off."""
    average: float = 0.9998
    """Judge a running average of G's parameters with this memory (5,000 steps). 0: judge the newest."""
    standardize: bool = True
    """Let both networks work in units of the data's mean and std, estimated from 10,000 draws."""

    def __post_init__(self):
        is_set = self.discriminator == "set"
        for name, pointwise, of_set in (
            ("steps", 24_000, 1_000),
            ("k", 2, 1),
            ("generator_steps", 1, 5),
            ("batch", 64, 800),
        ):
            if getattr(self, name) is None:
                object.__setattr__(self, name, of_set if is_set else pointwise)
        for name in ("steps", "k", "generator_steps", "batch"):
            check.positive_integer(name, getattr(self, name))
        check.positive("std", self.std)
        for name in ("rate_g", "rate_d"):
            check.rate(name, getattr(self, name))
        for name in ("b1", "b2", "average"):
            check.fraction(name, getattr(self, name))
        check.nonnegative("r1", self.r1)
        check.choices(self)
        self.p_data(), self.p_z()  # each checks its own parameters
        if self.std < 1e-5 * abs(self.mean):
            raise ValueError(f"std is {self.std}, but must be at least 1e-5 of mean {self.mean}: float32 has 7 digits")
        set_size = networks.SetDiscriminator.set_size
        if is_set and self.batch % set_size:
            raise ValueError(f"batch is {self.batch}, but with --discriminator set must be a multiple of {set_size}")

    def p_data(self):
        return {
            "gaussian": lambda: Gaussian(self.mean, self.std),
            "laplace": lambda: Laplace(self.mean, self.std / 2**0.5),
            "mixture": lambda: Mixture([self.mean - self.std, self.mean + self.std], self.std / 4),
            "uniform": lambda: Uniform(self.mean - 3**0.5 * self.std, self.mean + 3**0.5 * self.std),
        }[self.data]()

    def p_z(self):
        return Uniform(self.noise_low, self.noise_high) if self.noise == "uniform" else Gaussian(0.0, 1.0)
