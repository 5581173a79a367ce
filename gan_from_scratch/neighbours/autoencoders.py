"""An encoder and a decoder of images: x (batch, h, w, channels) to q(z|x), and z (batch, latent) to p(x|z)."""

import math

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float


class GaussianEncoder(nn.Module):
    """Mean and log variance of each coordinate of z, each (batch, latent).

    Layers of tanh, as Kingma & Welling 2014, appendix C, and Burda et al. 2016 have them.
    """

    latent: int
    hidden: tuple[int, ...]

    @nn.compact
    def __call__(
        self, x: Float[ArrayLike, "batch h w channels"]
    ) -> tuple[Float[Array, "batch latent"], Float[Array, "batch latent"]]:
        h = jnp.asarray(x).reshape(x.shape[0], -1)
        for i, width in enumerate(self.hidden):
            h = jnp.tanh(nn.Dense(width, name=f"layer_{i}")(h))
        return nn.Dense(self.latent, name="mean")(h), nn.Dense(self.latent, name="log_variance")(h)


class BernoulliDecoder(nn.Module):
    """The logit of each pixel's probability of being 1, likewise."""

    shape: tuple[int, ...]
    hidden: tuple[int, ...]

    @nn.compact
    def __call__(self, z: Float[ArrayLike, "batch latent"]) -> Float[Array, "batch h w channels"]:
        h = z
        for i, width in enumerate(self.hidden):
            h = jnp.tanh(nn.Dense(width, name=f"layer_{i}")(h))
        return nn.Dense(math.prod(self.shape), name="pixels")(h).reshape(-1, *self.shape)
