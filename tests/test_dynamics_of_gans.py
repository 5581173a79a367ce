"""The vector field of a whole GAN, on the line and of images: where its steps go, and its Jacobian."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_from_scratch import dynamics, networks, remedies, train
from gan_from_scratch.distributions import Gaussian, Uniform
from gan_from_scratch.dynamics import Point
from gan_from_scratch.images.networks import Convolution, DCGANDiscriminator

GAN = train.GAN(
    networks.Generator((4,)),
    networks.Discriminator((4,)),
    optax.sgd(1.0),
    optax.sgd(1.0),
    Uniform(-1.0, 1.0).sample,
    batch=16,
    penalties=(remedies.R1(0.2),),
)


@pytest.fixture
def played():
    """A GAN's state, data, noise and key."""
    keys = jax.random.split(jax.random.key(3), 4)
    state = train.init(GAN, keys[0])
    return state, Gaussian(1.0, 1.0).sample(keys[1], 16), GAN.sample_noise(keys[2], 16), keys[3]


def test_the_field_of_a_gan_is_where_its_steps_go(played):
    """Plain gradient steps of length 1 move each player by its velocity."""
    state, x, z, key = played
    point = Point(state.g.params, state.d.params)
    v = dynamics.vector_field(dynamics.of_gan(GAN, state, x, z, key))(point)
    after_d, _ = train.discriminator_step(GAN, state, x, z, key)
    after_g, _ = train.generator_step(GAN, state, x, z, key)
    for moved, old, velocity in ((after_g.g.params, point.theta, v.theta), (after_d.d.params, point.psi, v.psi)):
        jax.tree.map(lambda a, b, c: np.testing.assert_allclose(a - b, c, atol=1e-6), moved, old, velocity)


def test_the_jacobian_of_a_gan_is_that_of_finite_differences(played):
    """Column by column in float64, although the state is float32."""
    state, x, z, key = played
    v = dynamics.vector_field(dynamics.of_gan(GAN, state, x, z, key))
    point = Point(state.g.params, state.d.params)
    found = dynamics.jacobian(v, point)
    h = 1e-5
    with jax.enable_x64(True):
        w, unravel = jax.flatten_util.ravel_pytree(jax.tree.map(jnp.float64, point))
        flat = jax.jit(lambda w: jax.flatten_util.ravel_pytree(v(unravel(w)))[0])
        columns = [(flat(w + h * e) - flat(w - h * e)) / (2 * h) for e in np.eye(len(w))]
    assert found.shape == (len(w), len(w)) and found.dtype == np.float64
    np.testing.assert_allclose(found, np.stack(columns, axis=1), atol=1e-6)


class TinyImages(nn.Module):
    """Noise to images of 8 x 8, without BatchNorm."""

    @nn.compact
    def __call__(self, z, train):
        h = nn.Dense(16, dtype=jnp.float64)(z).reshape(-1, 4, 4, 1)
        return jnp.tanh(Convolution(1, transposed=True, dtype=jnp.float64)(h))


def test_the_jacobian_of_a_gan_of_images_is_that_of_finite_differences(float64):
    """In one random direction, R1's part included."""
    d = DCGANDiscriminator(8, 1, 2, batch_norm=False, dtype=jnp.float64)
    gan = dataclasses.replace(GAN, generator=TinyImages(), discriminator=d, batch=3)
    state = jax.jit(lambda key: train.init(gan, key))(jax.random.key(0))
    x, z = jax.random.normal(jax.random.key(1), (3, 8, 8, 1)), gan.sample_noise(jax.random.key(2), 3)
    v = dynamics.vector_field(dynamics.of_gan(gan, state, x, z, jax.random.key(3)))
    # Fresh weights of .02 give slopes near 0: ten times as large, the Jacobian has something to say.
    point = jax.tree.map(lambda w: 10 * jnp.float64(w), Point(state.g.params, state.d.params))
    found = dynamics.jacobian(v, point)
    w, unravel = jax.flatten_util.ravel_pytree(point)
    flat = jax.jit(lambda w: jax.flatten_util.ravel_pytree(v(unravel(w)))[0])
    direction, h = np.random.default_rng(0).normal(size=len(w)), 1e-6
    wanted = (flat(w + h * direction) - flat(w - h * direction)) / (2 * h)
    assert np.linalg.norm(wanted) > 0.01
    np.testing.assert_allclose(found @ direction, wanted, atol=1e-7)
