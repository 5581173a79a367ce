"""Theorem 2.5 by quadrature, Theorem 2.4's bound, and both gradients measured on one network."""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.vanishing import both_gradients, closed_form, frozen_line, races
from gan_from_scratch import losses, theory, train

thetas = st.floats(0.01, 6)
Z = np.linspace(-12, 12, 6001)
WEIGHT = np.exp(-0.5 * Z**2) / math.sqrt(2 * math.pi)


def of_loss(name: str, theta: float) -> float:
    """The exact gradient of a loss in theta, with D frozen at its optimum."""
    return np.trapezoid(WEIGHT * closed_form.pathwise(name, Z, theta), Z)


@given(theta=thetas)
def test_theorem_2_5(theta):
    """With D = D* the saturating loss has the gradient of 2 JSD, the other that of KL - 2 JSD, and they sum to KL's."""
    exact = closed_form.gradients_of_divergences(theta)
    assert of_loss("saturating", theta) == pytest.approx(exact["2 JSD"], rel=1e-5)
    assert of_loss("nonsaturating", theta) == pytest.approx(exact["KL - 2 JSD"], rel=1e-5)
    assert exact["KL"] == pytest.approx(theta, rel=1e-9)


def test_at_the_equilibrium_nothing_pulls():
    exact = closed_form.gradients_of_divergences(0.0)
    for value in (*exact.values(), of_loss("saturating", 0.0), of_loss("nonsaturating", 0.0)):
        assert value == pytest.approx(0, abs=1e-15)


@given(theta=thetas)
def test_the_divergences_gradients_are_those_of_theory(theta):
    """Against automatic differentiation of the divergences themselves."""
    with jax.enable_x64(True):
        x = jnp.linspace(-12, 20, 8001)

        def density(mean):
            return jnp.exp(-0.5 * (x - mean) ** 2) / math.sqrt(2 * math.pi)

        def jsd_2(theta):
            return 2 * theory.js_divergence(density(0.0), density(theta), x)

        def kl(theta):
            return theory.kl_divergence(density(theta), density(0.0), x)

        exact = closed_form.gradients_of_divergences(theta)
        assert float(jax.grad(jsd_2)(theta)) == pytest.approx(exact["2 JSD"], rel=1e-8)
        assert float(jax.grad(kl)(theta)) == pytest.approx(exact["KL"], rel=1e-8)


def test_differentiating_through_the_optimal_discriminator_would_be_another_gradient():
    """D* depends on theta too. D frozen gives 2 JSD, so what is measured is a frozen player's gradient."""
    theta = 2.0
    with jax.enable_x64(True):

        def loss(theta_g, theta_d):
            x = Z + theta_g
            logits = theory.optimal_logits(-0.5 * x**2, -0.5 * (x - theta_d) ** 2)
            return jnp.trapezoid(WEIGHT * jnp.vectorize(losses.generator_loss_nonsaturating)(logits), Z)

        frozen, through = jax.grad(loss)(theta, theta), jax.grad(lambda t: loss(t, t))(theta)
    assert float(frozen) == pytest.approx(of_loss("nonsaturating", theta), rel=1e-9)
    assert abs(float(through) / float(frozen) - 1) > 0.1


@pytest.fixture(scope="module")
def stage():
    """Panel c at small size."""
    return frozen_line.frozen_generator(10.0, 32, 0, 1000, 0.1, jax.random.split(jax.random.key(0), 2))


def test_the_saturating_gradient_vanishes_and_the_other_does_not(stage):
    """An eighth of the default's steps of D, so three orders of magnitude and not five."""
    for seed in both_gradients.summary_of_stage(stage)["seeds"]:
        assert seed["orders_from_peak"] > 3
        assert seed["nonsaturating_lowest_over_start"] > 0.99
    assert np.all(stage["saturating"] > 0)


@pytest.mark.parametrize(
    ("curve", "orders"),
    [([1, 100, 10, 0.1, 1], 3), ([0.001, 1, 5], 0), ([5, 1, 0.5], 1), ([0.01, 2, 0], None)],
)
def test_a_fall_is_counted_after_the_peak(curve, orders):
    found = both_gradients.orders_from_peak(np.array(curve, float))
    assert found is None if orders is None else found == pytest.approx(orders, abs=1e-12)


def test_theorem_2_4_bounds_the_measured_norm(stage):
    assert np.all(stage["saturating"] <= stage["bound"])
    # And not by being useless: where D wins, within a factor of 100.
    assert np.all(stage["bound"][:, -1] < 100 * stage["saturating"][:, -1])


@settings(max_examples=8)  # each compiles anew
@given(seed=st.integers(0, 1000))
def test_on_one_sample_the_two_gradients_differ_by_a_factor(seed):
    """grad L_n = e^(-a) grad L_s, with a = D's logit there: the same direction, another weight."""
    gan, _ = frozen_line.plain_gan(10.0, 1, 1, "saturating")
    state = train.init(gan, jax.random.key(seed))
    z = gan.sample_noise(jax.random.key(seed + 1), 1)
    a = train.discriminate(gan, state, train.generate(gan, state, z))[0]
    saturating, other = (
        both_gradients.gradient_in_g(replace(gan, loss_g=loss), state, z) for loss in losses.GENERATOR_LOSSES.values()
    )
    np.testing.assert_allclose(other, jnp.exp(-a) * saturating, rtol=1e-4, atol=1e-7)


def test_the_norm_of_a_tiny_gradient_is_no_zero():
    assert float(both_gradients.norm(jnp.float32([3e-30, 4e-30]))) == pytest.approx(5e-30, rel=1e-6, abs=0)
    assert float(both_gradients.norm(jnp.zeros(3))) == 0


@pytest.mark.parametrize("steps", [1, 2, 9, 100, 8000])
def test_the_moments_begin_with_the_start_and_end_with_the_last_step(steps):
    moments = both_gradients.moments_to_look_at(steps)
    assert moments[0] == 0 and moments[-1] == steps and np.all(np.diff(moments) > 0)


def test_a_gan_whose_data_is_near_arrives():
    """Panel d at small size. test_experiments.py has the runs that are too short to arrive."""
    race = races.race(3.0, 1, "nonsaturating", 64, 800, False, jax.random.split(jax.random.key(0), 2))
    assert len(race["arrived_after"]) == 2
    assert max(race["ks_at_the_end"]) < 0.2


def test_a_race_with_plain_gradient_steps():
    race = races.race(10.0, 1, "saturating", 64, 2, True, jax.random.split(jax.random.key(0), 2))
    assert race["arrived_after"] == [] and np.isfinite(race["ks_at_the_end"]).all()


def test_a_discriminator_that_overflows_is_said_to():
    with pytest.raises(FloatingPointError, match="non-finite before step 1 of D, with G from step 0"):
        frozen_line.frozen_generator(10.0, 8, 0, 2, 1e30, jax.random.split(jax.random.key(0), 1))
