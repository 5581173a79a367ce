"""Section 4 of the paper on densities: closed forms, bounds, and both theorems on random mixtures."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_from_scratch import losses, theory

X = np.linspace(-25, 25, 4001)


def normal(mean, std, x=X):
    return np.exp(-0.5 * ((x - mean) / std) ** 2) / (std * math.sqrt(2 * math.pi))


@st.composite
def mixtures(draw):
    """A density on X with two bumps wide enough for its grid (16 points a standard deviation)."""
    weight = draw(st.floats(0.05, 0.95))
    bumps = [normal(draw(st.floats(-8, 8)), draw(st.floats(0.2, 2))) for _ in range(2)]
    return weight * bumps[0] + (1 - weight) * bumps[1]


@given(p=mixtures(), q=mixtures())
def test_criterion_is_minus_log_4_plus_2_jsd(p, q):
    assert theory.criterion(p, q, X) == pytest.approx(-math.log(4) + 2 * theory.js_divergence(p, q, X), abs=1e-9)


@given(p=mixtures(), q=mixtures())
def test_criterion_is_v_at_the_optimal_discriminator(p, q):
    a = theory.optimal_logits(np.log(p + 1e-300), np.log(q + 1e-300))
    integrand = -p * np.logaddexp(0, -a) - q * np.logaddexp(0, a)
    assert theory.criterion(p, q, X) == pytest.approx(np.trapezoid(integrand, X), abs=1e-9)


@given(p=mixtures(), q=mixtures(), seed=st.integers(0, 1000))
def test_no_other_discriminator_has_a_higher_value(p, q, seed):
    d = theory.optimal_discriminator(p, q)
    other = np.clip(d + 0.1 * np.random.default_rng(seed).normal(size=d.shape), 1e-6, 1 - 1e-6)
    value = np.trapezoid(p * np.log(other) + q * np.log(1 - other), X)
    assert value < theory.criterion(p, q, X)


@given(p=mixtures(), q=mixtures())
def test_bounds_and_symmetry(p, q):
    jsd = theory.js_divergence(p, q, X)
    assert -1e-12 <= jsd <= math.log(2) + 1e-12
    assert jsd == pytest.approx(theory.js_divergence(q, p, X), abs=1e-14)
    assert theory.kl_divergence(p, q, X) >= -1e-9


@given(p=mixtures(), q=mixtures())
def test_jsd_is_the_mean_divergence_to_the_middle(p, q):
    p, q = p + 1e-100, q + 1e-100  # so that the middle does not underflow
    middle = (p + q) / 2
    mean = (theory.kl_divergence(p, middle, X) + theory.kl_divergence(q, middle, X)) / 2
    assert theory.js_divergence(p, q, X) == pytest.approx(mean, abs=1e-12)


@given(p=mixtures())
def test_equal_densities(p):
    assert theory.kl_divergence(p, p, X) == 0
    assert theory.js_divergence(p, p, X) == pytest.approx(0, abs=1e-15)
    assert theory.criterion(p, p, X) == pytest.approx(-math.log(4), abs=1e-9)
    assert np.all(theory.optimal_discriminator(p, p) == 0.5)


def test_disjoint_densities():
    p, q = np.where(X < -1, normal(-10, 1), 0), np.where(X > 1, normal(10, 1), 0)
    assert theory.js_divergence(p, q, X) == pytest.approx(math.log(2), abs=1e-9)
    assert theory.criterion(p, q, X) == pytest.approx(0, abs=1e-9)
    assert theory.kl_divergence(p, q, X) == math.inf
    d = theory.optimal_discriminator(p, q)
    assert set(np.unique(d)) == {0, 0.5, 1}


@given(m1=st.floats(-3, 3), m2=st.floats(-3, 3), s1=st.floats(0.5, 1.5), s2=st.floats(0.5, 1.5))
def test_kl_of_two_gaussians(m1, m2, s1, s2):
    exact = math.log(s2 / s1) + (s1**2 + (m1 - m2) ** 2) / (2 * s2**2) - 0.5
    # The trapezoid rule is exact to rounding on densities that vanish at both ends; q is above 1e-300 throughout.
    assert theory.kl_divergence(normal(m1, s1), normal(m2, s2) + 1e-300, X) == pytest.approx(exact, abs=1e-8)


@given(log_p=st.floats(-500, 5), log_q=st.floats(-500, 5))
def test_optimal_logits_are_the_logits_of_the_optimal_discriminator(log_p, log_q):
    a = theory.optimal_logits(np.array(log_p), np.array(log_q))
    d = theory.optimal_discriminator(np.exp(np.array(log_p)), np.exp(np.array(log_q)))
    assert d == pytest.approx(math.exp(-np.logaddexp(0, -a)), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("theta", [0.5, 2.0, 4.0])
def test_theorem_2_5_the_generators_gradients_at_the_optimal_discriminator(float64, theta):
    """G_theta(z) = z + theta against p_data = N(0, 1), D fixed at the D* of this theta (Arjovsky & Bottou 2017)."""
    z = jnp.asarray(X)
    weight = normal(0, 1)  # of z, so that expectations are integrals
    p_data = jnp.asarray(normal(0, 1))

    def p_g(t):
        return jnp.exp(-0.5 * (z - t) ** 2) / math.sqrt(2 * math.pi)

    def expected(loss):
        """E_z of the loss on one logit, as a function of theta with D frozen: D*'s logit is -x theta + theta^2/2."""
        return lambda t: jnp.trapezoid(weight * jax.vmap(loss)(-(z + t) * theta + theta**2 / 2), z)

    saturating = jax.grad(expected(losses.generator_loss_saturating))(theta)
    nonsaturating = jax.grad(expected(losses.generator_loss_nonsaturating))(theta)
    linear = jax.grad(expected(lambda a: -a))(theta)
    jsd = jax.grad(lambda t: theory.js_divergence(p_data, p_g(t), z))(theta)
    kl = jax.grad(lambda t: theory.kl_divergence(p_g(t), p_data, z))(theta)
    assert float(saturating) == pytest.approx(2 * float(jsd), rel=1e-8)
    assert float(linear) == pytest.approx(float(kl), rel=1e-8)
    assert float(nonsaturating) == pytest.approx(float(kl - 2 * jsd), rel=1e-8)


def test_numpy_in_numpy_out_and_jax_in_jax_out():
    p, q = normal(0, 1), normal(1, 1)
    assert isinstance(theory.kl_divergence(p, q, X), np.floating)
    assert isinstance(theory.optimal_discriminator(p, q), np.ndarray)
    assert isinstance(theory.js_divergence(jnp.asarray(p), q, X), jax.Array)


@pytest.mark.parametrize(
    ("p", "q", "x", "named"),
    [
        (normal(0, 1), normal(0, 1)[:-1], X, "q has shape"),
        (normal(0, 1), -normal(0, 1), X, "q holds -"),
        (normal(0, 1), normal(0, 1) * np.nan, X, "q holds nan"),
        (normal(0, 1), normal(0, 1), X[::-1].copy(), "x is not an increasing"),
        (normal(0, 1), normal(0, 1), np.full_like(X, np.inf), "x holds"),
    ],
)
def test_bad_densities_are_named(without_shape_checks, p, q, x, named):
    for function in (theory.kl_divergence, theory.js_divergence):
        with pytest.raises(ValueError, match=named):
            function(p, q, x)


def test_mismatched_log_densities_are_named():
    with pytest.raises(ValueError, match="log_p_g has shape"):
        theory.optimal_logits(np.zeros(3), np.zeros(4))
