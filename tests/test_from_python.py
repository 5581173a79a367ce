"""What a user of the package from Python meets: modules on demand, arrays of one's own, sentences for common slips."""

import dataclasses
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import gan_from_scratch
from gan_from_scratch import data, networks, remedies, train
from gan_from_scratch.dcgan import dcgan
from gan_from_scratch.distributions import Gaussian, Uniform

KEY = jax.random.key(7)
SGD = optax.sgd(0.1)
GAN = train.GAN(networks.Generator((4,)), networks.Discriminator((4,)), SGD, SGD, Uniform().sample, batch=128)
RNG = np.random.default_rng(0)
FROZEN = (
    "sample_data gives the same batch for two keys, but each step needs a draw of its own: draw with jax.random from"
    " the key, or use data.sampler(array)"
)


# Imports


def test_files_are_imported_when_they_are_asked_for():
    program = """
import sys
import gan_from_scratch
import gan_from_scratch.images as images
assert "train" in dir(gan_from_scratch) and "winograd" in dir(images)
assert "jax" not in sys.modules and "numpy" not in sys.modules
gan_from_scratch.train.GAN, gan_from_scratch.images.winograd.sums
assert "jax" in sys.modules
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("package", [gan_from_scratch, gan_from_scratch.images])
def test_a_name_that_no_file_has_is_an_attribute_error(package):
    for name in ("trian", "commands"):
        with pytest.raises(AttributeError, match=f"^module '{package.__name__}' has no attribute '{name}'$"):
            getattr(package, name)


# Draws that do not follow the key


def numpy_batch(key, n):
    return RNG.normal(size=(n, 1)).astype(np.float32)


@pytest.mark.parametrize(
    "frozen",
    [numpy_batch, lambda key, n: jnp.asarray(numpy_batch(key, n)), lambda key, n: jnp.ones((n, 1))],
    ids=["numpy", "numpy in jax", "constant"],
)
def test_a_sampler_that_ignores_its_key_is_found(frozen):
    with pytest.raises(ValueError) as error:
        train.check_sampler(GAN, train.init(GAN, KEY), frozen, KEY)
    assert str(error.value) == FROZEN


def test_a_sampler_that_follows_its_key_is_not():
    for sample_data in (Gaussian().sample, data.sampler(np.arange(50.0)[:, None])):
        train.check_sampler(GAN, train.init(GAN, KEY), sample_data, KEY)


def test_training_refuses_data_that_numpy_drew():
    state = train.init(GAN, KEY)
    for drive in (lambda run: run(KEY), lambda run: jax.vmap(run)(jax.random.split(KEY))):
        with pytest.raises(ValueError) as error:
            drive(lambda key: train.train(GAN, state, numpy_batch, key, 1))
        assert str(error.value) == FROZEN


# Parts that do not fit


def test_data_of_another_shape_than_the_generated_is_named_by_training():
    with pytest.raises(ValueError) as error:
        train.train(GAN, train.init(GAN, KEY), lambda key, n: jax.random.normal(key, (n, 2)), KEY, 1)
    assert str(error.value) == (
        "data has shape (128, 2), generated has shape (128, 1), but they must have the same shape"
    )


def test_asking_for_shapes_adds_nothing_to_the_compiled_program():
    """Beside the loop over steps there is no operation on numbers."""
    state = train.init(GAN, KEY)
    (call,) = jax.make_jaxpr(lambda state, key: train.train(GAN, state, Gaussian().sample, key, 3))(state, KEY).eqns
    assert [equation.primitive.name for equation in call.params["jaxpr"].eqns] == ["scan"]


class Unhashable:
    __hash__ = None

    def __repr__(self):
        return "this"


@pytest.mark.parametrize("field", sorted({field.name for field in dataclasses.fields(train.GAN)} - {"batch", "k"}))
def test_a_field_without_a_hash_is_named(without_shape_checks, field):
    named = f"^{field} is this, but must be hashable, so that a compiled function can depend on it: write tuples for l"
    with pytest.raises(ValueError, match=named):
        dataclasses.replace(GAN, **{field: Unhashable()})


@pytest.mark.parametrize(
    ("field", "make", "named"),
    [
        ("generator", lambda: networks.Generator([8]), r"^generator is Generator\(\.\.\.\), but must be hashable"),
        ("penalties", lambda: [remedies.R1(0.1)], r"^penalties is \[R1\(gamma=0\.1\)\], but must be hashable"),
    ],
)
def test_a_list_for_a_tuple_is_named(without_shape_checks, field, make, named):
    with pytest.raises(ValueError, match=named):
        dataclasses.replace(GAN, **{field: make()})


# Arrays of one's own


def test_points_are_drawn_as_they_are_each_as_likely():
    points = RNG.normal(size=(5, 2))  # float64
    x = data.sampler(points)(KEY, 50_000)
    assert x.shape == (50_000, 2) and x.dtype == jnp.float32
    drawn, counts = np.unique(x, axis=0, return_counts=True)
    np.testing.assert_array_equal(drawn, np.unique(points.astype(np.float32), axis=0))
    assert np.all(np.abs(counts - 10_000) < 450)  # five standard deviations of 89
    assert data.sampler(np.arange(6).reshape(3, 2))(KEY, 2).dtype == jnp.float32


def test_bytes_become_the_range_of_tanh():
    """Each of the 256, in the image in which it was; 0 is -1 and 255 is 1 to the last bit."""
    images = np.arange(512).astype(np.uint8).reshape(4, 8, 8, 2)
    for array in (images, jnp.asarray(images)):
        x = np.asarray(data.sampler(array)(KEY, 100))
        assert x.shape == (100, 8, 8, 2) and x.dtype == np.float32 and x.min() == -1 and x.max() == 1
        numbers = np.unique(np.round((x + 1) * 127.5).astype(np.uint8).reshape(100, -1), axis=0)
        np.testing.assert_array_equal(numbers, np.unique(images.reshape(4, -1), axis=0))
    np.testing.assert_array_equal(data.sampler(images / 256)(KEY, 1), data.sampler(jnp.asarray(images) / 256)(KEY, 1))


def test_what_becomes_of_the_array_afterwards_does_not_matter():
    """Of an array that begins at a multiple of 64 bytes JAX may make one in the same memory."""
    memory = np.zeros(2016, np.float32)
    start = -memory.ctypes.data // 4 % 16
    points = memory[start : start + 2000].reshape(1000, 2)
    assert points.ctypes.data % 64 == 0
    sample = data.sampler(points)
    points[:] = 1
    assert not np.any(sample(KEY, 10))


@pytest.mark.parametrize(
    ("array", "named"),
    [
        (np.zeros((0, 2)), r"array \(as float32\) is empty"),
        (np.zeros((0, 8, 8, 1), np.uint8), r"array \(as float32\) is empty"),
        (np.array([[1.0, np.nan]]), r"array \(as float32\) holds nan \(1 of 2\)"),
        (np.array([[1.0], [1e39]]), r"array \(as float32\) holds inf \(1 of 2\)"),
        (np.zeros(5), r"array has shape \(5,\), but must have shape \(n, dim\) or \(n, h, w, c\)"),
        (np.float32(3), r"array has shape \(\)"),
        (np.ones((2, 2), complex), "array has type complex128, but must hold real numbers"),
        (np.array([["a"]]), "array has type <U1, but must hold real numbers"),
    ],
)
def test_an_array_that_is_no_data_is_named(without_shape_checks, array, named):
    with pytest.raises(ValueError, match=f"^{named}"):
        data.sampler(array)


def test_a_compiled_program_holds_the_array_once_and_as_an_argument_not_at_all():
    array = RNG.normal(size=(50_000, 1)).astype(np.float32)
    gan, digits = dataclasses.replace(GAN, k=3), 2 * array.nbytes  # two hexadecimal digits a byte
    state, sample_data = train.init(gan, KEY), data.sampler(array)

    @jax.jit
    def run(state, array, key):
        return train.train(gan, state, data.sampler(array), key, 4)

    held = len(train.train.lower(gan, state, sample_data, KEY, 4).as_text())
    passed = len(run.lower(state, array, KEY).as_text())
    assert digits < held < 1.5 * digits and passed < 0.5 * digits
    both = train.train(gan, state, sample_data, KEY, 4), run(state, array, KEY)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), *both)


# Images


def test_a_dcgan_learns_from_images_of_ones_own():
    images = RNG.integers(0, 256, (20, 16, 16, 3), np.uint8)
    gan, sample_data = dcgan((16, 16, 3), batch=4, width=4), data.sampler(images)
    state = jax.jit(lambda key: train.init(gan, key))(KEY)
    train.check_sampler(gan, state, sample_data, KEY)
    after, measured = train.train(gan, state, sample_data, KEY, 2)
    assert all(np.isfinite(values).all() and values.shape == (2,) for values in measured.values())
    for old, new in ((state.g, after.g), (state.d, after.d)):
        assert all(np.any(a != b) for a, b in zip(*map(jax.tree.leaves, (old.params, new.params)), strict=True))
    z = gan.sample_noise(KEY, 1000)
    assert z.shape == (1000, 100) and -1 <= z.min() < -0.99 and 0.99 < z.max() < 1
    assert train.generate(gan, after, z[:5]).shape == (5, 16, 16, 3)


def test_its_defaults_are_radfords():
    """Adam moves every number by the rate at first. Where the slope is then 0, momentum goes on, by b1 and b2."""
    gan = dcgan((8, 8, 1))
    assert (gan.batch, gan.k, gan.generator.width, gan.discriminator.width) == (64, 1, 64, 64)
    for optimizer in (gan.optimizer_g, gan.optimizer_d):
        w = jnp.ones(())
        first, state = optimizer.update(w, optimizer.init(w), w)
        second, _ = optimizer.update(jnp.zeros(()), state, w)
        assert float(first) == pytest.approx(-2e-4, rel=1e-4)
        # m = .5 * .5 over 1 - .5^2, v = .999 * .001 over 1 - .999^2
        assert float(second) == pytest.approx(-2e-4 * (0.25 / 0.75) / np.sqrt(0.999e-3 / (1 - 0.999**2)), rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"shape": (16, 8, 3)}, r"shape is \(16, 8, 3\), but must be \(size, size, channels\)"),
        ({"shape": (16, 16)}, r"shape is \(16, 16\)"),
        ({"shape": (15, 15, 3)}, "size is 15, but must be 4 or 7 times 2, 4, 8"),
        ({"shape": (16, 16, 0)}, "channels is 0"),
        ({"width": 0}, "width is 0"),
        ({"batch": 0}, "batch is 0"),
        ({"noise_dim": 0}, "noise_dim is 0"),
        ({"rate": 0.0}, "rate is 0.0"),
        ({"b1": 1.0}, "b1 is 1.0"),
    ],
)
def test_a_dcgan_that_cannot_be_is_named(without_shape_checks, arguments, named):
    with pytest.raises(ValueError, match=f"^{named}"):
        dcgan(**{"shape": (16, 16, 3)} | arguments)
