"""Both distances against closed forms and scipy."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from gan_from_scratch.distributions import Gaussian, Laplace, Mixture, Uniform
from gan_from_scratch.metrics import ks_statistic, wasserstein_1d

U = (np.arange(5000) + 0.5) / 5000


@given(seed=st.integers(0, 10_000), mean=st.floats(-2, 2), std=st.floats(0.3, 3))
def test_ks_is_scipys(seed, mean, std):
    samples = np.random.default_rng(seed).normal(size=200)
    oracle = scipy.stats.kstest(samples, scipy.stats.norm(mean, std).cdf).statistic
    assert ks_statistic(samples, Gaussian(mean, std)) == pytest.approx(oracle, abs=1e-6)  # our cdf is float32


@given(seed=st.integers(0, 10_000), shift=st.floats(-3, 3), scale=st.floats(0.2, 3))
def test_w1_is_scipys(seed, shift, scale):
    samples = shift + scale * np.random.default_rng(seed).normal(size=50)
    fine = (np.arange(200_000) + 0.5) / 200_000
    oracle = scipy.stats.wasserstein_distance(samples, scipy.stats.norm.ppf(fine))
    assert wasserstein_1d(samples, Gaussian()) == pytest.approx(oracle, abs=1e-4)  # the oracle is itself a sample


@given(c=st.floats(-3, 3))
def test_w1_of_a_point_mass_is_the_mean_distance_to_it(c):
    exact = c * math.erf(c / math.sqrt(2)) + math.sqrt(2 / math.pi) * math.exp(-(c**2) / 2)
    assert wasserstein_1d(np.full(10, c), Gaussian()) == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("distribution", [Gaussian(1.0, 2.0), Mixture([-3.0, 3.0], 0.5), Uniform(0.0, 1.0)])
@pytest.mark.parametrize("shift", [-5.0, -0.3, 0.0, 0.01, 2.0])
def test_w1_of_a_shifted_copy_is_the_shift(distribution, shift):
    samples = np.asarray(distribution.quantile(U), np.float64) + shift
    # The copy's own quantisation adds less than a few thousandths of a standard deviation.
    assert wasserstein_1d(samples, distribution) == pytest.approx(abs(shift), abs=0.005)


def test_w1_scales_with_x_and_ks_does_not():
    samples = np.random.default_rng(0).laplace(size=300)
    one, many = Laplace(0.0, 1.0), Laplace(0.0, 50.0)
    assert wasserstein_1d(50 * samples, many) == pytest.approx(50 * wasserstein_1d(samples, one), rel=1e-3)
    assert ks_statistic(50 * samples, many) == pytest.approx(ks_statistic(samples, one), abs=1e-6)


def test_the_right_mean_and_std_with_the_wrong_shape_are_seen():
    samples = np.repeat([-1.0, 1.0], 500)
    assert samples.mean() == 0 and samples.std() == 1
    assert ks_statistic(samples, Gaussian()) > 0.3
    assert wasserstein_1d(samples, Gaussian()) > 0.4


def test_order_and_shape_do_not_matter():
    samples = np.random.default_rng(1).normal(size=100)
    for metric in (ks_statistic, wasserstein_1d):
        assert metric(samples, Gaussian()) == metric(samples[::-1, None], Gaussian())


@pytest.mark.parametrize(
    ("samples", "named"),
    [
        (np.array([]), "samples is empty"),
        (np.array([1.0, np.nan]), "samples holds nan"),
        (np.array([1.0, np.inf]), "samples holds inf"),
        (np.zeros((3, 2)), "samples has shape"),
    ],
)
def test_bad_samples_are_named(samples, named):
    for metric in (ks_statistic, wasserstein_1d):
        with pytest.raises(ValueError, match=named):
            metric(samples, Gaussian())
