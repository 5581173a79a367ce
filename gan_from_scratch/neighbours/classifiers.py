"""Classifiers of digits under attack: images (batch, h, w, channels) in [0, 1] to class logits (batch, 10)."""

import flax.linen as nn
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from gan_from_scratch.images.goodfellow import DROPPED_PIXELS, DROPPED_UNITS, Maxout
from gan_from_scratch.images.networks import Convolution

CLASSES = 10


class SoftmaxRegression(nn.Module):
    """An affine map of the pixels: Goodfellow et al. 2015's shallow softmax."""

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch h w channels"], train: bool) -> Float[Array, "batch 10"]:
        return nn.Dense(CLASSES, name="classes")(x.reshape(x.shape[0], -1))


class MaxoutClassifier(nn.Module):
    """Layers of maxout with dropout in front of each: Goodfellow et al. 2013, section 4.1, with its 240 units of 5."""

    hidden: tuple[int, ...] = (240, 240)
    pieces: int = 5

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch h w channels"], train: bool) -> Float[Array, "batch 10"]:
        h = nn.Dropout(DROPPED_PIXELS, deterministic=not train)(x.reshape(x.shape[0], -1))
        for i, width in enumerate(self.hidden):
            h = Maxout(width, self.pieces, name=f"layer_{i}")(h)
            h = nn.Dropout(DROPPED_UNITS, deterministic=not train)(h)
        return nn.Dense(CLASSES, name="classes")(h)


class ConvolutionalClassifier(nn.Module):
    """Two strided convolutions with ReLU, then an affine map. No BatchNorm: an image's logits are its own."""

    width: int = 32

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch h w channels"], train: bool) -> Float[Array, "batch 10"]:
        h = x
        for i in range(2):
            h = nn.relu(Convolution(self.width * 2**i, kernel_init=_he, name=f"down_{i}")(h))
        return nn.Dense(CLASSES, name="classes")(h.reshape(h.shape[0], -1))


_he = nn.initializers.he_normal(in_axis=(1, 2, 3), out_axis=0)
