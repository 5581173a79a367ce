"""Densities integrate to one, cdfs are their integrals, samples follow them, and scipy agrees."""

import math

import jax
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from gan_from_scratch.distributions import Gaussian, Laplace, Mixture, Uniform, grid, ring

LINE = {
    "uniform": (Uniform(-1.5, 2.0), scipy.stats.uniform(-1.5, 3.5)),
    "gaussian": (Gaussian(4.0, 1.25), scipy.stats.norm(4.0, 1.25)),
    "laplace": (Laplace(-1.0, 0.7), scipy.stats.laplace(-1.0, 0.7)),
    "mixture": (Mixture([-2.0, 0.5, 3.0], 0.4), None),
}
on_the_line = pytest.mark.parametrize("name", LINE)


@on_the_line
def test_moments_density_and_cdf_agree(float64, name):
    distribution, _ = LINE[name]
    mean, std = distribution.moments()
    x = np.linspace(mean - 30 * std, mean + 30 * std, 200_001)
    p = np.exp(np.asarray(distribution.log_prob(x)))
    # A step of 3e-4 std: the uniform's two jumps cost one step's worth of mass, 1e-4.
    assert np.trapezoid(p, x) == pytest.approx(1, abs=2e-4)
    assert np.trapezoid(p * x, x) == pytest.approx(mean, abs=1e-3)
    assert math.sqrt(np.trapezoid(p * (x - mean) ** 2, x)) == pytest.approx(std, rel=1e-3)
    integral = np.concatenate([[0], np.cumsum((p[1:] + p[:-1]) / 2 * np.diff(x))])
    np.testing.assert_allclose(integral, distribution.cdf(x), atol=2e-4)


@on_the_line
def test_quantile_inverts_the_cdf(float64, name):
    distribution, _ = LINE[name]
    u = np.linspace(0.001, 0.999, 101)
    np.testing.assert_allclose(distribution.cdf(distribution.quantile(u)), u, atol=1e-10)
    assert distribution.quantile(u[:, None]).shape == (101, 1)


@on_the_line
def test_samples_follow_the_cdf(name):
    """One fixed draw; a true cdf fails at this level once in 10,000 draws."""
    distribution, _ = LINE[name]
    x = distribution.sample(jax.random.key(0), 20_000)
    assert x.shape == (20_000, 1)
    assert scipy.stats.kstest(np.asarray(x)[:, 0], lambda x: np.asarray(distribution.cdf(x))).pvalue > 1e-4


@on_the_line
def test_columns_and_vectors_are_the_same_points(name):
    distribution, _ = LINE[name]
    x = np.array([-0.5, 1.0, 2.5])
    for function in (distribution.log_prob, distribution.cdf):
        np.testing.assert_array_equal(function(x), function(x[:, None]))
        assert function(x).shape == (3,)


