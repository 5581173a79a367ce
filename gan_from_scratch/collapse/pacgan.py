"""The players with which Lin et al. 2018, PacGAN, section 4.1, learn mixtures in the plane."""

from functools import partial

import flax.linen as nn
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from gan_from_scratch.images.goodfellow import Maxout
from gan_from_scratch.layers import MOMENTUM


class PacGenerator(nn.Module):
    """Noise (batch, noise_dim) to samples (batch, 2): layers of ReLU with BatchNorm, then an affine map."""

    hidden: tuple[int, ...] = (400, 400, 400, 400)

    @nn.compact
    def __call__(self, z: Float[ArrayLike, "batch noise_dim"], train: bool) -> Float[Array, "batch 2"]:
        norm = partial(nn.BatchNorm, use_running_average=not train, momentum=MOMENTUM)
        h = z
        for i, width in enumerate(self.hidden):
            h = nn.relu(norm(name=f"norm_{i}")(nn.Dense(width, use_bias=False, name=f"layer_{i}")(h)))
        return nn.Dense(2, name="sample")(h)


class PacDiscriminator(nn.Module):
    """Samples (batch, dim), or packs of them, to logits (batch,): layers of maxout, then an affine map."""

    hidden: tuple[int, ...] = (200, 200, 200)
    pieces: int = 5

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch dim"], train: bool) -> Float[Array, " batch"]:
        h = x
        for i, width in enumerate(self.hidden):
            h = Maxout(width, self.pieces, name=f"layer_{i}")(h)
        return nn.Dense(1, name="judge")(h)[:, 0]
