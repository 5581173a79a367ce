"""How far draws of a 1-D GAN are from p_data, and what even spacing alone would make of that."""

import numpy as np

from experiments.gan_1d.build import even_levels
from gan_from_scratch import metrics


def of_draws(x: np.ndarray, p_data) -> dict[str, float]:
    """KS and W1 distances of x (n,) from p_data, and errors of mean and standard deviation, in units of p_data's."""
    mean, std = p_data.moments()
    return {
        "ks": metrics.ks_statistic(x, p_data),
        "w1_over_std": metrics.wasserstein_1d(x, p_data) / std,
        "mean_error_over_std": (float(np.mean(x, dtype=np.float64)) - mean) / std,
        "std_error_over_std": (float(np.std(x, dtype=np.float64)) - std) / std,
    }


def ideal_on_even_z(p_data, n: int) -> np.ndarray:
    """What the ideal map, p_data's quantile function, makes of n evenly spaced z.

    These points are spread out more evenly than draws: their distances from p_data are far below those of real data.
    """
    return np.asarray(p_data.quantile(even_levels(n)), np.float64)