@pytest.mark.parametrize("name", [name for name, (_, oracle) in LINE.items() if oracle])
def test_scipy_agrees(float64, name):
    distribution, oracle = LINE[name]
    x, u = np.linspace(-8, 9, 60), np.linspace(0.01, 0.99, 40)
    np.testing.assert_allclose(distribution.log_prob(x), oracle.logpdf(x), rtol=1e-10)
    np.testing.assert_allclose(distribution.cdf(x), oracle.cdf(x), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(distribution.quantile(u), oracle.ppf(u), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(distribution.moments(), (oracle.mean(), oracle.std()))


@given(x=st.floats(-4, 4), y=st.floats(-4, 4))
def test_mixture_in_the_plane_is_the_mean_of_its_gaussians(x, y):
    means, std = np.array([[-1.0, 0.5], [2.0, -1.0]]), 0.8
    exact = np.mean([scipy.stats.multivariate_normal(mean, std**2 * np.eye(2)).pdf([x, y]) for mean in means])
    assert float(Mixture(means, std).log_prob(np.array([[x, y]]))[0]) == pytest.approx(math.log(exact), abs=1e-4)


def test_ring_has_eight_distinct_modes_evenly_around_the_unit_circle():
    means = ring().means
    np.testing.assert_allclose(np.linalg.norm(means, axis=1), 1)
    gaps = np.linalg.norm(means - np.roll(means, 1, axis=0), axis=1)
    np.testing.assert_allclose(gaps, 2 * math.sin(math.pi / 8))
    assert ring().std == 0.01 and len(means) == 8


def test_grid_has_25_modes_two_apart():
    assert {tuple(mean) for mean in grid().means} == {(a, b) for a in range(-4, 5, 2) for b in range(-4, 5, 2)}
    assert grid().std == 0.05


def test_every_mode_gets_its_share_of_samples():
    x = np.asarray(ring().sample(jax.random.key(1), 8000))
    assert x.shape == (8000, 2)
    nearest = np.argmin(np.linalg.norm(x[:, None] - ring().means, axis=2), axis=1)
    # Binomial with mean 1000 and standard deviation 30; five of them.
    assert np.all(np.abs(np.bincount(nearest, minlength=8) - 1000) < 150)
    assert np.std(x - ring().means[nearest]) == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize(
    "largest",
    [
        Uniform(-1.7e38, 1.7e38),
        Uniform(3.3e38, 3.4e38),
        Gaussian(-3e38, 9e35),
        Laplace(3e38, 9e35),
        Mixture([-3e38, 3e38], 9e35),
    ],
    ids=repr,
)
def test_what_is_not_refused_as_too_large_has_finite_draws(largest):
    assert np.isfinite(largest.sample(jax.random.key(0), 100_000)).all()


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Uniform(1.0, 1.0), "low is 1.0 and high is 1.0"),
        (lambda: Uniform(2.0, -1.0), "low is 2.0"),
        (lambda: Uniform(0.0, math.inf), "high is inf"),
        (lambda: Gaussian(0.0, 0.0), "std is 0.0"),
        (lambda: Gaussian(math.nan, 1.0), "mean is nan"),
        (lambda: Laplace(0.0, -1.0), "scale is -1.0"),
        (lambda: Mixture([0.0, math.nan], 1.0), "means holds nan"),
        (lambda: Mixture([], 1.0), "means is empty"),
        (lambda: Mixture(np.zeros((1, 1, 1)), 1.0), "means has shape"),
        (lambda: Mixture([0.0], math.inf), "std is inf"),
        (lambda: Gaussian(1e38, 1e38), r"^mean is 1e\+38 and std is 1e\+38, but draws must stay below .*, 3.4e\+38"),
        (lambda: Gaussian(-4e38, 1.0), r"mean is -4e\+38 and std is 1.0"),
        (lambda: Gaussian(0.0, 1e37), r"std is 1e\+37"),
        (lambda: Laplace(0, 1e38), r"mean is 0 and scale is 1e\+38"),
        (lambda: Uniform(-2e38, 2e38), r"low is -2e\+38 and high is 2e\+38"),
        (lambda: Uniform(3.5e38, 3.6e38), r"high is 3.6e\+38"),
        (lambda: Mixture([0.0, -1e39], 1.0), r"means is up to 1e\+39 and std is 1.0"),
        (lambda: Mixture([[0.0, 1.0]], 1e38), r"means is up to 1.0 and std is 1e\+38"),
        (lambda: ring(radius=1e39), r"means is up to 1e\+39"),
        (lambda: ring(modes=0), "modes is 0"),
        (lambda: ring(radius=-1.0), "radius is -1.0"),
        (lambda: grid(side=-2), "side is -2"),
        (lambda: Gaussian().sample(jax.random.key(0), 0), "n is 0"),
        (lambda: Gaussian().log_prob(np.zeros((3, 2))), "x has shape"),
        (lambda: ring().cdf(np.zeros(3)), "cdf exists only on the line"),
        (lambda: ring().log_prob(np.zeros(3)), "x has shape"),
    ],
)
def test_bad_input_is_named(without_shape_checks, make, named):
    with pytest.raises(ValueError, match=named):
        make()
