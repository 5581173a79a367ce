"""Packing: D judges several samples of one kind together. Lin et al. 2018, PacGAN.

Where G has lost a mode, a single fake looks like data. Two fakes from the same few modes do not look like two draws of
data: the 2 JSD that D can reach grows faster with the number of samples for a p_g that has lost a mode than for one
that has not, at the same distance for single samples (tests/test_collapse.py has the paper's example).
"""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from gan_from_scratch import check


class Packed(nn.Module):
    """One logit for `samples` samples, which D sees side by side: along the last axis, an image's channels."""

    discriminator: nn.Module
    samples: int

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch ... last"], train: bool) -> Float[Array, " packs"]:
        check.positive_integer("samples", self.samples)
        batch, *places, last = jnp.shape(x)
        if batch % self.samples:
            raise ValueError(f"the batch is {batch}, but must be a multiple of {self.samples}, the samples in a pack")
        packs = jnp.moveaxis(jnp.reshape(x, (-1, self.samples, *places, last)), 1, -2)
        return self.discriminator(packs.reshape(-1, *places, self.samples * last), train)
