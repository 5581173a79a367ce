"""The hand-written gradients against three oracles: central differences, jax.grad, and optax's Adam."""

import subprocess
import sys
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_from_scratch import losses, networks, numpy_gan, remedies, train

WIDTHS, HIDDEN = (1, 7, 5, 1), (7, 5)
UNITS = numpy_gan.Units(4.0, 1.25)
LOSSES = list(numpy_gan.GENERATOR_LOSSES)
seeds = st.integers(0, 2**31)


def draws(seed: int, batch: int = 11):
    """Parameters of both players, data and noise."""
    rng = np.random.default_rng(seed)
    params_g, params_d = numpy_gan.init_mlp(rng, WIDTHS), numpy_gan.init_mlp(rng, WIDTHS)
    return params_g, params_d, rng.normal(4, 1.25, size=(batch, 1)), rng.uniform(-1, 1, size=(batch, 1))


def to_flax(params):
    return {f"layer_{i}": {"kernel": jnp.asarray(w), "bias": jnp.asarray(b)} for i, (w, b) in enumerate(params)}


def flat(params) -> np.ndarray:
    return np.concatenate([leaf.ravel() for layer in params for leaf in layer])


def flat_flax(params) -> np.ndarray:
    return flat([(params[name]["kernel"], params[name]["bias"]) for name in sorted(params)])


def unflat(vector, like):
    layers, at = [], 0
    for w, b in like:
        layers.append((vector[at : at + w.size].reshape(w.shape), vector[at + w.size : at + w.size + b.size]))
        at += w.size + b.size
    return layers


def assert_slopes(gradient, loss, params, h=1e-6):
    """Each entry is the slope of the loss to the one side or to the other.

    Both agree up to h times the curvature, far less than 1e-4 of the largest slope, unless a step crosses the bend
    of a leaky ReLU: then the other one holds.
    """
    vector, found = flat(params), flat(gradient)
    steps, here = h * np.eye(len(vector)), loss(params)
    forward = np.array([loss(unflat(vector + s, params)) - here for s in steps]) / h
    backward = np.array([here - loss(unflat(vector - s, params)) for s in steps]) / h
    off = np.minimum(np.abs(found - forward), np.abs(found - backward))
    assert np.max(off) < 1e-4 * np.max(np.abs(found))


def relative_error(ours, oracle) -> float:
    return np.linalg.norm(ours - oracle) / np.linalg.norm(oracle)


G = networks.Generator(HIDDEN, center=UNITS.center, scale=UNITS.scale)
D = networks.Discriminator(HIDDEN, center=UNITS.center, scale=UNITS.scale)


@partial(jax.jit, static_argnames="r1")
def jax_loss_d(params_d, params_g, x, z, r1):
    def logits(x):
        return D.apply({"params": params_d}, x, train=True)

    loss = losses.discriminator_loss(logits(x), logits(G.apply({"params": params_g}, z, train=True)))
    return loss + r1 * remedies.r1_penalty(logits, x)


@partial(jax.jit, static_argnames="loss")
def jax_loss_g(params_g, params_d, z, loss):
    fake = G.apply({"params": params_g}, z, train=True)
    return losses.GENERATOR_LOSSES[loss](D.apply({"params": params_d}, fake, train=True))


@given(seed=seeds)
@pytest.mark.parametrize("loss", LOSSES)
def test_generator_gradient(loss, seed):
    params_g, params_d, _, z = draws(seed)
    gradient, value = numpy_gan.generator_gradient(params_g, params_d, z, UNITS, loss)

    def of(params):
        return numpy_gan.generator_gradient(params, params_d, z, UNITS, loss)[1]

    assert_slopes(gradient, of, params_g)
    with jax.enable_x64(True):
        exact_value, exact = jax.value_and_grad(jax_loss_g)(to_flax(params_g), to_flax(params_d), z, loss)
    assert value == pytest.approx(float(exact_value), rel=1e-12)
    assert relative_error(flat(gradient), flat_flax(exact)) <= 1e-9


