"""What D sees of a point, finer: the waves that a smooth network would take long to learn. Tancik et al. 2020."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from gan_from_scratch import check


class FourierFeatures(nn.Module):
    """D sees x / scale and, for each octave i, sin and cos of 2^i pi x / scale along each axis.

    Modes a hundredth as wide as the space between them are points for a network of few layers: it learns slow waves
    first, and a D that cannot see a mode's width cannot teach it.
    """

    discriminator: nn.Module
    octaves: int
    scale: float = 1.0

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch dim"], train: bool) -> Float[Array, " batch"]:
        check.positive_integer("octaves", self.octaves)
        check.positive("scale", self.scale)
        x = x / self.scale
        waves = (x[:, None, :] * (np.pi * 2.0 ** np.arange(self.octaves))[:, None]).reshape(len(x), -1)
        return self.discriminator(jnp.concatenate([x, jnp.sin(waves), jnp.cos(waves)], axis=1), train)
