"""Each identity of losses.py against closed forms, in float64 unless float32 is the point."""

import math

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_from_scratch import losses

SATURATING, NONSATURATING = losses.generator_loss_saturating, losses.generator_loss_nonsaturating
logits = st.lists(st.floats(-30, 30), min_size=7, max_size=7).map(np.array)
one_logit = st.floats(-30, 30)
extreme = st.floats(-1e4, 1e4, width=32)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def slope(loss, a: float) -> float:
    return float(jax.grad(loss)(a))


@given(real=logits, fake=logits)
def test_value_is_equation_1(real, fake):
    with jax.enable_x64(True):
        ours = losses.value(real, fake)
    # The naive formula loses about |a| digits in log(1 - sigmoid(a)); at |a| <= 30 float64 keeps three of them.
    naive = np.mean(np.log(sigmoid(real))) + np.mean(np.log(sigmoid(-fake)))
    assert float(ours) == pytest.approx(naive, rel=1e-9, abs=1e-12)


@given(real=logits, fake=logits)
def test_the_discriminator_minimises_minus_v_which_is_never_negative(real, fake):
    assert float(losses.discriminator_loss(real, fake)) == -float(losses.value(real, fake)) >= 0


@given(real=logits, fake=logits)
def test_the_minimax_loss_is_the_second_term_of_v(real, fake):
    with jax.enable_x64(True):
        first_term = losses.value(real, fake) - SATURATING(fake)
        again = losses.value(real, -fake) - SATURATING(-fake)
    assert float(first_term) == pytest.approx(float(again), rel=1e-12, abs=1e-12)


def test_where_d_cannot_tell():
    zeros = np.zeros(5, np.float32)
    assert float(losses.discriminator_loss(zeros, zeros)) == pytest.approx(2 * math.log(2))
    assert float(SATURATING(zeros)) == pytest.approx(-math.log(2))
    assert float(NONSATURATING(zeros)) == pytest.approx(math.log(2))


def test_real_and_fake_batches_may_differ_in_size():
    """Two means, not one mean over both: doubling the fakes changes nothing."""
    real, fake = np.array([1.0, -2.0, 0.5]), np.array([0.3, -1.0])
    doubled = losses.value(real, np.concatenate([fake, fake]))
    assert float(doubled) == pytest.approx(float(losses.value(real, fake)), rel=1e-6)


@given(a=one_logit)
def test_slopes(a):
    with jax.enable_x64(True):
        assert slope(SATURATING, a) == pytest.approx(-sigmoid(a), rel=1e-12, abs=0)
        assert slope(NONSATURATING, a) == pytest.approx(-sigmoid(-a), rel=1e-12, abs=0)


@given(a=one_logit)
def test_slopes_differ_by_the_factor_exp_minus_a(a):
    with jax.enable_x64(True):
        assert slope(NONSATURATING, a) == pytest.approx(math.exp(-a) * slope(SATURATING, a), rel=1e-12, abs=0)


@given(a=st.floats(-8, 8))
def test_slopes_are_those_of_finite_differences(a):
    h = 1e-5  # truncation error h^2, rounding error 1e-16 / h: both near 1e-10
    with jax.enable_x64(True):
        for loss in (SATURATING, NONSATURATING):
            assert slope(loss, a) == pytest.approx(float(loss(a + h) - loss(a - h)) / (2 * h), abs=1e-9)


@given(fake=logits)
def test_nonsaturating_is_mean_minus_a_minus_saturating(fake):
    with jax.enable_x64(True):
        assert float(NONSATURATING(fake)) == pytest.approx(-fake.mean() - float(SATURATING(fake)), abs=1e-12)


def test_the_minimax_loss_saturates_where_d_wins_and_the_other_one_does_not():
    """D wins at D(G(z)) near 0, which is a -> -inf; at D(G(z)) near 1 it is the other way round."""
    assert slope(SATURATING, -20.0) == pytest.approx(-math.exp(-20), rel=1e-5)
    assert slope(NONSATURATING, -20.0) == pytest.approx(-1, abs=1e-7)
    assert slope(SATURATING, 20.0) == pytest.approx(-1, abs=1e-7)
    assert slope(NONSATURATING, 20.0) == pytest.approx(-math.exp(-20), rel=1e-5)


def test_no_epsilon_makes_the_nonsaturating_loss_saturate():
    """-log(sigmoid(a) + 1e-8) would have slope -exp(a) / 1e-8 = -2e-14 here."""
    assert slope(NONSATURATING, -50.0) == -1
    assert float(NONSATURATING(-50.0)) == pytest.approx(50)


@given(a=extreme, b=extreme)
def test_values_and_slopes_are_finite_in_float32(a, b):
    a, b = np.float32(a), np.float32(b)
    for loss in (SATURATING, NONSATURATING):
        assert np.isfinite(loss(a)) and np.isfinite(jax.grad(loss)(a))
    assert np.isfinite(losses.value(a, b))
    assert np.all(np.isfinite(jax.grad(losses.value, argnums=(0, 1))(a, b)))
