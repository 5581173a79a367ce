"""The networks of images: where Radford et al. put BatchNorm, biases and units, and what no image may depend on."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_from_scratch import networks, train
from gan_from_scratch.distributions import Uniform
from gan_from_scratch.images import convolution, textbook
from gan_from_scratch.images import networks as images

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


IMAGE_NETWORKS = {
    "28": (images.DCGANGenerator(28, 1, 4), images.DCGANDiscriminator(28, 1, 4), (28, 28, 1)),
    "32": (images.DCGANGenerator(32, 3, 4), images.DCGANDiscriminator(32, 3, 4), (32, 32, 3)),
    "8": (images.DCGANGenerator(8, 2, 4), images.DCGANDiscriminator(8, 2, 4), (8, 8, 2)),
    "28, hidden": (images.DCGANGenerator(28, 1, 4, 6), images.DCGANDiscriminator(28, 1, 4, 6), (28, 28, 1)),
    "56": (images.DCGANGenerator(56, 1, 2), images.DCGANDiscriminator(56, 1, 2), (56, 56, 1)),
}
BF16 = jnp.bfloat16


@pytest.mark.parametrize("pair", IMAGE_NETWORKS.values(), ids=IMAGE_NETWORKS)
def test_dcgan_shapes_and_range(pair):
    g, d, shape = pair
    z = jax.random.normal(jax.random.key(1), (3, 5))
    x, _ = trained(g, variables(g, z), z)
    assert x.shape == (3, *shape) and x.dtype == jnp.float32 and jnp.abs(x).max() <= 1
    a = sampled(d, variables(d, x), x)
    assert a.shape == (3,) and a.dtype == jnp.float32


def test_dcgan_has_its_batch_norm_and_biases_where_radford_has_them():
    """Not at G's output nor at D's input; no bias under a BatchNorm; channels double from layer to layer."""
    g, d, _ = IMAGE_NETWORKS["32"]
    z, x = jnp.ones((2, 5)), jnp.ones((2, 32, 32, 3))
    params_g, params_d = variables(g, z)["params"], variables(d, x)["params"]
    assert set(params_g) == {"project", "norm_0", "up_1", "norm_1", "up_2", "norm_2", "up_3"}
    assert [params_g[f"up_{i}"]["kernel"].shape for i in (1, 2, 3)] == [(16, 4, 4, 8), (8, 4, 4, 4), (4, 4, 4, 3)]
    assert [name for name, layer in params_g.items() if "bias" in layer and "kernel" in layer] == ["up_3"]
    assert set(params_d) == {"down_0", "down_1", "norm_1", "down_2", "norm_2", "judge"}
    assert [params_d[f"down_{i}"]["kernel"].shape for i in (0, 1, 2)] == [(4, 4, 4, 3), (8, 4, 4, 4), (16, 4, 4, 8)]
    assert {name for name, layer in params_d.items() if "bias" in layer and "kernel" in layer} == {"down_0", "judge"}


def test_hidden_units_stand_at_both_ends():
    """Between noise and projection, and between the last image and the logit; each with BatchNorm and no bias."""
    g, d, shape = IMAGE_NETWORKS["28, hidden"]
    params_g = variables(g, jnp.ones((2, 5)))["params"]
    params_d = variables(d, jnp.ones((2, *shape)))["params"]
    assert params_g["hidden"]["kernel"].shape == (5, 6) and params_g["project"]["kernel"].shape == (6, 7 * 7 * 8)
    assert params_d["hidden"]["kernel"].shape == (7 * 7 * 8, 6) and params_d["judge"]["kernel"].shape == (6, 1)
    for params in (params_g, params_d):
        assert "bias" not in params["hidden"] and params["norm_hidden"]["scale"].shape == (6,)


def test_dcgan_starts_as_radfords():
    """Weights N(0, .02), BatchNorm's scales N(1, .02), biases 0."""
    params = variables(images.DCGANGenerator(28, 1, 64), jnp.ones((2, 100)))["params"]
    weights = jnp.concatenate([layer["kernel"].ravel() for layer in params.values() if "kernel" in layer])
    assert float(weights.std()) == pytest.approx(0.02, rel=0.01) and abs(float(weights.mean())) < 1e-4
    scales = jnp.concatenate([params[f"norm_{i}"]["scale"] for i in (0, 1)])
    assert float(scales.std()) == pytest.approx(0.02, rel=0.2) and float(scales.mean()) == pytest.approx(1, abs=0.01)
    assert not params["up_2"]["bias"].any()


