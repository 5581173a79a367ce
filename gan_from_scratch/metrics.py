"""How far samples are from what they should be. On the host in float64, because differences lose digits.

Here samples on the line against a distribution whose cdf F is known exactly: mean and standard deviation can match
while the shape is wrong, and both distances see the whole shape. Images against images: images/metrics.py.
"""

import jax
import numpy as np
from jaxtyping import Float

from gan_from_scratch import check
from gan_from_scratch.images.metrics import class_score, coverage, frechet_distance

__all__ = ["class_score", "coverage", "frechet_distance", "ks_statistic", "wasserstein_1d"]

Samples = Float[np.ndarray | jax.Array, "..."]


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
