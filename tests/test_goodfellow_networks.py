"""The paper's own players: maxout against a loop, where they start, and what dropout does to them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.test_util import check_grads

from gan_from_scratch.images import goodfellow
from gan_from_scratch.images.goodfellow import Maxout, MaxoutDiscriminator, ReluGenerator

SHAPE = (3, 2, 1)


def variables_of(module, x, seed=0):
    return module.init({"params": jax.random.key(seed), "dropout": jax.random.key(seed + 1)}, x)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6), st.integers(0, 99))
def test_maxout_against_a_loop(units, pieces, fan_in, seed):
    layer, h = Maxout(units, pieces), jax.random.normal(jax.random.key(seed), (3, fan_in))
    variables = variables_of(layer, h, seed)
    kernel, bias = (np.asarray(variables["params"]["maps"][name]) for name in ("kernel", "bias"))
    bias = bias + np.random.default_rng(seed).normal(size=bias.shape).astype(np.float32)
    found = layer.apply({"params": {"maps": {"kernel": jnp.asarray(kernel), "bias": jnp.asarray(bias)}}}, h)
    for i in range(3):
        for unit in range(units):
            maps = [
                sum(float(h[i, j]) * kernel[j, unit * pieces + piece] for j in range(fan_in))
                + bias[unit * pieces + piece]
                for piece in range(pieces)
            ]
            assert found[i, unit] == pytest.approx(max(maps), abs=1e-5)


def test_slopes_of_maxout_are_central_differences():
    with jax.enable_x64(True):
        layer, h = Maxout(3, 4), jax.random.normal(jax.random.key(0), (5, 6), jnp.float64)
        variables = jax.tree.map(lambda w: w.astype(jnp.float64), variables_of(layer, h))
        weights = jax.random.normal(jax.random.key(2), (5, 3), jnp.float64)

        def value(variables, h):
            return jnp.sum(weights * layer.apply(variables, h))

        # No two maps are so near each other here that a step of 1e-6 changes which is the largest.
        check_grads(value, (variables, h), order=1, modes=("rev",), eps=1e-6, atol=1e-6, rtol=1e-6)


def test_weights_start_where_the_release_s_do():
    generator, discriminator = ReluGenerator(SHAPE, (70, 60)), MaxoutDiscriminator((50, 40), 3)
    z, x = jnp.zeros((2, 30)), jnp.zeros((2, *SHAPE))
    for module, given_x, bound in ((generator, z, 0.05), (discriminator, x, 0.005)):
        leaves = jax.tree_util.tree_leaves_with_path(variables_of(InTraining(module), given_x)["params"])
        for path, leaf in leaves:
            if "kernel" in jax.tree_util.keystr(path):
                assert 0.8 * bound < jnp.abs(leaf).max() <= bound
                assert abs(leaf.mean()) < 4 * bound / (3 * leaf.size) ** 0.5  # of a uniform: bound / sqrt(3)
            else:
                assert not leaf.any()


class InTraining:
    """A player without its argument `train`, which is True."""

    def __init__(self, module):
        self.module = module

    def init(self, rngs, x):
        return self.module.init(rngs, x, train=True)


def test_pixels_start_at_their_means():
    images = np.random.default_rng(0).integers(0, 256, (200, *SHAPE), np.uint8)
    images[:, 0, 0] = 0
    images[:, 1, 0] = 255
    bias = goodfellow.marginal_logits(images)
    generator = ReluGenerator(SHAPE, (8,), bias)
    z = jnp.zeros((1, 5))  # nothing but the bias is seen
    made = generator.apply(generator.init(jax.random.key(0), z, train=True), z, train=False)
    np.testing.assert_allclose((made[0] + 1) / 2 * 255, images.mean(axis=0), atol=1e-3)
    assert np.isfinite(bias).all()


@pytest.mark.parametrize("images", [np.zeros((3, 2, 2, 1)), np.zeros((0, 2, 2, 1), np.uint8)])
def test_marginals_are_of_bytes(images):
    with pytest.raises(ValueError, match="but must be bytes, at least one image"):
        goodfellow.marginal_logits(images)


def test_dropout_keeps_what_it_should_and_only_in_training():
    """With weights of one on a D of one layer: logits are sums, of which a share .8 of pixels and .5 of units stay."""
    discriminator = MaxoutDiscriminator((400,), 1)
    x = jnp.ones((300, 5, 4, 1))
    variables = discriminator.init({"params": jax.random.key(0), "dropout": jax.random.key(1)}, x, train=True)
    ones = jax.tree.map(jnp.ones_like, variables)
    params = jax.tree_util.tree_map_with_path(
        lambda path, w: jnp.zeros_like(w) if "bias" in jax.tree_util.keystr(path) else w, ones
    )
    a = discriminator.apply(params, x, train=True, rngs={"dropout": jax.random.key(2)})
    expected = 20 * 400
    np.testing.assert_array_equal(discriminator.apply(params, x, train=False), expected)
    # E = 20 * 400; a unit kept counts twice, a pixel 1.25 times: variances .25 / 20 and 1 / 400.
    np.testing.assert_allclose(a.mean(), expected, rtol=4 * (0.25 / 20 + 1 / 400) ** 0.5 / 300**0.5)
    np.testing.assert_allclose(a.std() / expected, (0.25 / 20 + 1 / 400) ** 0.5, rtol=0.2)
    off = MaxoutDiscriminator((400,), 1, dropout=False)
    np.testing.assert_array_equal(off.apply(params, x, train=True), expected)


def test_each_image_is_judged_by_itself():
    discriminator = MaxoutDiscriminator((7, 5), 3)
    x = jax.random.normal(jax.random.key(0), (6, *SHAPE))
    variables = variables_of(InTraining(discriminator), x)
    together = discriminator.apply(variables, x, train=False)
    alone = [discriminator.apply(variables, one[None], train=False)[0] for one in x]
    np.testing.assert_allclose(together, jnp.array(alone), atol=1e-7)


@pytest.mark.parametrize(("layer", "message"), [(Maxout(0, 2), "units is 0"), (Maxout(2, -1), "pieces is -1")])
def test_bad_layers_are_named(layer, message):
    with pytest.raises(ValueError, match=message):
        layer.init(jax.random.key(0), jnp.ones((1, 2)))


def test_a_bias_for_another_image_is_named():
    with pytest.raises(ValueError, match="bias has 3 entries, but must have none or 6"):
        ReluGenerator(SHAPE, (2,), (0.0,) * 3).init(jax.random.key(0), jnp.ones((1, 2)), train=True)
