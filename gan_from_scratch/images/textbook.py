"""The networks for CIFAR-10's frogs of Chollet, "Deep Learning with Python": for images of 32 x 32 x 3 alone."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from gan_from_scratch.images.networks import Convolution

KERAS_INIT = nn.initializers.glorot_uniform()  # Chollet leaves both at Keras's defaults
KERAS_LEAK = 0.3


class FrogGenerator(nn.Module):
    """Chollet's generator of CIFAR frogs: noise (batch, noise_dim) to (batch, 32, 32, 3).

    One doubling among 5 x 5 convolutions with 256 channels, no BatchNorm: 7.7 GFLOP for an image, and
    .035 in the DCGAN of width 64.
    """

    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: Float[ArrayLike, "batch noise_dim"], train: bool) -> Float[Array, "batch 32 32 3"]:
        layer = partial(Convolution, kernel_init=KERAS_INIT, dtype=self.dtype)
        h = nn.Dense(128 * 16 * 16, kernel_init=KERAS_INIT, dtype=self.dtype, name="project")(z)
        h = _keras_leaky_relu(h).reshape(-1, 16, 16, 128)
        h = _keras_leaky_relu(layer(256, 5, 1, 2, name="conv_0")(h))
        h = _keras_leaky_relu(layer(256, transposed=True, name="up")(h))
        h = _keras_leaky_relu(layer(256, 5, 1, 2, name="conv_1")(h))
        h = _keras_leaky_relu(layer(256, 5, 1, 2, name="conv_2")(h))
        return jnp.tanh(layer(3, 7, 1, 3, name="conv_3")(h).astype(jnp.float32))


class FrogDiscriminator(nn.Module):
    """Chollet's discriminator of CIFAR frogs: 32, 30, 14, 6, 2 pixels, strides instead of pooling."""

    dropout: float = 0.4
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch 32 32 3"], train: bool) -> Float[Array, " batch"]:
        layer = partial(Convolution, 128, padding=0, kernel_init=KERAS_INIT, dtype=self.dtype)
        h = _keras_leaky_relu(layer(size=3, stride=1, name="conv_0")(x))
        for i in range(1, 4):
            h = _keras_leaky_relu(layer(name=f"down_{i}")(h))
        h = nn.Dropout(self.dropout, deterministic=not train)(h.reshape(h.shape[0], -1))
        return nn.Dense(1, kernel_init=KERAS_INIT, dtype=self.dtype, name="judge")(h)[:, 0].astype(jnp.float32)


def _keras_leaky_relu(h: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
    return nn.leaky_relu(h, KERAS_LEAK)
