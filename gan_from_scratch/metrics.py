"""How far samples are from what they should be. On the host in float64, because differences lose digits.

Samples on the line against a distribution whose cdf F is known exactly: mean and standard deviation can match while the
shape is wrong, and both distances see the whole shape. Samples in space against the modes of a mixture: which were
found, how often, and how wide. Images against images: images/metrics.py and images/parzen.py.
"""

import math
from typing import NamedTuple

import jax
import jax.scipy.stats
import numpy as np
from jaxtyping import Float

from gan_from_scratch import check
from gan_from_scratch.images.metrics import class_score, coverage, frechet_distance
from gan_from_scratch.images.parzen import choose_sigma, parzen_log_likelihood

__all__ = ["choose_sigma", "class_score", "coverage", "frechet_distance", "parzen_log_likelihood"]  # handed on

Samples = Float[np.ndarray | jax.Array, "..."]
NEAR = 3  # standard deviations from its nearest centre up to which a sample is of high quality (VEEGAN, section 4.1)


def ks_statistic(samples: Samples, distribution) -> float:
    """sup_x |F_n(x) - F(x)|, the Kolmogorov-Smirnov distance, from 0 to 1. Samples of shape (n,) or (n, 1).

    F_n jumps at each sample, so the supremum is reached just before or just after one.
    """
    x = _sorted_line(samples)
    n = len(x)
    cdf = np.asarray(distribution.cdf(x), np.float64)
    after, before = np.arange(1, n + 1) / n, np.arange(n) / n
    return float(max(np.max(after - cdf), np.max(cdf - before)))


def wasserstein_1d(samples: Samples, distribution) -> float:
    """W_1 = integral of |F_n(x) - F(x)| dx, in the units of x. Samples of shape (n,) or (n, 1).

    F_n is constant between samples, so a trapezoid rule on a grid that holds every sample errs only in F's curvature.
    """
    x = _sorted_line(samples)
    # Beyond the 1e-7 quantiles a tail adds less than 1e-5 standard deviations for the distributions used here,
    # and float32 cannot place the quantiles much further out.
    low, high = (float(q) for q in distribution.quantile(np.array([1e-7, 1 - 1e-7])))
    # Equal steps in x resolve the tails, equal steps in probability resolve the bulk.
    even_x = np.linspace(min(low, x[0]), max(high, x[-1]), 20_001)
    even_u = np.asarray(distribution.quantile(np.linspace(1e-4, 1 - 1e-4, 10_001)), np.float64)
    nodes = np.unique(np.concatenate([x, even_x, even_u]))
    cdf = np.asarray(distribution.cdf(nodes), np.float64)
    empirical = np.searchsorted(x, nodes[:-1], side="right") / len(x)
    gap = (np.abs(cdf[:-1] - empirical) + np.abs(cdf[1:] - empirical)) / 2
    return float(np.sum(gap * np.diff(nodes)))


def _sorted_line(samples: Samples) -> Float[np.ndarray, " n"]:
    x = np.asarray(samples, np.float64)
    if x.ndim == 2 and x.shape[1] == 1:
        x = x[:, 0]
    if x.ndim != 1:
        raise ValueError(f"samples has shape {x.shape}, but must have shape (n,) or (n, 1)")
    check.all_finite("samples", x)
    return np.sort(x)


class ModeCoverage(NamedTuple):
    """How many modes have a sample of high quality, the share of such samples, and their KL to equal shares in nats."""

    modes: int
    high_quality: float
    kl: float


def mode_coverage(samples: Samples, centers: Samples, std: float | int) -> ModeCoverage:
    """Srivastava et al. 2017 (VEEGAN), section 4.1, and Lin et al. 2018 (PacGAN). Both arrays are (n, dim).

    A sample is of high quality within 3 standard deviations of its nearest centre: in the plane 98.9 % of real data.
    kl is KL(shares of the modes among samples of high quality || 1 / modes), and log(modes) if there are none.
    """
    nearest, distances = _nearest(samples, centers, std)
    modes, good = len(centers), distances <= NEAR * std
    if not good.any():
        return ModeCoverage(0, 0.0, math.log(modes))
    shares = np.bincount(nearest[good], minlength=modes) / good.sum()
    found = shares[shares > 0]
    return ModeCoverage(len(found), float(good.mean()), float(np.sum(found * np.log(found * modes))))


def mode_spread(samples: Samples, centers: Samples, std: float | int) -> float:
    """The width of the modes over the true one: 1 for real data, 0 if all samples are centres or none is near one.

    Of samples of high quality the root of the mean squared distance to the centre. Cut off at 3 standard deviations a
    Gaussian in d dimensions has E r^2 = d std^2 P(chi^2_(d+2) < 9) / P(chi^2_d < 9): that is the true width here.
    """
    _, distances = _nearest(samples, centers, std)
    r = distances[distances <= NEAR * std] / std
    dim = np.shape(centers)[1]
    inside = [float(jax.scipy.stats.chi2.cdf(NEAR**2, df)) for df in (dim + 2, dim)]
    return math.sqrt(np.mean(r**2) / (dim * inside[0] / inside[1])) if len(r) else 0.0


def _nearest(samples: Samples, centers: Samples, std: float | int) -> tuple[np.ndarray, np.ndarray]:
    """Of each sample which centre is nearest, and how far it is."""
    samples, centers = np.asarray(samples, np.float64), np.asarray(centers, np.float64)
    if samples.ndim != 2 or centers.ndim != 2 or samples.shape[1] != centers.shape[1]:
        raise ValueError(
            f"samples has shape {samples.shape} and centers {centers.shape}, but must have (n, dim) and (modes, dim)"
        )
    check.all_finite("samples", samples)
    check.all_finite("centers", centers)
    check.positive("std", std)
    distances = np.stack([np.linalg.norm(samples - center, axis=1) for center in centers])
    return distances.argmin(axis=0), distances.min(axis=0)
