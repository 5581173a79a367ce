"""The players of Goodfellow et al. 2014 for MNIST, as in the code that they released: fully connected, with maxout.

Images are (batch, h, w, channels) in [-1, 1] outside, as everywhere here, and pixels in [0, 1] inside, as in theirs.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Shaped

from gan_from_scratch import check

RANGE_G, RANGE_D = 0.05, 0.005  # the release's weights are uniform on [-range, range]
DROPPED_PIXELS, DROPPED_UNITS = 0.2, 0.5  # shares that are off in D's training
DARKEST = 1e-7  # a pixel's mean is taken to be at least so far from 0 and 1, where a sigmoid's logit is infinite


class ReluGenerator(nn.Module):
    """Noise (batch, noise_dim) to images: layers of ReLU, then a sigmoid for each pixel.

    With `bias` from `marginal_logits` each pixel starts at about its mean over the data; () is zeros.
    """

    shape: tuple[int, int, int]
    hidden: tuple[int, ...] = (1200, 1200)
    bias: tuple[float, ...] = ()

    @nn.compact
    def __call__(self, z: Float[ArrayLike, "batch noise_dim"], train: bool) -> Float[Array, "batch h w channels"]:
        pixels = int(np.prod(self.shape))
        if len(self.bias) not in (0, pixels):
            raise ValueError(f"bias has {len(self.bias)} entries, but must have none or {pixels}, one for each pixel")
        init = symmetric(RANGE_G)
        h = z
        for i, width in enumerate(self.hidden):
            h = nn.relu(nn.Dense(width, kernel_init=init, name=f"layer_{i}")(h))
        start = nn.initializers.zeros if not self.bias else lambda key, shape, dtype: jnp.array(self.bias, dtype)
        h = nn.Dense(pixels, kernel_init=init, bias_init=start, name="pixels")(h)
        return 2 * nn.sigmoid(h).reshape(-1, *self.shape) - 1


class MaxoutDiscriminator(nn.Module):
    """Images to logits: layers of maxout, with dropout in front of each and of the logit."""

    hidden: tuple[int, ...] = (240, 240)
    pieces: int = 5
    dropout: bool = True

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch h w channels"], train: bool) -> Float[Array, " batch"]:
        def drop(h: Array, share: float) -> Array:
            return nn.Dropout(share if self.dropout else 0.0, deterministic=not train)(h)

        h = drop((x.reshape(x.shape[0], -1) + 1) / 2, DROPPED_PIXELS)
        for i, width in enumerate(self.hidden):
            h = drop(Maxout(width, self.pieces, symmetric(RANGE_D), name=f"layer_{i}")(h), DROPPED_UNITS)
        return nn.Dense(1, kernel_init=symmetric(RANGE_D), name="judge")(h)[:, 0]


class Maxout(nn.Module):
    """Each unit is the largest of `pieces` affine maps of h. Goodfellow et al. 2013, Maxout Networks, section 3."""

    units: int
    pieces: int
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, h: Float[ArrayLike, "batch fan_in"]) -> Float[Array, "batch units"]:
        check.positive_integer("units", self.units)
        check.positive_integer("pieces", self.pieces)
        maps = nn.Dense(self.units * self.pieces, kernel_init=self.kernel_init, name="maps")(h)
        return maps.reshape(-1, self.units, self.pieces).max(axis=-1)


def symmetric(bound: float) -> Callable[..., Array]:
    """Weights uniform on [-bound, bound]."""
    return lambda key, shape, dtype: jax.random.uniform(key, shape, dtype, -bound, bound)


def marginal_logits(images: Shaped[np.ndarray, "_ h w channels"]) -> tuple[float, ...]:
    """Of each pixel the logit of its mean over images of bytes: the bias at which a sigmoid shows that mean."""
    if images.dtype != np.uint8 or not len(images):
        raise ValueError(f"images are {images.dtype} of shape {images.shape}, but must be bytes, at least one image")
    mean = np.clip(images.reshape(len(images), -1).mean(axis=0, dtype=np.float64) / 255, DARKEST, 1 - DARKEST)
    return tuple(np.log(mean / (1 - mean)).tolist())
