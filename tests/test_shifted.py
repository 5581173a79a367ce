"""Shifted: a discriminator that sees images moved at random, in training and there alone."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_from_scratch import networks, train
from gan_from_scratch.distributions import Uniform
from gan_from_scratch.images.networks import DCGANDiscriminator, DCGANGenerator, Shifted, shifted

KEY = jax.random.key(7)
SGD = optax.sgd(0.1)
INNER = DCGANDiscriminator(8, 1, 2, batch_norm=False)
GAN = train.GAN(DCGANGenerator(8, 1, 2), Shifted(INNER, 3), SGD, SGD, Uniform().sample, batch=3)


@given(
    seed=st.integers(0, 2**31),
    shape=st.sampled_from([(4, 5, 6, 3), (1, 6, 2, 1), (3, 1, 1, 2)]),
    pixels=st.sampled_from([0, 1, 3, 7]),
)
def test_a_shifted_image_is_a_window_of_the_image_with_repeated_edges(seed, shape, pixels):
    key = jax.random.key(seed)
    x = np.asarray(jax.random.normal(jax.random.fold_in(key, 1), shape))
    moved = np.asarray(shifted(key, x, pixels))
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
    places = np.asarray(shifted(jax.random.key(0), x, 2).sum(axis=0))[:, :, 0]
    assert np.all(np.abs(places[2:7, 2:7] - 1600) < 200) and places.sum() == 40_000


def test_the_gradient_passes_a_shift(float64):
    """<T x, y> = <x, T' y>: T is linear, and the pull-back is its transpose."""
    x, y = jax.random.normal(jax.random.key(1), (2, 5, 4, 6, 2))
    moved, pull_back = jax.vjp(lambda x: shifted(jax.random.key(0), x, 2), x)
    assert float(jnp.vdot(moved, y)) == pytest.approx(float(jnp.vdot(x, pull_back(y)[0])), rel=1e-12)


class Echo(nn.Module):
    """Its noise is its images."""

    def __call__(self, z, train):
        return z


SHOWN = []


class Recording(nn.Module):
    """In the place of Shifted's inner D: keeps what it is shown."""

    def __call__(self, x, train):
        SHOWN.append(np.asarray(x))
        return jnp.zeros(len(x))


def test_both_players_see_real_and_fake_images_shifted_and_samples_are_judged_as_they_are():
    """In training each is one of the 7 x 7 windows, hardly any the image itself, and each pass draws its own."""
    SHOWN.clear()
    gan = train.GAN(Echo(), Shifted(Recording(), 3), SGD, SGD, lambda key, n: ramps(n), batch=12)
    state, x = train.GANState(*[train.Player({}, {}, ())] * 2, 0), ramps(12)
    for i, make in enumerate((train.discriminator_objective, train.generator_objective)):
        make(gan, state, x, x, jax.random.fold_in(KEY, i))({}, {})
    assert len(SHOWN) == 4, "D over data and fakes, in both players' steps"
    padded = np.pad(x, ((0, 0), (3, 3), (3, 3), (0, 0)), mode="edge")
    windows = {padded[0, a : a + 8, b : b + 8].tobytes() for a in range(7) for b in range(7)}
    for shown in SHOWN:
        assert {image.tobytes() for image in shown} <= windows
        assert sum(np.array_equal(image, x[0]) for image in shown) < 4  # 1 of 49 is
    for i in range(4):
        for j in range(i):
            assert not np.array_equal(SHOWN[i], SHOWN[j])
    train.discriminate(gan, state, x)
    np.testing.assert_array_equal(SHOWN[-1], x)


def ramps(n):
    """n equal images no two of whose windows are alike."""
    return np.broadcast_to(np.arange(64, dtype=np.float32).reshape(8, 8, 1), (n, 8, 8, 1))


def test_a_shifted_discriminator_learns_and_its_network_is_the_inner_one():
    """Its parameters are the inner network's under one name, and judged at sampling time as the inner one does."""
    start = jax.jit(lambda key: train.init(GAN, key))(KEY)
    x = jax.random.normal(KEY, (3, 8, 8, 1))
    inner = INNER.apply({"params": start.d.params["discriminator"]}, x, train=False)
    np.testing.assert_allclose(train.discriminate(GAN, start, x), inner, rtol=1e-5, atol=1e-8)
    after, _ = train.train(GAN, start, lambda key, n: x, KEY, 1)
    assert all(np.any(a != b) for a, b in zip(*map(jax.tree.leaves, (start.d.params, after.d.params)), strict=True))


@pytest.mark.parametrize("pixels", [8, 1000])
@pytest.mark.parametrize("training", [True, False])
def test_a_shift_out_of_the_image_is_named(pixels, training):
    with pytest.raises(ValueError) as error:
        jax.eval_shape(lambda key: Shifted(INNER, pixels).init(key, jnp.zeros((3, 8, 9, 1)), train=training), KEY)
    assert str(error.value) == f"shift is {pixels}, but must be below the image's size 8"


def test_what_is_no_image_is_named_before_training(without_shape_checks):
    d = Shifted(networks.Discriminator((4,)), 1)
    line = train.GAN(networks.Generator((4,)), d, SGD, SGD, Uniform().sample, batch=3)
    with pytest.raises(ValueError, match=r"^x has shape \(3, 1\), but only images \(batch, h, w, channels\) can be"):
        jax.eval_shape(lambda key: train.init(line, key), KEY)
