"""The DCGAN with one part exchanged: each switch builds what it says, and none of them anything else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_from_scratch.images.convolution import convolve
from gan_from_scratch.images.networks import DCGANDiscriminator, DCGANGenerator
from gan_from_scratch.images.variants import (
    GLOROT,
    FadingNoise,
    FivePixelConvolution,
    VariantDiscriminator,
    VariantGenerator,
)

KEYS = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
SIZE, CHANNELS, WIDTH, BATCH = 28, 1, 8, 6
Z = jax.random.normal(jax.random.key(2), (BATCH, 10))
X = jax.random.uniform(jax.random.key(3), (BATCH, SIZE, SIZE, CHANNELS), minval=-1)


def played(module, x):
    """Parameters and statistics, and the output in training."""
    variables = module.init(KEYS, x, train=True)
    stats = [name for name in variables if name != "params"]
    return variables, module.apply(variables, x, train=True, rngs=KEYS, mutable=stats)[0]


def operations(module, x) -> str:
    """What the module computes, as JAX writes it down."""
    variables = module.init(KEYS, x, train=True)
    return str(jax.make_jaxpr(lambda x: module.apply(variables, x, train=False))(x))


def generator(**switches):
    return VariantGenerator(SIZE, CHANNELS, WIDTH, **switches)


def discriminator(**switches):
    return VariantDiscriminator(SIZE, CHANNELS, WIDTH, **switches)


@pytest.mark.parametrize(
    ("variant", "dcgan", "x"),
    [(generator(), DCGANGenerator(SIZE, CHANNELS, WIDTH), Z),
     (discriminator(), DCGANDiscriminator(SIZE, CHANNELS, WIDTH), X),
     (discriminator(norm=False), DCGANDiscriminator(SIZE, CHANNELS, WIDTH, batch_norm=False), X),
     (discriminator(dropout=0.4), DCGANDiscriminator(SIZE, CHANNELS, WIDTH, dropout=0.4), X)],
)  # fmt: skip
def test_without_switches_it_is_the_dcgan(variant, dcgan, x):
    (ours, made), (theirs, expected) = played(variant, x), played(dcgan, x)
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)
    if not getattr(dcgan, "dropout", 0):  # which units are off depends on the layer's number
        np.testing.assert_allclose(made, expected, rtol=1e-6)


def test_ends():
    for end, lowest in (("tanh", -1), ("sigmoid", 0)):
        module = generator(end=end, init_weights=jax.nn.initializers.normal(1.0))
        _, made = played(module, Z)
        assert made.min() < lowest + 0.05 and made.max() > 0.95 and lowest <= made.min() <= made.max() <= 1
    before_tanh = jnp.arctanh(played(generator(end="tanh"), Z)[1])
    np.testing.assert_allclose(played(generator(end="sigmoid"), Z)[1], jax.nn.sigmoid(before_tanh), rtol=1e-5)


@pytest.mark.parametrize("make", [generator, discriminator])
def test_activations(make):
    """With LeakyReLU a unit that is off still hands on a fifth of its slope."""
    x = Z if make is generator else X
    plain, leaky = (operations(make(activation=name), x) for name in ("relu", "leaky_relu"))
    assert "0.2" in leaky and "0.2" not in plain


def test_pooling_has_no_stride_and_kernels_of_3():
    for down, what in (("max", "reduce_window_max"), ("mean", "reduce_window_sum")):
        module = discriminator(down=down)
        variables, logits = played(module, X)
        assert variables["params"]["down_0"]["kernel"].shape[1:3] == (3, 3) and logits.shape == (BATCH,)
        text = operations(module, X)
        assert text.count(what) == 2 and what not in operations(discriminator(), X)


@pytest.mark.parametrize(("down", "pool"), [("max", np.max), ("mean", np.mean)])
def test_pooling_by_hand(down, pool):
    """At 8 pixels D has one layer, so its logits can be written out."""
    x = jax.random.normal(jax.random.key(4), (3, 8, 8, 2))
    module = VariantDiscriminator(8, 2, WIDTH, down=down)
    variables, _ = played(module, x)
    first, judge = variables["params"]["down_0"], variables["params"]["judge"]
    h = jax.nn.leaky_relu(convolve(x, first["kernel"], 1, 1) + first["bias"], 0.2)
    h = pool(np.asarray(h).reshape(3, 4, 2, 4, 2, WIDTH), axis=(2, 4)).reshape(3, -1)
    expected = h @ judge["kernel"][:, 0] + judge["bias"]
    np.testing.assert_allclose(module.apply(variables, x, train=False), expected, rtol=1e-4, atol=1e-6)


def test_repeated_pixels():
    variables, made = played(generator(up="repeated"), Z)
    assert variables["params"]["up_1"]["kernel"].shape[1:3] == (3, 3)
    assert made.shape == (BATCH, SIZE, SIZE, CHANNELS)


def test_kernels_of_5():
    of_g, made = played(generator(kernel=5), Z)
    of_d, logits = played(discriminator(kernel=5), X)
    assert of_g["params"]["up_1"]["kernel"].shape[1:3] == of_d["params"]["down_1"]["kernel"].shape[1:3] == (5, 5)
    assert made.shape == X.shape and logits.shape == (BATCH,)


def test_a_convolution_of_five_pixels_is_the_librarys():
    x = jax.random.normal(jax.random.key(6), (3, 8, 8, 2))
    module = FivePixelConvolution(4)
    variables = module.init(jax.random.key(7), x)
    kernel = variables["params"]["kernel"].transpose(1, 2, 3, 0)  # (5, 5, in, out)
    expected = jax.lax.conv_general_dilated(
        x, kernel, (2, 2), ((2, 1), (2, 1)), dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    np.testing.assert_allclose(module.apply(variables, x), expected, rtol=1e-4, atol=1e-6)


def test_its_transpose_is_its_adjoint():
    """<C x, y> = <x, C^T y> with one and the same kernel."""
    x, y = (jax.random.normal(jax.random.key(i), shape) for i, shape in enumerate([(1, 8, 8, 2), (1, 4, 4, 3)]))
    kernel = jax.random.normal(jax.random.key(8), (3, 5, 5, 2))
    apply = lambda module, v: module.apply({"params": {"kernel": kernel}}, v)  # noqa: E731
    there = apply(FivePixelConvolution(3, use_bias=False), x)
    back = apply(FivePixelConvolution(2, transposed=True, use_bias=False), y)
    assert float(jnp.vdot(there, y)) == pytest.approx(float(jnp.vdot(x, back)), rel=1e-4)


@pytest.mark.parametrize(("make", "x"), [(generator, Z), (discriminator, X)])
def test_no_norm_has_no_statistics_but_biases(make, x):
    variables, _ = played(make(norm=False), x)
    assert set(variables) == {"params"} and all("bias" in layer for layer in variables["params"].values())


@pytest.mark.parametrize(("make", "x"), [(generator, Z), (discriminator, X)])
def test_dropout_needs_a_key(make, x):
    module = make(dropout=0.5)
    variables, made = played(module, x)
    again = module.apply(variables, x, train=True, rngs=KEYS | {"dropout": jax.random.key(9)}, mutable=["batch_stats"])[
        0
    ]
    assert not np.allclose(made, again)
    settled = [module.apply(variables, x, train=False) for _ in range(2)]
    np.testing.assert_array_equal(*settled)
    with_key = module.apply(variables, x, train=False, rngs=KEYS)
    assert np.allclose(with_key, settled[0]) == (make is discriminator)  # G drops at sampling time too


def test_glorots_weights_have_his_range():
    variables, _ = played(discriminator(init_weights=GLOROT), X)
    kernel = variables["params"]["down_1"]["kernel"]
    limit = np.sqrt(6 / (4 * 4 * (WIDTH + 2 * WIDTH)))  # Glorot & Bengio 2010, eq. (16), with the patch's size in both
    assert 0.95 * limit < np.abs(kernel).max() <= limit


def test_noise_fades_and_is_the_same_for_a_step_s_two_batches():
    steps = 4
    module = FadingNoise(discriminator(norm=False), 0.5, steps)
    variables = module.init(KEYS, X, train=True)
    assert variables["instance_noise"]["batches"] == 0
    alone = discriminator(norm=False).init(KEYS, X, train=True)
    jax.tree.map(np.testing.assert_array_equal, variables["params"], alone["params"])
    bare = discriminator(norm=False).apply(alone, X, train=False)
    assert np.array_equal(module.apply(variables, X, train=False), bare)
    distances = []
    for _ in range(2 * steps + 2):
        logits, changed = module.apply(variables, X, train=True, rngs=KEYS, mutable=["instance_noise"])
        distances.append(float(jnp.abs(logits - bare).mean()))
        variables = variables | changed
    np.testing.assert_allclose(distances[::2], distances[1::2], rtol=1e-5)
    assert distances[0] > distances[2] > distances[4] > distances[6] > distances[8] == 0


@pytest.mark.parametrize(
    ("module", "x", "message"),
    [(generator(up="bilinear"), Z, "up is 'bilinear'"), (generator(end="relu"), Z, "end is 'relu'"),
     (generator(activation="elu"), Z, "activation is 'elu'"), (discriminator(down="stride"), X, "down is 'stride'")],
)  # fmt: skip
def test_another_word_is_refused(module, x, message):
    with pytest.raises(ValueError, match=message):
        module.init(KEYS, x, train=True)