@given(seed=seeds)
def test_one_layer_of_the_generator_by_hand(seed):
    """Size 8 has one level: project, BatchNorm, ReLU, transposed convolution, tanh."""
    g = images.DCGANGenerator(8, 2, 4)
    z = jax.random.normal(jax.random.key(seed), (3, 5))
    start = variables(g, z, seed)
    params = start["params"]
    h = (z @ params["project"]["kernel"]).reshape(3, 4, 4, 4)
    h = (h - h.mean(axis=(0, 1, 2))) / jnp.sqrt(h.var(axis=(0, 1, 2)) + 1e-5)
    h = jax.nn.relu(h * params["norm_0"]["scale"] + params["norm_0"]["bias"])
    h = convolution.convolve_transposed_by_library(h, params["up_1"]["kernel"], 2, 1) + params["up_1"]["bias"]
    x, _ = trained(g, start, z)
    np.testing.assert_allclose(x, jnp.tanh(h), atol=1e-5)


@given(seed=seeds)
def test_at_sampling_time_no_image_depends_on_its_batch_mates(seed):
    g, d, shape = IMAGE_NETWORKS["28"]
    for module, inputs in ((g, (6, 5)), (d, (6, *shape))):
        x = jax.random.normal(jax.random.key(seed), inputs)
        params = variables(module, x)
        together = sampled(module, params, x)
        np.testing.assert_allclose(together[:2], sampled(module, params, x[:2]), atol=1e-5)
        in_training, _ = trained(module, params, x)
        alone, _ = trained(module, params, x[:2])
        assert not np.allclose(in_training[:2], alone, atol=1e-4)  # in training it does: that is what BatchNorm is


NORMALISED = {
    "line": (networks.Discriminator((4, 3), batch_norm=True), (6, 2)),
    "generator": (images.DCGANGenerator(8, 1, 3), (6, 2)),
    "discriminator": (images.DCGANDiscriminator(16, 1, 2), (3, 16, 16, 1)),
    "classifier": (images.Classifier(2), (3, 8, 8, 1)),
}


@pytest.mark.parametrize(("module", "shape"), NORMALISED.values(), ids=NORMALISED)
def test_running_statistics_keep_nine_tenths_and_take_one_tenth_of_the_batch(module, shape):
    """The map s -> .9 s + .1 b, b the batch's own: from 0 and from 1 it leads to places .9 apart, and from 0 again
    and again to b, where it stays."""
    x = jax.random.normal(jax.random.key(0), shape)
    start = variables(module, x)

    def after(stats):
        return trained(module, start | {"batch_stats": stats}, x)[1]["batch_stats"]

    zeros, ones = (jax.tree.map(fill, start["batch_stats"]) for fill in (jnp.zeros_like, jnp.ones_like))
    from_zeros, from_ones = after(zeros), after(ones)
    close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
    jax.tree.map(lambda low, high: close(high - low, 0.9), from_zeros, from_ones)
    b = jax.tree.map(lambda s: 10 * s, from_zeros)
    jax.tree.map(close, after(b), b)


@given(seed=seeds)
def test_without_batch_norm_a_logit_depends_on_its_image_alone_in_training_too(seed):
    d = images.DCGANDiscriminator(16, 1, 4, hidden=3, batch_norm=False)
    x = jax.random.normal(jax.random.key(seed), (4, 16, 16, 1))
    start = variables(d, x)
    assert set(start) == {"params"}
    assert all("bias" in start["params"][name] for name in ("down_0", "down_1", "hidden", "judge"))
    (together, _), (alone, _) = trained(d, start, x), trained(d, start, x[:1])
    assert not jnp.allclose(together[:1], together[1:], rtol=1e-3)
    np.testing.assert_allclose(together[:1], alone, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("size", [0, 4, 7, 12, 30, 27, 49, -28])
def test_a_size_that_does_not_double_is_named(size):
    with pytest.raises(ValueError, match=f"size is {size}, but must be 4 or 7 times 2, 4, 8"):
        images.image_levels(size)


@given(level=st.integers(1, 8), base=st.sampled_from([4, 7]))
def test_sizes_are_base_times_a_power_of_two(level, base):
    assert images.image_levels(base * 2**level) == (base, level)


def test_bfloat16_is_for_products_alone():
    """Parameters, statistics, images and logits stay float32, and the result is that of float32 to 2 to 3 digits."""
    for module, half, inputs in (
        (images.DCGANGenerator(28, 1, 8), images.DCGANGenerator(28, 1, 8, dtype=BF16), (4, 5)),
        (images.DCGANDiscriminator(28, 1, 8), images.DCGANDiscriminator(28, 1, 8, dtype=BF16), (4, 28, 28, 1)),
    ):
        x = jax.random.normal(jax.random.key(0), inputs)
        start = variables(half, x)
        assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(start))
        y, stats = trained(half, start, x)
        assert y.dtype == jnp.float32 and all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(stats))
        wanted, _ = trained(module, start, x)
        assert not np.array_equal(y, wanted)
        np.testing.assert_allclose(y, wanted, atol=0.05 * float(jnp.abs(wanted).max()))


