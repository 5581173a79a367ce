"""Shapes, units, and what the set discriminator may and may not see."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_from_scratch import networks

seeds = st.integers(0, 2**31)


def variables(module, x, seed=0):
    return _init(module, jax.random.key(seed), x)


@partial(jax.jit, static_argnames="module")
def _init(module, key, x):
    return module.init(key, x, train=True)


@partial(jax.jit, static_argnames="module")
def trained(module, variables, x):
    """What comes out in training, and the statistics after it."""
    return module.apply(variables, x, train=True, mutable=["batch_stats"])


@partial(jax.jit, static_argnames="module")
def sampled(module, variables, x):
    """What comes out at sampling time."""
    return module.apply(variables, x, train=False)


@pytest.mark.parametrize("dim", [1, 2])
def test_shapes(dim):
    z = jnp.ones((6, 3))
    g, d = networks.Generator((8,), dim), networks.Discriminator((8,))
    x, _ = trained(g, variables(g, z), z)
    assert x.shape == (6, dim)
    assert trained(d, variables(d, x), x)[0].shape == (6,)


def test_logits_are_no_probabilities():
    x = jnp.linspace(-50, 50, 20)[:, None]
    d = networks.Discriminator((8,))
    a, _ = trained(d, variables(d, x), x)
    assert jnp.min(a) < 0 or jnp.max(a) > 1


@given(seed=seeds, center=st.floats(-20, 20), scale=st.floats(0.1, 10))
def test_units_move_and_stretch_the_generator_and_are_undone_by_the_discriminator(seed, center, scale):
    z = jnp.linspace(-1, 1, 9)[:, None]
    plain, moved = networks.Generator((8,)), networks.Generator((8,), center=center, scale=scale)
    params = variables(plain, z, seed)
    x, y = plain.apply(params, z, train=True), moved.apply(params, z, train=True)
    np.testing.assert_allclose(y, center + scale * x, rtol=1e-5, atol=1e-5)
    d, of_moved = networks.Discriminator((8,)), networks.Discriminator((8,), center=center, scale=scale)
    params = variables(d, x, seed)
    # float32 keeps 7 digits of y, and center / scale may be 200: 2e-5 of x.
    np.testing.assert_allclose(trained(d, params, x)[0], of_moved.apply(params, y, train=True), atol=5e-4)


@given(seed=seeds)
def test_each_point_is_judged_by_itself(seed):
    x = jax.random.normal(jax.random.key(seed), (8, 1))
    d = networks.Discriminator((8, 8))
    params = variables(d, x, seed)
    alone = jnp.concatenate([trained(d, params, row[None])[0] for row in x])
    np.testing.assert_allclose(trained(d, params, x)[0], alone, rtol=1e-5, atol=1e-6)


@given(seed=seeds)
def test_a_set_is_judged_as_a_set(seed):
    """Order inside a set does not matter; which set a point is in does."""
    key = jax.random.key(seed)
    d = networks.SetDiscriminator((8,), set_size=10)
    x = jax.random.normal(key, (30, 1))
    params = variables(d, x, seed)
    a, _ = trained(d, params, x)
    assert a.shape == (3,)
    shuffled = jax.random.permutation(key, x.reshape(3, 10), axis=1, independent=True).reshape(30, 1)
    np.testing.assert_allclose(trained(d, params, shuffled)[0], a, rtol=1e-5, atol=1e-6)
    moved = x.at[0].add(1.0)
    b, _ = trained(d, params, moved)
    assert b[0] != a[0]
    np.testing.assert_array_equal(b[1:], a[1:])


def test_a_batch_that_is_no_whole_number_of_sets_is_named():
    with pytest.raises(ValueError, match=r"batch is 15, but must be a multiple of set_size 10"):
        variables(networks.SetDiscriminator((8,), set_size=10), jnp.ones((15, 1)))


def test_the_first_layer_bends_all_over_the_data():
    """The bends of the first layer are at -b / w; with biases of zero all of them would be at 0."""
    x = jnp.ones((1, 1))
    layer = variables(networks.Discriminator((200,)), x)["params"]["layer_0"]
    bends = -layer["bias"] / layer["kernel"][0]
    assert jnp.mean((jnp.abs(bends) > 0.2) & (jnp.abs(bends) < 3)) > 0.5


def test_identity_has_no_parameters():
    z = jnp.arange(4.0)[:, None]
    g = networks.Identity()
    assert variables(g, z) == {}
    np.testing.assert_array_equal(g.apply({}, z, train=True), z)


@given(seed=seeds)
def test_batch_norm_after_the_first_layer(seed):
    """In training a point's logit depends on its batch, at sampling time not; the statistics follow the batch."""
    x = 3 + 2 * jax.random.normal(jax.random.key(seed), (16, 1))
    d = networks.Discriminator((8, 8), batch_norm=True)
    start = variables(d, x, seed)
    assert set(start["batch_stats"]) == {"norm_1"}
    together, after = trained(d, start, x)
    alone, _ = trained(d, start, x[:4])
    assert not np.allclose(together[:4], alone, rtol=1e-3)
    np.testing.assert_allclose(sampled(d, start, x)[:4], sampled(d, start, x[:4]), rtol=1e-5, atol=1e-6)
    assert not np.allclose(after["batch_stats"]["norm_1"]["mean"], start["batch_stats"]["norm_1"]["mean"], atol=1e-3)


# Images
