"""Modes found, samples of high quality, KL and width: counted by hand, and for real data."""

import math

import jax
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from gan_from_scratch import distributions
from gan_from_scratch.metrics import mode_coverage, mode_spread

RING, GRID = distributions.ring(), distributions.grid()
STD = 0.01


def test_one_point_in_one_mode_is_one_mode():
    assert mode_coverage(RING.means[:1], RING.means, STD) == (1, 1.0, pytest.approx(math.log(8)))


def test_without_a_sample_of_high_quality_nothing_is_nan():
    assert mode_coverage(np.full((5, 2), 9.0), RING.means, STD) == (0, 0.0, math.log(8))
    assert mode_spread(np.full((5, 2), 9.0), RING.means, STD) == 0


def test_counted_by_hand():
    """Of two modes: three samples near the first, one near the second, four far; kl over the four near ones alone."""
    centers = np.array([[0.0, 0.0], [10.0, 0.0]])
    far = [[10.0, 5.0], [8.5, 0.0], [10.0, -1.01], [0.0, 7.0]]  # most of them by the second mode
    near = [[0.0, 0.0], [0.5, 0.5], [-0.9, 0.0], [10.0, 0.9]]
    modes, high_quality, kl = mode_coverage(np.array(far + near), centers, 1 / 3)
    assert (modes, high_quality) == (2, 0.5)
    assert kl == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))


def test_three_standard_deviations_belong_to_the_mode():
    center = np.zeros((1, 2))
    assert mode_coverage(np.array([[3.0, 0.0]]), center, 1.0).modes == 1
    assert mode_coverage(np.array([[3.001, 0.0]]), center, 1.0).modes == 0


@pytest.mark.parametrize(("distribution", "kl"), [(RING, 0.0014), (GRID, 0.0048)], ids=["ring", "grid"])
def test_real_data(distribution, kl):
    """98.889 % within 3 standard deviations; the KL of n draws over m modes is about (m - 1) / (2 n) = kl."""
    scores = [
        mode_coverage(distribution.sample(jax.random.key(i), 2500), distribution.means, distribution.std)
        for i in range(40)
    ]
    modes, high_quality, found = (np.array(column) for column in zip(*scores, strict=True))
    assert set(modes) == {len(distribution.means)}
    assert high_quality.mean() == pytest.approx(1 - math.exp(-4.5), abs=4 * 0.0021 / math.sqrt(40))
    # A chi-squared variable over 2 n has a standard deviation of sqrt(2 (m - 1)) / (2 n).
    assert found.mean() == pytest.approx(kl, abs=4 * math.sqrt(kl / 2500) / math.sqrt(40) + 2e-4)
    spread = [
        mode_spread(distribution.sample(jax.random.key(i), 2500), distribution.means, distribution.std)
        for i in range(10)
    ]
    assert np.mean(spread) == pytest.approx(1, abs=0.02)


@given(width=st.floats(0.05, 3), dim=st.integers(1, 4))
def test_the_width_of_modes_of_another_width(width, dim):
    """Draws of width w cut off at 3: E r^2 = d w^2 P(chi^2_(d+2) < 9 / w^2) / P(chi^2_d < 9 / w^2)."""
    x = width * np.random.default_rng(0).normal(size=(40_000, dim))
    inside = [scipy.stats.chi2.cdf(9 / w**2, df) for w in (width, 1) for df in (dim + 2, dim)]
    expected = width * math.sqrt(inside[0] / inside[1] * inside[3] / inside[2])
    assert mode_spread(x, np.zeros((1, dim)), 1.0) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(
    ("samples", "centers", "std", "message"),
    [
        (np.zeros((4, 3)), np.zeros((2, 2)), 1.0, r"samples has shape \(4, 3\) and centers \(2, 2\)"),
        (np.zeros(4), np.zeros((2, 1)), 1.0, r"samples has shape \(4,\)"),
        (np.zeros((4, 2)), np.zeros(2), 1.0, r"centers \(2,\)"),
        (np.zeros((0, 2)), np.zeros((2, 2)), 1.0, "samples is empty"),
        (np.zeros((4, 2)), np.zeros((0, 2)), 1.0, "centers is empty"),
        (np.full((4, 2), np.nan), np.zeros((2, 2)), 1.0, "samples holds nan"),
        (np.zeros((4, 2)), np.zeros((2, 2)), 0.0, "std is 0.0"),
        (np.zeros((4, 2)), np.zeros((2, 2)), -1.0, "std is -1.0"),
        (np.zeros((4, 2)), np.zeros((2, 2)), float("nan"), "std is nan"),
    ],
)
@pytest.mark.parametrize("metric", [mode_coverage, mode_spread])
def test_what_is_refused(metric, samples, centers, std, message):
    with pytest.raises(ValueError, match=message):
        metric(samples, centers, std)
