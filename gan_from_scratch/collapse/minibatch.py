"""D sees how each sample differs from the others of its batch, real ones among real and fakes among fakes.

A G that makes one point again and again is found out by that alone. Such a D's logits depend on the whole batch, at
sampling time too: an idea of how varied the others are is what it is given.
"""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from gan_from_scratch import check
from gan_from_scratch.networks import leaky_relu, mlp

TINY = 1e-8  # added to a variance: at 0, as in a batch of equal samples, a root has no slope


class MinibatchDiscrimination(nn.Module):
    """o_b(x_i) = sum over j of exp(-||M_ib - M_jb||_1), M = f(x) T. Salimans et al. 2016, section 3.2.

    Features f (batch, features) to o (batch, kernels); T is a learnt tensor (features, kernels, dim).
    j = i adds 1 to each, which is a bias.
    """

    kernels: int
    dim: int

    @nn.compact
    def __call__(self, f: Float[ArrayLike, "batch features"]) -> Float[Array, "batch kernels"]:
        check.positive_integer("kernels", self.kernels)
        check.positive_integer("dim", self.dim)
        m = nn.Dense(self.kernels * self.dim, use_bias=False, name="T")(f).reshape(-1, self.kernels, self.dim)
        distances = jnp.sum(jnp.abs(m[:, None] - m[None]), axis=-1)  # (batch, batch, kernels)
        return jnp.sum(jnp.exp(-distances), axis=1)


class MinibatchStd(nn.Module):
    """How much a feature varies in a group of samples, on average over features. Karras et al. 2018, section 3.

    Features f (batch, features) to (batch, 1), the same number for all of a group.
    """

    group: int = 4

    @nn.compact
    def __call__(self, f: Float[ArrayLike, "batch features"]) -> Float[Array, "batch 1"]:
        check.positive_integer("group", self.group)
        if len(f) % self.group:
            raise ValueError(f"the batch is {len(f)}, but must be a multiple of {self.group}, the samples in a group")
        std = jnp.sqrt(jnp.var(f.reshape(-1, self.group, f.shape[-1]), axis=1) + TINY)
        return jnp.repeat(std.mean(axis=1, keepdims=True), self.group, axis=0)


class BatchDiscriminator(nn.Module):
    """networks.Discriminator whose last layer also sees what `across` says of the features in the batch."""

    hidden: tuple[int, ...]
    across: nn.Module
    scale: float = 1.0

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch dim"], train: bool) -> Float[Array, " batch"]:
        # Counted among D's statistics, so that penalties know that a logit depends on its batch mates.
        self.variable("batch_stats", "none", lambda: jnp.zeros(0))
        f = leaky_relu(mlp(x / self.scale, self.hidden, leaky_relu))
        return nn.Dense(1, name="judge")(jnp.concatenate([f, self.across(f)], axis=1))[:, 0]
