"""Images from a trained G."""

from functools import partial

import jax
import numpy as np
from jax import Array

from experiments.command.progress import phase
from experiments.image_runs.images import to_bytes
from gan_from_scratch import remedies, train

SETTLED = 400  # batches for BatchNorm's statistics
GENERATED = 500  # images in one call


def settled(gan: train.GAN, state: train.GANState, key: Array) -> train.GANState:
    """The state to sample from: G's average, and the statistics that belong to it."""
    return _settled(gan, state._replace(g=remedies.averaged(state.g)), key)


@partial(jax.jit, static_argnames="gan")
def _settled(gan: train.GAN, state: train.GANState, key: Array) -> train.GANState:
    return train.settle(gan, state, key, SETTLED)


def images_at(gan: train.GAN, state: train.GANState, z: Array) -> np.ndarray:
    """G(z) of a settled state as bytes (n, h, w, c), some at a time."""
    return np.concatenate([np.asarray(_made(gan, state, z[i : i + GENERATED])) for i in range(0, len(z), GENERATED)])


@partial(jax.jit, static_argnames="gan")
def _made(gan: train.GAN, state: train.GANState, z: Array) -> Array:
    return to_bytes(train.generate(gan, state, z))


@phase("drawing samples")
def fresh_images(gan: train.GAN, state: train.GANState, key: Array, n: int) -> np.ndarray:
    """n images (n, h, w, c) uint8 from fresh noise."""
    key_settle, key_noise = (jax.random.fold_in(key, i) for i in (4, 5))
    return images_at(gan, settled(gan, state, key_settle), gan.sample_noise(key_noise, n))
