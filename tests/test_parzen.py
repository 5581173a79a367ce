"""Parzen windows against a loop, a closed form, and the edges where a number would look like a score."""

import math

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gan_from_scratch import metrics
from gan_from_scratch.images import parzen


def by_a_loop(samples: np.ndarray, x: np.ndarray, sigma: float) -> float:
    """log of the mean of the Gaussians' densities at one x, from math alone, the largest taken out."""
    exponents = [-sum((a - b) ** 2 for a, b in zip(x, s, strict=True)) / (2 * sigma**2) for s in samples]
    largest = max(exponents)
    total = math.fsum(math.exp(exponent - largest) for exponent in exponents)
    return largest + math.log(total) - math.log(len(samples)) - len(x) * math.log(sigma * math.sqrt(2 * math.pi))


@given(
    st.integers(1, 3).flatmap(
        lambda dim: st.tuples(
            *(arrays.arrays(float, st.tuples(st.integers(1, 6), st.just(dim)), elements=st.floats(-2, 2)),) * 2
        )
    ),
    st.floats(0.05, 3),
)
def test_against_a_loop(points, sigma):
    samples, test = points
    expected = [by_a_loop(samples, x, sigma) for x in test]
    found = metrics.parzen_log_likelihood(samples, test, sigma)
    # Rounding: exponents reach 4800, of which float64 keeps twelve digits behind the point.
    np.testing.assert_allclose(found.mean, np.mean(expected), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.standard_error, np.std(expected) / math.sqrt(len(test)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dim", [1, 3])
def test_of_gaussian_data_it_is_the_closed_form(dim):
    """Samples N(0, I), test points N(0, I): E log N(x; 0, (1 + sigma^2) I), but for the noise of 20,000 samples."""
    rng, sigma = np.random.default_rng(0), 0.5
    samples, test = rng.standard_normal((20_000, dim)), rng.standard_normal((2_000, dim))
    found = metrics.parzen_log_likelihood(samples, test, sigma)
    expected = -dim / 2 * (math.log(2 * math.pi * (1 + sigma**2)) + 1 / (1 + sigma**2))
    assert abs(found.mean - expected) < 4 * found.standard_error + 0.02  # .02: the samples' own noise, and its bias


def test_rows_are_judged_in_parts_as_together():
    rng = np.random.default_rng(1)
    samples, points = rng.random((50, 4)), rng.random((parzen.ROWS + 3, 4))
    together = parzen.parzen_log_densities(samples, points, (0.2, 0.7))
    parts = [parzen.parzen_log_densities(samples, part[None], (0.2, 0.7))[:, 0] for part in points[[0, 499, 500, 502]]]
    np.testing.assert_allclose(together[:, [0, 499, 500, 502]].T, parts, rtol=1e-12)


def test_images_are_their_pixels():
    images = np.random.default_rng(2).random((6, 4, 4, 1))
    whole = metrics.parzen_log_likelihood(images[:3], images[3:], 0.3)
    assert whole == metrics.parzen_log_likelihood(images[:3].reshape(3, 16), images[3:].reshape(3, 16), 0.3)
    assert whole.mean == pytest.approx(
        metrics.parzen_log_likelihood(jax.numpy.asarray(images[:3]), images[3:], 0.3).mean, rel=1e-5
    )


def test_a_test_point_among_the_samples_is_likelier_the_smaller_sigma():
    points = np.random.default_rng(3).random((5, 8))
    found = [metrics.parzen_log_likelihood(points, points, sigma).mean for sigma in (1e-1, 1e-2, 1e-4)]
    assert found == sorted(found)


def test_far_away_it_is_the_nearest_sample_that_counts():
    """So far from all samples that each density is 0 in float64, its logarithm is none of -inf."""
    found = metrics.parzen_log_likelihood(np.zeros((3, 784)), np.full((2, 784), 1e3), 0.1)
    assert found.mean == pytest.approx(-784 * (1e6 / 0.02 + math.log(0.1 * math.sqrt(2 * math.pi))))


@pytest.mark.parametrize("sigma", [1e-160, 1e-170])
def test_a_sigma_too_small_to_see_anything_is_refused(sigma):
    with pytest.raises(ValueError, match=f"sigma is {sigma}, but must be larger"):
        metrics.parzen_log_likelihood(np.zeros((1, 2)), np.ones((1, 2)), sigma)


def test_sigma_is_the_likeliest_for_validation_points():
    rng = np.random.default_rng(4)
    samples, validation = rng.standard_normal((400, 2)), rng.standard_normal((300, 2))
    sigma = metrics.choose_sigma(samples, validation)
    means = {each: metrics.parzen_log_likelihood(samples, validation, each).mean for each in parzen.SIGMAS}
    assert sigma == max(means, key=means.get)
    assert 0.1 < sigma < 1
    # What it is told of other points changes it: those among the samples choose the narrowest.
    assert metrics.choose_sigma(samples, samples) == parzen.SIGMAS[0]


def test_the_grid_is_the_release_s():
    np.testing.assert_allclose(parzen.SIGMAS, [10 ** (-1 + i / 9) for i in range(10)], rtol=1e-12)
    assert parzen.SIGMAS[2] == pytest.approx(0.1668, abs=1e-4)  # the one that real digits choose


@pytest.mark.parametrize(
    ("samples", "test", "sigma", "message"),
    [
        (np.zeros((0, 2)), np.zeros((1, 2)), 1, r"samples has shape \(0, 2\)"),
        (np.zeros((1, 2)), np.zeros((0, 2)), 1, r"points has shape \(0, 2\)"),
        (np.zeros(2), np.zeros((1, 2)), 1, r"samples has shape \(2,\)"),
        (np.zeros((1, 2)), np.zeros((1, 3)), 1, "samples have 2 coordinates and points 3"),
        (np.zeros((1, 2), np.uint8), np.zeros((1, 2)), 1, "samples has type uint8"),
        (np.full((1, 2), np.nan), np.zeros((1, 2)), 1, "samples"),
        (np.zeros((1, 2)), np.full((1, 2), np.inf), 1, "points"),
        (np.zeros((1, 2)), np.zeros((1, 2)), 0, "sigma is 0"),
        (np.zeros((1, 2)), np.zeros((1, 2)), -0.1, "sigma is -0.1"),
        (np.zeros((1, 2)), np.zeros((1, 2)), float("nan"), "sigma is nan"),
    ],
)
def test_bad_input_is_named(samples, test, sigma, message):
    with pytest.raises(ValueError, match=message):
        metrics.parzen_log_likelihood(samples, test, sigma)


def test_huge_numbers_end_in_a_sentence_or_a_score():
    """A window as wide as 1e200 is one; points whose squared distances float64 does not hold are refused."""
    found = metrics.parzen_log_likelihood(np.zeros((1, 2)), np.ones((1, 2)), 1e200)
    assert found.mean == pytest.approx(-2 * math.log(1e200 * math.sqrt(2 * math.pi)))
    assert metrics.parzen_log_likelihood(np.zeros((1, 2)), np.ones((1, 2)), 10**200) == found
    with pytest.raises(ValueError, match="too far apart"):
        metrics.parzen_log_likelihood(np.zeros((1, 2)), np.full((1, 2), 1e160), 1.0)


def test_bfloat16_is_floating():
    points = jax.numpy.ones((2, 3), jax.numpy.bfloat16)
    assert np.isfinite(metrics.parzen_log_likelihood(points, points, 0.5).mean)


def test_no_sigma_to_choose_from():
    with pytest.raises(ValueError, match="sigmas is empty"):
        metrics.choose_sigma(np.zeros((1, 2)), np.zeros((1, 2)), ())