@given(seed=seeds)
@pytest.mark.parametrize("r1", [0.0, 0.7])
def test_discriminator_gradient(r1, seed):
    params_g, params_d, x, z = draws(seed)
    gradient, value = numpy_gan.discriminator_gradient(params_d, params_g, x, z, UNITS, r1)
    with jax.enable_x64(True):
        exact = jax.grad(jax_loss_d)(to_flax(params_d), to_flax(params_g), x, z, r1)
        exact_value = jax_loss_d(to_flax(params_d), to_flax(params_g), x, z, 0.0)
    assert value == pytest.approx(float(exact_value), rel=1e-12)
    assert relative_error(flat(gradient), flat_flax(exact)) <= 1e-9


@given(seed=seeds)
def test_discriminator_gradient_against_finite_differences(seed):
    params_g, params_d, x, z = draws(seed)
    gradient, _ = numpy_gan.discriminator_gradient(params_d, params_g, x, z, UNITS)

    def of(params):
        return numpy_gan.discriminator_gradient(params, params_g, x, z, UNITS)[1]

    assert_slopes(gradient, of, params_d)


@given(a=st.lists(st.floats(-1e4, 1e4), min_size=5, max_size=5).map(np.array))
def test_losses_are_those_of_losses_py(a):
    with jax.enable_x64(True):
        for name in LOSSES:
            value, slope = numpy_gan.GENERATOR_LOSSES[name](a)
            exact, exact_slope = jax.value_and_grad(losses.GENERATOR_LOSSES[name])(a)
            assert value == pytest.approx(float(exact), rel=1e-12, abs=1e-300)
            np.testing.assert_allclose(slope, exact_slope, rtol=1e-9, atol=1e-300)
        value, *slopes = numpy_gan.discriminator_loss(a, a[::-1])
        exact, exact_slopes = jax.value_and_grad(losses.discriminator_loss, argnums=(0, 1))(a, a[::-1])
        assert value == pytest.approx(float(exact), rel=1e-12)
        np.testing.assert_allclose(slopes, exact_slopes, rtol=1e-9, atol=1e-300)


