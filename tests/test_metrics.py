"""Each distance against closed forms, its definition, and scipy."""

import math

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from gan_from_scratch.distributions import Gaussian, Laplace, Mixture, Uniform
from gan_from_scratch.images import metrics
from gan_from_scratch.metrics import ks_statistic, wasserstein_1d

U = (np.arange(5000) + 0.5) / 5000
FINE = scipy.stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)


@given(seed=st.integers(0, 10_000), mean=st.floats(-2, 2), std=st.floats(0.3, 3))
def test_ks_is_scipys(seed, mean, std):
    samples = np.random.default_rng(seed).normal(size=200)
    oracle = scipy.stats.kstest(samples, scipy.stats.norm(mean, std).cdf).statistic
    assert ks_statistic(samples, Gaussian(mean, std)) == pytest.approx(oracle, abs=1e-6)  # our cdf is float32


@given(seed=st.integers(0, 10_000), shift=st.floats(-3, 3), scale=st.floats(0.2, 3))
def test_w1_is_scipys(seed, shift, scale):
    samples = shift + scale * np.random.default_rng(seed).normal(size=50)
    oracle = scipy.stats.wasserstein_distance(samples, FINE)
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


# Images: distances between sets of features


def features(seed, n=60, d=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


@given(seed=st.integers(0, 10_000))
def test_frechet_is_the_textbooks_formula_with_scipys_square_root(seed):
    a, b = features(seed), features(seed + 1)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    wanted = np.sum((a.mean(axis=0) - b.mean(axis=0)) ** 2) + np.trace(cov_a + cov_b - 2 * root)
    assert metrics.frechet_distance(a, b) == pytest.approx(wanted, rel=1e-6)


@given(seed=st.integers(0, 10_000), shift=st.floats(-3, 3))
def test_frechet_of_a_shifted_set_is_the_squared_shift(seed, shift):
    a = features(seed)
    assert metrics.frechet_distance(a, a + shift) == pytest.approx(5 * shift**2, rel=1e-6, abs=1e-6)
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-8)


def test_frechet_of_gaussians_on_the_line():
    """(m_a - m_b)^2 + (s_a - s_b)^2, and it is symmetric."""
    a, b = np.array([[-1.0], [1.0]]), np.array([[3.0], [9.0]])  # std sqrt 2 and sqrt 18
    assert metrics.frechet_distance(a, b) == pytest.approx(36 + (18**0.5 - 2**0.5) ** 2)
    assert metrics.frechet_distance(b, a) == pytest.approx(metrics.frechet_distance(a, b))


def test_frechet_of_fewer_samples_than_features_is_finite():
    a, b = features(0, n=4, d=20), features(1, n=4, d=20)
    assert 0 < metrics.frechet_distance(a, b) < np.inf


@pytest.mark.parametrize(
    ("a", "b", "named"),
    [
        (np.ones((3, 2)), np.ones((3, 4)), "features_a has 2 columns and features_b 4"),
        (np.ones(3), np.ones((3, 2)), r"features_a has shape \(3,\)"),
        (np.ones((3, 2)), np.full((3, 2), np.nan), "features_b holds nan"),
        (np.ones((1, 2)), np.ones((3, 2)), "features_a has 1 rows, but must have at least 2"),
    ],
)
def test_features_that_do_not_fit_are_named(without_shape_checks, a, b, named):
    with pytest.raises(ValueError, match=named):
        metrics.frechet_distance(a, b)


@given(classes=st.integers(2, 12))
def test_class_score_of_sure_and_equally_common_classes_is_their_number(classes):
    p = np.eye(classes)[np.arange(6 * classes) % classes]
    assert metrics.class_score(p) == pytest.approx(classes)
    assert metrics.class_score(p[:1].repeat(9, axis=0)) == pytest.approx(1)  # always the same class
    assert metrics.class_score(np.full((9, classes), 1 / classes)) == pytest.approx(1)  # never sure


@given(seed=st.integers(0, 10_000))
def test_class_score_is_the_exponential_of_the_mutual_information(seed):
    """KL(p(y|x) || p(y)) on average is H(y) - H(y|x)."""
    p = np.random.default_rng(seed).dirichlet(np.ones(4), size=30)
    entropy = scipy.stats.entropy
    assert np.log(metrics.class_score(p)) == pytest.approx(entropy(p.mean(axis=0)) - entropy(p, axis=1).mean())


def test_what_are_no_probabilities_is_named():
    with pytest.raises(ValueError, match="must have rows of probabilities"):
        metrics.class_score(np.ones((3, 2)))


@given(seed=st.integers(0, 10_000), k=st.integers(1, 4))
def test_coverage_is_its_definition_point_by_point(seed, k):
    real, fake = features(seed, n=12, d=2), features(seed + 1, n=9, d=2)

    def radius(points, i):
        return sorted(np.linalg.norm(points - points[i], axis=1))[k]

    near = np.linalg.norm(real[:, None] - fake, axis=2)
    in_real = near <= np.array([radius(real, i) for i in range(12)])[:, None]
    in_fake = near <= np.array([radius(fake, j) for j in range(9)])
    found = metrics.coverage(real, fake, k)
    assert found.precision == pytest.approx(in_real.any(axis=0).mean())
    assert found.recall == pytest.approx(in_fake.any(axis=1).mean())
    assert found.density == pytest.approx(in_real.sum(axis=0).mean() / k)
    assert found.coverage == pytest.approx(in_real.any(axis=1).mean())


def test_coverage_of_equal_distributions_is_the_papers():
    """At k = 5 density is 1 and coverage 1 - 2^-k = .969 (Naeem et al. 2020), for large sets of one size."""
    rng = np.random.default_rng(0)
    found = [metrics.coverage(*rng.normal(size=(2, 1500, 8))) for _ in range(4)]
    # The spread of these four means is .01 and .003.
    assert np.mean([one.density for one in found]) == pytest.approx(1, abs=0.03)
    assert np.mean([one.coverage for one in found]) == pytest.approx(0.969, abs=0.01)


def test_coverage_sees_a_lost_mode_and_a_foreign_one():
    rng = np.random.default_rng(0)
    low, high = rng.normal(size=(100, 2)), 50 + rng.normal(size=(100, 2))
    lost = metrics.coverage(np.concatenate([low, high]), rng.normal(size=(200, 2)))
    assert lost.precision > 0.9 and lost.recall < 0.6 and lost.coverage < 0.6
    foreign = metrics.coverage(rng.normal(size=(200, 2)), np.concatenate([low, high]))
    assert foreign.precision < 0.6 and foreign.recall > 0.9


def test_coverage_is_the_same_in_pieces(monkeypatch):
    real, fake = features(0, n=50), features(1, n=40)
    whole = metrics.coverage(real, fake)
    monkeypatch.setattr(metrics, "ROWS", 7)
    assert metrics.coverage(real, fake) == pytest.approx(whole)


def test_too_few_neighbours_are_named():
    with pytest.raises(ValueError, match="fake has 5 rows, but must have more than k = 5"):
        metrics.coverage(features(0), features(1, n=5))
