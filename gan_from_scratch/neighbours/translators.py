"""Players that translate: G takes a sample of one domain to the other, D judges whole images or points.

A translator maps square images of an even side to images of that shape, whatever the number of channels.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from gan_from_scratch.images.networks import Convolution
from gan_from_scratch.networks import leaky_relu, mlp

POSE_GAIN = 5.0  # Adam moves every weight equally far; a pose is six numbers and needs larger steps than a kernel


class LinearMap(nn.Module):
    """x -> M x: points (batch, dim). M starts as N(0, 1/4): neither orthogonal nor of a preferred orientation."""

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch dim"]) -> Float[Array, "batch dim"]:
        dim = x.shape[-1]
        return x @ self.param("matrix", nn.initializers.normal(0.5), (dim, dim)).T


class Translator(nn.Module):
    """Moves the pixels, then paints: y = m + paint(m) with m = x o A.

    A convolution sees a few pixels and cannot turn an image. The pose A, an affine map of the image's plane that all
    images share (Jaderberg et al. 2015 let it depend on the image), reaches everywhere; it starts as the
    identity. paint is a strided convolution and its transpose, and starts at 0.
    """

    width: int = 16  # no other was tried

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch h w channels"]) -> Float[Array, "batch h w channels"]:
        m = moved(x, POSE_GAIN * self.param("pose", lambda key: rotation(0.0)))
        h = nn.relu(Convolution(self.width, kernel_init=HE, name="down")(m))
        return m + Convolution(x.shape[-1], transposed=True, kernel_init=nn.initializers.zeros, name="up")(h)


class WholeImageDiscriminator(nn.Module):
    """Images to logits (batch,), by affine layers: what is upright, no small patch shows."""

    hidden: tuple[int, ...] = (128, 128)

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch h w channels"], train: bool) -> Float[Array, " batch"]:
        return mlp(x.reshape(len(x), -1), (*self.hidden, 1), leaky_relu)[:, 0]


def rotation(angle: Float[ArrayLike, ""]) -> Float[Array, "2 3"]:
    """The parameter [R | 0] / POSE_GAIN of a pose that turns the plane about its middle."""
    c, s = jnp.cos(angle), jnp.sin(angle)
    return jnp.array([[c, -s, 0], [s, c, 0]]) / POSE_GAIN


def moved(x: Float[ArrayLike, "batch h w channels"], pose: Float[Array, "2 3"]) -> Float[Array, "batch h w channels"]:
    """Pixel p of the result is x at pose (p, 1), between pixels by bilinear interpolation.

    p = (row, column), each from -1 to 1 across the image; beyond the edge, the edge. Bilinear weights are products of
    one in the row and one in the column, so this is a matrix product and needs no gathering.
    """
    n, height, width, channels = x.shape
    lines = [jnp.linspace(-1, 1, size) for size in (height, width)]
    at = jnp.stack([*jnp.meshgrid(*lines, indexing="ij"), jnp.ones((height, width))], axis=-1) @ pose.T
    weights = []
    for axis, size in enumerate((height, width)):
        place = (jnp.clip(at[..., axis].ravel(), -1, 1) + 1) * (size - 1) / 2
        weights.append(jax.nn.relu(1 - jnp.abs(place[:, None] - jnp.arange(size))))
    both = (weights[0][:, :, None] * weights[1][:, None, :]).reshape(height * width, height * width)
    return jnp.einsum("pq,nqc->npc", both, x.reshape(n, height * width, channels)).reshape(x.shape)


HE = nn.initializers.he_normal(in_axis=(1, 2, 3), out_axis=0)