@given(seed=seeds, b1=st.floats(0, 0.95), b2=st.floats(0.5, 0.999))
def test_adam_is_optaxs(seed, b1, b2):
    rng = np.random.default_rng(seed)
    ours = theirs = numpy_gan.init_mlp(rng, WIDTHS)
    state, optimizer = numpy_gan.adam_init(ours), optax.adam(0.01, b1, b2)
    with jax.enable_x64(True):
        opt_state = optimizer.init(jax.tree.map(jnp.asarray, theirs))
        for _ in range(5):
            gradient = numpy_gan.init_mlp(rng, WIDTHS)
            ours, state = numpy_gan.adam_step(ours, gradient, state, 0.01, b1, b2)
            updates, opt_state = optimizer.update(jax.tree.map(jnp.asarray, gradient), opt_state)
            theirs = jax.tree.map(lambda p, u: p + np.asarray(u), theirs, updates)
    np.testing.assert_allclose(flat(ours), flat(theirs), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_200_steps_of_algorithm_1_agree_with_jax(float64, loss):
    """The same parameters, noise and data; k = 2, R1, falling learning rates and G's average included."""
    steps, k, batch, rate_g, rate_d, b1, b2, decay = 200, 2, 16, 1e-3, 5e-3, 0.5, 0.99, 0.95
    params_g, params_d, _, _ = draws(3)
    rng = np.random.default_rng(4)
    data = rng.normal(4, 1.25, size=(steps, k, batch, 1))
    noise = rng.uniform(-1, 1, size=(steps, k + 1, batch, 1))

    settings = numpy_gan.Settings(
        lambda count: rate_g * (1 - count / steps),
        lambda count: rate_d * (1 - count / (k * steps)),
        b1, b2, loss, r1=0.3, average=decay, units=UNITS,
    )  # fmt: skip
    ours = numpy_gan.init(params_g, params_d)
    for x, z in zip(data, noise, strict=True):
        ours, measured = numpy_gan.train_step(settings, ours, x, z[:k], z[k])

    gan = train.GAN(
        G, D,
        optax.chain(optax.adam(optax.linear_schedule(rate_g, 0, steps), b1, b2), remedies.average_parameters(decay)),
        optax.adam(optax.linear_schedule(rate_d, 0, k * steps), b1, b2),
        sample_noise=lambda key, n: jax.random.uniform(key, (n, 1)), batch=batch, k=k,
        loss_g=losses.GENERATOR_LOSSES[loss], penalties=(remedies.R1(0.3),),
    )  # fmt: skip
    g, d = to_flax(params_g), to_flax(params_d)

    def player(params, optimizer):
        # Counts in int64, because JAX divides int32 in float32: rates would carry an error of 1e-8.
        def widen(leaf):
            return leaf.astype(jnp.int64) if jnp.issubdtype(leaf.dtype, jnp.integer) else leaf

        return train.Player(params, {}, jax.tree.map(widen, optimizer.init(params)))

    state = train.GANState(player(g, gan.optimizer_g), player(d, gan.optimizer_d), jnp.zeros((), int))
    key = jax.random.key(0)  # no dropout here, so it decides nothing

    @jax.jit
    def step(state, x, z):
        for i in range(k):
            state, of_d = train.discriminator_step(gan, state, x[i], z[i], key)
        state, of_g = train.generator_step(gan, state, x[0], z[k], key)
        return state, of_d | of_g

    for x, z in zip(data, noise, strict=True):
        state, theirs = step(state, x, z)

    assert np.linalg.norm(flat(ours.params_g) - flat(params_g)) > 0.1, "nothing was learned"
    for mine, other in (
        (ours.params_g, state.g.params),
        (ours.params_d, state.d.params),
        (ours.average_g, remedies.averaged(state.g).params),
    ):
        assert np.max(np.abs(flat(mine) - flat_flax(other))) < 1e-8
    for name in ("loss_d", "loss_g"):
        assert measured[name] == pytest.approx(float(theirs[name]), abs=1e-8)


def test_nothing_is_changed_in_place():
    params_g, params_d, x, z = draws(0)
    before = [flat(params_g), flat(params_d), x.copy(), z.copy()]
    settings = numpy_gan.Settings(lambda _: 0.1, lambda _: 0.1, average=0.9, r1=1.0)
    start = numpy_gan.init(params_g, params_d)
    first, _ = numpy_gan.train_step(settings, start, x[None], z[None], z)
    again, _ = numpy_gan.train_step(settings, start, x[None], z[None], z)
    for old, new in zip(before, [flat(params_g), flat(params_d), x, z], strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(flat(first.params_g), flat(again.params_g))
    assert first.step == 1 and start.step == 0


@pytest.mark.parametrize(
    ("data", "noise", "named"),
    [
        (np.ones((0, 11, 1)), np.ones((0, 11, 1)), "data has 0 batches"),
        (np.ones((2, 11, 1)), np.ones((1, 11, 1)), "data has 2 batches and noise_d 1"),
        (np.full((1, 11, 1), np.nan), np.ones((1, 11, 1)), "data holds nan"),
    ],
)
def test_bad_batches_are_named(without_shape_checks, data, noise, named):
    params_g, params_d, _, z = draws(0)
    settings = numpy_gan.Settings(lambda _: 0.1, lambda _: 0.1)
    with pytest.raises(ValueError, match=named):
        numpy_gan.train_step(settings, numpy_gan.init(params_g, params_d), data, noise, z)


def test_jax_is_not_imported():
    code = "import sys, gan_from_scratch.numpy_gan; sys.exit('jax' in sys.modules or 'flax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
