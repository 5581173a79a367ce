"""Each remedy against its formula, and off by default."""

import inspect
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_from_scratch import losses, remedies, train


@given(w=st.lists(st.floats(-5, 5), min_size=3, max_size=3).map(lambda w: np.array(w, np.float32)))
def test_r1_of_a_linear_discriminator_is_half_its_squared_slope(w):
    x = jax.random.normal(jax.random.key(0), (7, 3))
    assert float(remedies.r1_penalty(lambda x: x @ w, x)) == pytest.approx(float(w @ w) / 2, rel=1e-5, abs=1e-12)


def test_r1_is_the_mean_over_samples_of_half_the_squared_slope(float64):
    x = jnp.linspace(-2, 2, 9)[:, None]
    exact = jnp.mean(0.5 * (3 * jnp.cos(3 * x[:, 0])) ** 2)
    assert float(remedies.r1_penalty(lambda x: jnp.sin(3 * x[:, 0]), x)) == pytest.approx(float(exact), rel=1e-12)


def test_r1_of_sets_divides_by_the_number_of_sets(float64):
    """Each of 3 sets of 4 has the logit (its sum), whose gradient is four ones: ||.||^2 / 2 = 2."""
    x = jnp.ones((12, 1))
    assert float(remedies.r1_penalty(lambda x: x.reshape(3, 4).sum(axis=1), x)) == 2


@given(decay=st.floats(0, 0.999), seed=st.integers(0, 1000))
def test_average_is_its_recursion_and_leaves_the_updates_alone(decay, seed):
    rng = np.random.default_rng(seed)
    params = average = jnp.asarray(rng.normal(size=3), jnp.float32)
    transformation = remedies.average_parameters(decay)
    state = transformation.init(params)
    for t in range(15):
        updates = jnp.asarray(rng.normal(size=3), jnp.float32)
        out, state = transformation.update(updates, state, params)
        np.testing.assert_array_equal(out, updates)
        params = params + updates
        d = min(decay, (1 + t) / (10 + t))
        average = d * average + (1 - d) * params
    np.testing.assert_allclose(remedies.averaged((optax.EmptyState(), state), params), average, rtol=2e-5, atol=1e-5)


def test_constant_parameters_are_their_own_average():
    params = {"w": jnp.array([1.0, -2.0])}
    transformation = remedies.average_parameters(0.9)
    state = transformation.init(params)
    for _ in range(5):
        _, state = transformation.update({"w": jnp.zeros(2)}, state, params)
    np.testing.assert_allclose(state.average["w"], params["w"], rtol=1e-6)


def test_without_an_average_the_newest_parameters_are_read():
    params = jnp.ones(2)
    assert remedies.averaged(optax.adam(0.1).init(params), params) is params


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_bad_decay_is_named(decay):
    with pytest.raises(ValueError, match="decay is"):
        remedies.average_parameters(decay)


def test_everything_is_off_by_default():
    defaults = {name: p.default for name, p in inspect.signature(train.GAN).parameters.items()}
    assert (defaults["k"], defaults["generator_steps"], defaults["r1"]) == (1, 1, 0.0)
    assert defaults["generator_loss"] == "nonsaturating"


@given(
    seed=st.integers(0, 2**31),
    smoothing=st.floats(0, 1, width=32),
    share=st.floats(0, 1, width=32),
    n=st.sampled_from([1, 2, 9]),
)
def test_targets_stay_inside_0_and_1_and_smoothing_is_one_sided(seed, smoothing, share, n):
    noise = share * (1 - smoothing)
    real, fake = remedies.noisy_targets(jax.random.key(seed), n, smoothing, noise)
    assert real.shape == fake.shape == (n,)
    assert jnp.all((real >= -1e-6) & (real <= 1 - smoothing + 1e-6) & (fake >= 0) & (fake <= noise + 1e-6))
    if noise == 0:
        np.testing.assert_allclose(real, 1 - smoothing, rtol=1e-6)
        np.testing.assert_array_equal(fake, 0)


def test_targets_that_could_leave_0_and_1_are_refused():
    with pytest.raises(ValueError, match=r"smoothing is 0.7 and label_noise 0.5, but their sum must be at most 1"):
        remedies.noisy_targets(jax.random.key(0), 3, 0.7, 0.5)


@given(a=st.floats(-40, 40), t=st.floats(0, 1))
def test_soft_target_loss_is_the_cross_entropy_with_its_minimum_at_the_target(a, t):
    sigma = 1 / (1 + math.exp(-a))
    wanted = t * math.log1p(math.exp(-a)) + (1 - t) * math.log1p(math.exp(a))
    with jax.enable_x64(True):
        value, slope = map(float, jax.value_and_grad(remedies.soft_target_loss)(jnp.float64(a), t))
    assert value == pytest.approx(wanted, rel=1e-12)
    assert slope == pytest.approx(sigma - t, abs=1e-12)


@given(seed=st.integers(0, 1000))
def test_targets_of_0_and_1_are_the_papers_loss(seed):
    real, fake = jax.random.normal(jax.random.key(seed), (2, 6))
    both = remedies.soft_target_loss(real, 1.0) + remedies.soft_target_loss(fake, 0.0)
    assert float(both) == pytest.approx(float(losses.discriminator_loss(real, fake)), rel=1e-6)


@given(
    seed=st.integers(0, 2**31),
    shape=st.sampled_from([(4, 5, 6, 3), (1, 6, 2, 1), (3, 1, 1, 2)]),
    pixels=st.sampled_from([0, 1, 3, 7]),
)
def test_a_shifted_image_is_a_window_of_the_image_with_repeated_edges(seed, shape, pixels):
    key = jax.random.key(seed)
    x = np.asarray(jax.random.normal(jax.random.fold_in(key, 1), shape))
    moved = np.asarray(remedies.shifted(key, x, pixels))
    padded = np.pad(x, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)), mode="edge")
    n, height, width, _ = shape
    steps = range(2 * pixels + 1)
    for i in range(n):
        windows = [padded[i, a : a + height, b : b + width] for a in steps for b in steps]
        assert any(np.array_equal(moved[i], window) for window in windows)


def test_every_shift_is_as_likely_as_any_other_along_each_axis():
    """40,000 images that are white in their middle: the middle lands on each of 5 x 5 places 1,600 times, within 5
    standard deviations of 40."""
    x = jnp.zeros((40_000, 9, 9, 1)).at[:, 4, 4].set(1)
    places = np.asarray(remedies.shifted(jax.random.key(0), x, 2).sum(axis=0))[:, :, 0]
    assert np.all(np.abs(places[2:7, 2:7] - 1600) < 200) and places.sum() == 40_000


def test_the_gradient_passes_a_shift(float64):
    """<T x, y> = <x, T' y>: T is linear, and the pull-back is its transpose."""
    x, y = jax.random.normal(jax.random.key(1), (2, 5, 4, 6, 2))
    moved, pull_back = jax.vjp(lambda x: remedies.shifted(jax.random.key(0), x, 2), x)
    assert float(jnp.vdot(moved, y)) == pytest.approx(float(jnp.vdot(x, pull_back(y)[0])), rel=1e-12)
