"""Toy distributions whose density is known, so that what a generator learned can be compared with the truth.

Each has `sample(key, n) -> (n, dim)` and `log_prob(x) -> (n,)` for x of shape (n, dim). Those on the line (dim 1)
take x of shape (n,) as well, and have `cdf(x) -> (n,)`, its inverse `quantile(u) -> (n,)`, and
`moments() -> (mean, standard deviation)`.
"""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy import stats
from jax.scipy.special import logsumexp, ndtr, ndtri
from jax.typing import ArrayLike
from jaxtyping import Float, Key

from gan_from_scratch import check

TAIL = 40  # standard deviations or scales: no draw is that far out, in float32 or float64


@dataclass(frozen=True)
class Uniform:
    """The uniform distribution on [low, high]: the noise z."""

    low: float | int = -1.0
    high: float | int = 1.0

    def __post_init__(self):
        check.finite("low", self.low)
        check.finite("high", self.high)
        if self.low >= self.high:
            raise ValueError(f"low is {self.low} and high is {self.high}, but low must be below high")
        # A draw is low + (high - low) U.
        check.below_overflow(max(-self.low, self.high, self.high - self.low), low=self.low, high=self.high)

    def moments(self) -> tuple[float, float]:
        return (self.low + self.high) / 2, (self.high - self.low) / math.sqrt(12)

    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n 1"]:
        check.positive_integer("n", n)
        return jax.random.uniform(key, (n, 1), minval=self.low, maxval=self.high)

    def log_prob(self, x: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        x = _on_the_line(x)
        inside = (x >= self.low) & (x <= self.high)
        return jnp.where(inside, -math.log(self.high - self.low), -jnp.inf)

    def cdf(self, x: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        return jnp.clip((_on_the_line(x) - self.low) / (self.high - self.low), 0, 1)

    def quantile(self, u: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        return self.low + (self.high - self.low) * jnp.asarray(u)


@dataclass(frozen=True)
class Gaussian:
    """N(mean, std^2) on the line."""

    mean: float | int = 0.0
    std: float | int = 1.0

    def __post_init__(self):
        check.finite("mean", self.mean)
        check.positive("std", self.std)
        check.below_overflow(abs(self.mean) + TAIL * self.std, mean=self.mean, std=self.std)

    def moments(self) -> tuple[float, float]:
        return self.mean, self.std

    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n 1"]:
        check.positive_integer("n", n)
        return self.mean + self.std * jax.random.normal(key, (n, 1))

    def log_prob(self, x: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        return stats.norm.logpdf(_on_the_line(x), self.mean, self.std)

    def cdf(self, x: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        return ndtr((_on_the_line(x) - self.mean) / self.std)

    def quantile(self, u: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        return self.mean + self.std * ndtri(jnp.asarray(u))


@dataclass(frozen=True)
class Laplace:
    """The Laplace distribution with density exp(-|x - mean| / scale) / (2 scale): heavier tails than a Gaussian's."""

    mean: float | int = 0.0
    scale: float | int = 1.0

    def __post_init__(self):
        check.finite("mean", self.mean)
        check.positive("scale", self.scale)
        check.below_overflow(abs(self.mean) + TAIL * self.scale, mean=self.mean, scale=self.scale)

    def moments(self) -> tuple[float, float]:
        return self.mean, math.sqrt(2) * self.scale

    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n 1"]:
        check.positive_integer("n", n)
        return self.mean + self.scale * jax.random.laplace(key, (n, 1))

    def log_prob(self, x: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        return stats.laplace.logpdf(_on_the_line(x), self.mean, self.scale)

    def cdf(self, x: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        return stats.laplace.cdf(_on_the_line(x), self.mean, self.scale)

    def quantile(self, u: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        u = jnp.asarray(u)
        # log(2 min(u, 1-u)) is the log of the tail's mass, doubled, on either side of the median.
        return self.mean - self.scale * jnp.sign(u - 0.5) * jnp.log(2 * jnp.minimum(u, 1 - u))


@dataclass(frozen=True, eq=False)  # means is an array, which == does not reduce to one truth value
class Mixture:
    """Equal parts of N(means[i], std^2 I). `means` has shape (modes,) on the line and (modes, dim) elsewhere."""

    means: Any  # an array or nested lists; kept as a float64 array of shape (modes, dim)
    std: float | int

    def __post_init__(self):
        means = np.asarray(self.means, dtype=np.float64)
        if means.ndim not in (1, 2):
            raise ValueError(f"means has shape {means.shape}, but must have shape (modes,) or (modes, dim)")
        check.all_finite("means", means)
        check.positive("std", self.std)
        check.below_overflow(np.abs(means).max() + TAIL * self.std, means=f"up to {np.abs(means).max()}", std=self.std)
        object.__setattr__(self, "means", means.reshape(len(means), -1))

    def moments(self) -> tuple[float, float]:
        self._require_line("moments")
        return float(self.means.mean()), math.hypot(self.std, float(self.means.std()))

    def sample(self, key: Key[Array, ""], n: int) -> Float[Array, "n dim"]:
        check.positive_integer("n", n)
        key_mode, key_noise = jax.random.split(key)
        modes, dim = self.means.shape
        mode = jax.random.randint(key_mode, (n,), 0, modes)
        return jnp.asarray(self.means)[mode] + self.std * jax.random.normal(key_noise, (n, dim))

    def log_prob(self, x: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        modes, dim = self.means.shape
        x = _on_the_line(x)[..., None] if dim == 1 else _in_space(x, dim)
        distance = (x[..., None, :] - self.means) / self.std
        log_parts = -0.5 * jnp.sum(distance**2, axis=-1)
        return logsumexp(log_parts, axis=-1) - dim * math.log(self.std * math.sqrt(2 * math.pi)) - math.log(modes)

    def cdf(self, x: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        self._require_line("cdf")
        return self._cdf(_on_the_line(x))

    def _cdf(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return jnp.mean(ndtr((x[..., None] - self.means[:, 0]) / self.std), axis=-1)

    def quantile(self, u: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        """The inverse of the cdf by bisection, since a mixture's has no closed form."""
        self._require_line("quantile")
        u = jnp.asarray(u)
        # Every mode's own quantile bounds the mixture's from below or above.
        low = float(self.means.min()) + self.std * ndtri(u)
        high = float(self.means.max()) + self.std * ndtri(u)

        def halve(_, bracket):
            low, high = bracket
            middle = (low + high) / 2
            too_low = self._cdf(middle) < u
            return jnp.where(too_low, middle, low), jnp.where(too_low, high, middle)

        # 2^-60 of the bracket is below the spacing of float64.
        low, high = jax.lax.fori_loop(0, 60, halve, (low, high))
        return (low + high) / 2

    def _require_line(self, what: str) -> None:
        if self.means.shape[1] != 1:
            raise ValueError(f"means has shape {self.means.shape}, but {what} exists only on the line, shape (modes,)")


def ring(modes: int = 8, radius: float | int = 1.0, std: float | int = 0.01) -> Mixture:
    """`modes` Gaussians evenly around a circle. The default is VEEGAN's and PacGAN's benchmark."""
    check.positive_integer("modes", modes)
    check.positive("radius", radius)
    # endpoint=False: with 2 pi included the last mode would lie on the first, and 8 modes be 7.
    angle = np.linspace(0, 2 * np.pi, modes, endpoint=False)
    return Mixture(radius * np.stack([np.cos(angle), np.sin(angle)], axis=1), std)


def grid(side: int = 5, spacing: float | int = 2.0, std: float | int = 0.05) -> Mixture:
    """`side` x `side` Gaussians on a square lattice around 0. The default is VEEGAN's and PacGAN's benchmark."""
    check.positive_integer("side", side)
    check.positive("spacing", spacing)
    line = spacing * (np.arange(side) - (side - 1) / 2)
    return Mixture(np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2), std)


def _on_the_line(x: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
    """x of shape (n, 1), (n,) or () as (n,) or (): one number a point."""
    x = jnp.asarray(x)
    if x.ndim < 2:
        return x
    return _in_space(x, 1)[..., 0]


def _in_space(x: Float[ArrayLike, "..."], dim: int) -> Float[Array, "... dim"]:
    x = jnp.asarray(x)
    if x.ndim == 0 or x.shape[-1] != dim:
        raise ValueError(f"x has shape {x.shape}, but must have shape (n, {dim})")
    return x
