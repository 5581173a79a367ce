"""How likely test images are under a Gaussian around each generated one: the number in Goodfellow's Table 1.

It is also the number that Theis et al. 2016 warn of: in hundreds of dimensions it says little of how good images look.
On the host in float64. Samples and test points are (n, ...): whatever follows the first axis is a point's coordinates,
for images their pixels in [0, 1].
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Shaped

from gan_from_scratch import check
from gan_from_scratch.images.metrics import squared_distances

SIGMAS = tuple(np.logspace(-1, 0, 10).tolist())  # the grid of the code that Goodfellow et al. released
ROWS = 500  # points whose distances to all samples are in memory at a time: 40 MB for 10,000, and two tables beside it
Points = Shaped[np.ndarray | jax.Array, "_ ..."]


class LogLikelihood(NamedTuple):
    """The mean over test points, and its standard error: their standard deviation over the root of their number."""

    mean: float
    standard_error: float


def parzen_log_likelihood(samples: Points, test: Points, sigma: float | int) -> LogLikelihood:
    """Of test points under (1 / n) sum over i of N(x; sample_i, sigma^2 I), in nats. Goodfellow et al. 2014, section 5.

    ValueError if sigma is so small that a density cannot be told from 0.
    """
    log_densities = parzen_log_densities(samples, test, [sigma])[0]
    return LogLikelihood(float(log_densities.mean()), float(log_densities.std() / math.sqrt(len(log_densities))))


def choose_sigma(samples: Points, validation: Points, sigmas: Sequence[float] = SIGMAS) -> float:
    """The sigma under which validation points, never test points, are likeliest on average."""
    return float(sigmas[np.argmax(parzen_log_densities(samples, validation, sigmas).mean(axis=1))])


def parzen_log_densities(
    samples: Points, points: Points, sigmas: Sequence[float | int]
) -> Float[np.ndarray, "sigmas points"]:
    """log p(x) of each point for each sigma. The distances, which cost most, are found once for all of them.

    They are good to some 1e-7 of the points' own lengths, so a smaller sigma sees rounding.
    """
    samples, points = _rows("samples", samples), _rows("points", points)
    n, dim = samples.shape
    if points.shape[1] != dim:
        raise ValueError(f"samples have {dim} coordinates and points {points.shape[1]}, but must have equally many")
    if not len(sigmas):
        raise ValueError("sigmas is empty, but must hold at least one")
    for sigma in sigmas:
        check.positive("sigma", sigma)
    sigmas = [float(sigma) for sigma in sigmas]
    found = np.empty((len(sigmas), len(points)))
    for start in range(0, len(points), ROWS):
        here = slice(start, start + ROWS)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = squared_distances(points[here], samples)
        if not np.isfinite(squares).all():
            raise ValueError("samples and points lie too far apart: their squared distances must be finite in float64")
        nearest = squares.min(axis=1)
        squares -= nearest[:, None]
        for i, sigma in enumerate(sigmas):
            # The nearest sample's term is taken out of the sum and is 1 in it, so that not all of them become 0.
            with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
                terms = np.exp(squares / sigma / (-2 * sigma))
                found[i, here] = np.log(terms.sum(axis=1)) - nearest / sigma / (2 * sigma)
            found[i, here] -= math.log(n) + dim / 2 * math.log(2 * math.pi) + dim * math.log(sigma)
    for sigma, log_densities in zip(sigmas, found, strict=True):
        if not np.isfinite(log_densities).all():
            raise ValueError(f"sigma is {sigma}, but must be larger: seen so finely, no sample is near some point")
    return found


def _rows(name: str, points: Points) -> Float[np.ndarray, "n d"]:
    x = np.asarray(points)
    if x.ndim < 2 or not x.size:
        raise ValueError(f"{name} has shape {x.shape}, but must have shape (n, ...), with at least one point")
    if not jax.numpy.issubdtype(x.dtype, np.floating):  # bfloat16 is none of NumPy's own
        raise ValueError(f"{name} has type {x.dtype}, but must be floating: for images their bytes over 255")
    check.all_finite(name, x)
    return x.reshape(len(x), -1).astype(np.float64, copy=False)
