"""The two players as Flax modules. Only this file, images/networks.py and images/textbook.py import flax.

A module here is a description, hashable and without parameters: `module.init(key, x)` makes the parameters,
`module.apply({"params": params}, x)` is the function. Generators map noise (batch, noise_dim) to samples
(batch, dim); discriminators map samples to logits (batch,), never to probabilities. Each takes `train`, which is
False at sampling time: dropout and batch statistics depend on it, here those of Discriminator(batch_norm=True) alone.
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from gan_from_scratch.layers import LEAK, MOMENTUM

leaky_relu = partial(nn.leaky_relu, negative_slope=LEAK)


class Generator(nn.Module):
    """G(z) = center + scale * mlp(z): noise (batch, noise_dim) to samples (batch, dim), in the units of the data.

    With `center` and `scale` the mean and standard deviation of the data, the network works in standard units
    whatever the data's are, as pictures are scaled to [-1, 1]. With 0 and 1 it has to find both by itself.
    """

    hidden: tuple[int, ...]
    dim: int = 1
    center: float = 0.0
    scale: float = 1.0

    @nn.compact
    def __call__(self, z: Float[ArrayLike, "batch noise_dim"], train: bool) -> Float[Array, "batch dim"]:
        # tanh, not a ReLU: the map it has to learn, a quantile function, is smooth.
        return self.center + self.scale * mlp(z, (*self.hidden, self.dim), jnp.tanh)


class Identity(nn.Module):
    """x = z: a generator without parameters. It stays as it is, and p_g is the distribution of its noise."""

    @nn.compact
    def __call__(self, z: Float[ArrayLike, "batch dim"], train: bool) -> Float[Array, "batch dim"]:
        return z


class Discriminator(nn.Module):
    """a(x) = mlp((x - center) / scale): samples (batch, dim) to logits (batch,), each point judged by itself.

    With `batch_norm` each hidden layer after the first is normalised: in training by its batch, so that what is said
    of a point depends on the other points, and at sampling time by running statistics. Not the first one (Radford et
    al. 2016, section 3): normalised, a batch of fakes that lies elsewhere than the data would look the same.
    """

    hidden: tuple[int, ...]
    center: float = 0.0
    scale: float = 1.0
    batch_norm: bool = False

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch dim"], train: bool) -> Float[Array, " batch"]:
        normalize = None
        if self.batch_norm:
            normalize = partial(nn.BatchNorm, use_running_average=not train, momentum=MOMENTUM)
        return mlp((x - self.center) / self.scale, (*self.hidden, 1), leaky_relu, normalize)[:, 0]


class SetDiscriminator(nn.Module):
    """One logit for each set of `set_size` draws: samples (sets * set_size, 1) to logits (sets,).

    It sees the draws of a set and beside them their squared deviations from the set's mean, so that the mean and
    the variance of a set are linear in its input. It judges whether 100 numbers together look like draws from
    p_data: D compares distributions. Which place a draw has in its set means nothing, so sets are sorted first.
    """

    hidden: tuple[int, ...]
    set_size: int = 100
    center: float = 0.0
    scale: float = 1.0

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch 1"], train: bool) -> Float[Array, " sets"]:
        if x.shape[0] % self.set_size:
            raise ValueError(f"the batch is {x.shape[0]}, but must be a multiple of set_size {self.set_size}")
        sets = jnp.sort(((x - self.center) / self.scale).reshape(-1, self.set_size), axis=1)
        deviations = (sets - sets.mean(axis=1, keepdims=True)) ** 2
        return mlp(jnp.concatenate([sets, deviations], axis=1), (*self.hidden, 1), leaky_relu)[:, 0]


def mlp(
    h: Float[ArrayLike, "batch fan_in"],
    widths: tuple[int, ...],
    activation: Callable[[Array], Array],
    normalize: Callable[..., nn.Module] | None = None,
) -> Float[Array, "batch fan_out"]:
    """Affine layers of the given widths with an activation between them, after the first with `normalize` as well."""
    for i, width in enumerate(widths):
        last = i == len(widths) - 1
        bias_init = nn.initializers.zeros if last else _spread(h.shape[-1])
        h = nn.Dense(width, bias_init=bias_init, name=f"layer_{i}")(h)
        if normalize and not last and i:
            h = normalize(name=f"norm_{i}")(h)
        h = h if last else activation(h)
    return h


def _spread(fan_in: int) -> Callable[..., Array]:
    """Biases uniform on [-2, 2] / sqrt(fan_in). With biases of zero every unit of a first layer bends at x = 0,
    and the networks start blind to where in the data (about [-2, 2] in standard units) anything happens."""

    def init(key, shape, dtype):
        return jax.random.uniform(key, shape, dtype, -2, 2) / fan_in**0.5

    return init