def test_dropout_is_off_at_sampling_time():
    d = images.DCGANDiscriminator(28, 1, 4, dropout=0.5)
    x = jax.random.normal(jax.random.key(0), (3, 28, 28, 1))
    params = d.init({"params": jax.random.key(0), "dropout": jax.random.key(1)}, x, train=True)
    plain = images.DCGANDiscriminator(28, 1, 4)
    np.testing.assert_array_equal(sampled(d, params, x), sampled(plain, params, x))
    dropped = [
        d.apply(params, x, train=True, rngs={"dropout": jax.random.key(i)}, mutable=["batch_stats"])[0] for i in (1, 2)
    ]
    assert not np.allclose(*dropped)


def test_the_frog_nets_are_the_textbooks():
    """Its layers' parameters as Keras counts them, and D's maps of 30, 14, 6 and 2 pixels."""
    g, d = textbook.FrogGenerator(), textbook.FrogDiscriminator()
    key = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    shapes = jax.eval_shape(lambda: g.init(key, jnp.ones((1, 32)), train=True))["params"]
    sizes = {name: sum(leaf.size for leaf in layer.values()) for name, layer in shapes.items()}
    assert sizes == {
        "project": 33 * 128 * 16 * 16,
        "conv_0": (25 * 128 + 1) * 256,
        "up": (16 * 256) * 256 + 256,
        "conv_1": (25 * 256 + 1) * 256,
        "conv_2": (25 * 256 + 1) * 256,
        "conv_3": (49 * 256 + 1) * 3,
    }
    shapes = jax.eval_shape(lambda: d.init(key, jnp.ones((1, 32, 32, 3)), train=True))["params"]
    assert [shapes[name]["kernel"].shape for name in ("conv_0", "down_1", "down_2", "down_3", "judge")] == [
        (128, 3, 3, 3), (128, 4, 4, 128), (128, 4, 4, 128), (128, 4, 4, 128), (2 * 2 * 128, 1)
    ]  # fmt: skip
    x = jax.eval_shape(lambda: g.init_with_output(key, jnp.ones((2, 32)), train=True)[0])
    assert x.shape == (2, 32, 32, 3)


def test_the_classifiers_logits_are_an_affine_map_of_its_features():
    c = images.Classifier(4)
    x = jax.random.normal(jax.random.key(0), (3, 28, 28, 1))
    params = variables(c, x)
    logits, features = sampled(c, params, x)
    assert logits.shape == (3, 10) and features.shape == (3, 16)
    last = params["params"]["classes"]
    np.testing.assert_allclose(logits, features @ last["kernel"] + last["bias"], rtol=1e-4, atol=1e-4)


def test_image_networks_under_vmap_are_the_single_runs():
    """Two seeds at once, two steps of plain descent: equal to the rounding of float32."""
    sgd = optax.sgd(0.1)
    gan = train.GAN(
        images.DCGANGenerator(8, 1, 4), images.DCGANDiscriminator(8, 1, 4), sgd, sgd, Uniform(-1.0, 1.0).sample, batch=4
    )
    keys = jax.random.split(jax.random.key(7), 2)
    states = jax.jit(jax.vmap(partial(train.init, gan)))(keys)

    def run(state, key):
        return train.train(gan, state, faint_images, key, 2)

    mapped = jax.vmap(run)(states, keys)
    for i in range(2):
        alone = run(jax.tree.map(lambda leaf, i=i: leaf[i], states), keys[i])
        one = jax.tree.map(lambda leaf, i=i: leaf[i], mapped)
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5), one, alone)
    assert all(np.any(leaf[0] != leaf[1]) for leaf in jax.tree.leaves(mapped[0].d.params))


def faint_images(key, n):
    return 0.5 * jax.random.normal(key, (n, 8, 8, 1))
