"""The two players as Flax modules. No other file imports flax.

A module here is a description, hashable and without parameters: `module.init(key, x)` makes the parameters,
`module.apply({"params": params}, x)` is the function. Generators map noise (batch, noise_dim) to samples
(batch, dim); discriminators map samples to logits (batch,), never to probabilities. Each takes `train`, which is
False at sampling time: dropout and batch statistics depend on it, and the plain networks here do not.

First the networks of the line, then those of images, (batch, size, size, channels) in [-1, 1]. An image network has a
`dtype`: that of its matrix products, float32 or bfloat16. Parameters, batch statistics, images and logits are float32.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from gan_from_scratch.convolution import convolve, convolve_transposed

MOMENTUM = 0.9  # of BatchNorm's running statistics: PyTorch's default, there called 0.1
LEAK = 0.2  # slope below zero (Radford et al. 2016, section 3): a ReLU that is off passes no gradient on to G
DCGAN_INIT = nn.initializers.normal(0.02)  # Radford et al. 2016, section 4
KERAS_INIT = nn.initializers.glorot_uniform()  # the textbook leaves both at Keras's defaults
KERAS_LEAK = 0.3


class Generator(nn.Module):
    """G(z) = shift + scale * mlp(z): noise (batch, noise_dim) to samples (batch, dim), in the units of the data.

    With `shift` and `scale` the mean and standard deviation of the data, the network works in standard units
    whatever the data's are, as pictures are scaled to [-1, 1]. With 0 and 1 it has to find both by itself.
    """

    hidden: tuple[int, ...]
    dim: int = 1
    shift: float = 0.0
    scale: float = 1.0

    @nn.compact
    def __call__(self, z: Float[ArrayLike, "batch noise_dim"], train: bool) -> Float[Array, "batch dim"]:
        # tanh, not a ReLU: the map it has to learn, a quantile function, is smooth.
        return self.shift + self.scale * _mlp(z, (*self.hidden, self.dim), jnp.tanh)


class Identity(nn.Module):
    """x = z: a generator without parameters. It stays as it is, and p_g is the distribution of its noise."""

    @nn.compact
    def __call__(self, z: Float[ArrayLike, "batch dim"], train: bool) -> Float[Array, "batch dim"]:
        return z


class Discriminator(nn.Module):
    """a(x) = mlp((x - shift) / scale): samples (batch, dim) to logits (batch,), each point judged by itself.

    With `batch_norm` each hidden layer after the first is normalised: in training by its batch, so that what is said
    of a point depends on the other points, and at sampling time by running statistics. Not the first one (Radford et
    al. 2016, section 3): normalised, a batch of fakes that lies elsewhere than the data would look the same.
    """

    hidden: tuple[int, ...]
    shift: float = 0.0
    scale: float = 1.0
    batch_norm: bool = False

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch dim"], train: bool) -> Float[Array, " batch"]:
        normalize = None
        if self.batch_norm:
            normalize = partial(nn.BatchNorm, use_running_average=not train, momentum=MOMENTUM)
        return _mlp((x - self.shift) / self.scale, (*self.hidden, 1), _leaky_relu, normalize)[:, 0]


class SetDiscriminator(nn.Module):
    """One logit for each set of `set_size` draws: samples (sets * set_size, 1) to logits (sets,).

    It sees the draws of a set and beside them their squared deviations from the set's mean, so that the mean and
    the variance of a set are linear in its input. It judges whether 100 numbers together look like draws from
    p_data: D compares distributions. Which place a draw has in its set means nothing, so sets are sorted first.
    """

    hidden: tuple[int, ...]
    set_size: int = 100
    shift: float = 0.0
    scale: float = 1.0

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch 1"], train: bool) -> Float[Array, " sets"]:
        if x.shape[0] % self.set_size:
            raise ValueError(f"the batch is {x.shape[0]}, but must be a multiple of set_size {self.set_size}")
        sets = jnp.sort(((x - self.shift) / self.scale).reshape(-1, self.set_size), axis=1)
        deviations = (sets - sets.mean(axis=1, keepdims=True)) ** 2
        return _mlp(jnp.concatenate([sets, deviations], axis=1), (*self.hidden, 1), _leaky_relu)[:, 0]


def _mlp(
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


def _leaky_relu(h: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
    return nn.leaky_relu(h, LEAK)


def _spread(fan_in: int) -> Callable[..., Array]:
    """Biases uniform on [-2, 2] / sqrt(fan_in). With biases of zero every unit of a first layer bends at x = 0,
    and the networks start blind to where in the data (about [-2, 2] in standard units) anything happens."""

    def init(key, shape, dtype):
        return jax.random.uniform(key, shape, dtype, -2, 2) / fan_in**0.5

    return init


class DCGANGenerator(nn.Module):
    """Noise (batch, noise_dim) to images: project, then double the size until it is reached. Radford et al. 2016.

    Strided transposed convolutions instead of fixed upsampling, BatchNorm everywhere except at the output, where it
    would fix the brightness of every batch, ReLU inside and tanh at the end. Each layer has half the channels of the
    one before; the last hidden one has `width`. With `hidden` so many units stand between noise and projection,
    which Radford's nets leave out: at 28 pixels two levels remain, whose units see 10 x 10 pixels at most.
    """

    size: int
    channels: int
    width: int = 64
    hidden: int = 0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: Float[ArrayLike, "batch noise_dim"], train: bool) -> Float[Array, "batch size size channels"]:
        base, levels = image_levels(self.size)
        widths = [self.width * 2**level for level in reversed(range(levels))]
        norm = partial(_image_norm, train, self.dtype)
        # No bias where BatchNorm follows: it has its own.
        dense = partial(nn.Dense, use_bias=False, kernel_init=DCGAN_INIT, dtype=self.dtype)
        h = nn.relu(norm("norm_hidden")(dense(self.hidden, name="hidden")(z))) if self.hidden else z
        h = dense(base**2 * widths[0], name="project")(h)
        h = nn.relu(norm("norm_0")(h.reshape(-1, base, base, widths[0])))
        for i, width in enumerate(widths[1:], start=1):
            h = Convolution(width, transposed=True, use_bias=False, dtype=self.dtype, name=f"up_{i}")(h)
            h = nn.relu(norm(f"norm_{i}")(h))
        h = Convolution(self.channels, transposed=True, dtype=self.dtype, name=f"up_{levels}")(h)
        return jnp.tanh(h.astype(jnp.float32))


class DCGANDiscriminator(nn.Module):
    """Images to logits: halve the size until it is 4 or 7, then one affine map. Radford et al. 2016.

    Strided convolutions instead of pooling, LeakyReLU, BatchNorm except at the input, where it would hide where the
    fakes lie. With `hidden` that many units see the whole image before the logit (see DCGANGenerator), and with
    `dropout` that share of the last hidden units is off in training.
    """

    size: int
    channels: int
    width: int = 64
    hidden: int = 0
    dropout: float = 0.0
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch size size channels"], train: bool) -> Float[Array, " batch"]:
        _, levels = image_levels(self.size)
        norm = partial(_image_norm, train, self.dtype)
        h = _leaky_relu(Convolution(self.width, dtype=self.dtype, name="down_0")(x))
        for i in range(1, levels):
            h = Convolution(self.width * 2**i, use_bias=False, dtype=self.dtype, name=f"down_{i}")(h)
            h = _leaky_relu(norm(f"norm_{i}")(h))
        h = h.reshape(h.shape[0], -1)
        if self.hidden:
            dense = nn.Dense(self.hidden, use_bias=False, kernel_init=DCGAN_INIT, dtype=self.dtype, name="hidden")
            h = _leaky_relu(norm("norm_hidden")(dense(h)))
        h = nn.Dropout(self.dropout, deterministic=not train)(h)
        return nn.Dense(1, kernel_init=DCGAN_INIT, dtype=self.dtype, name="judge")(h)[:, 0].astype(jnp.float32)


class FrogGenerator(nn.Module):
    """The textbook's generator of CIFAR frogs (Chollet): noise (batch, noise_dim) to (batch, 32, 32, 3).

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
    """The textbook's discriminator of CIFAR frogs (Chollet): 32, 30, 14, 6, 2 pixels, strides instead of pooling."""

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


class Classifier(nn.Module):
    """Images to class logits (batch, 10), and the features (batch, 4 width) that they are an affine map of.

    What metrics.py uses in Inception's place: 3 x 3 and strided convolutions with BatchNorm, then the mean over places.
    """

    width: int = 32

    @nn.compact
    def __call__(
        self, x: Float[ArrayLike, "batch h w channels"], train: bool
    ) -> tuple[Float[Array, "batch 10"], Float[Array, "batch features"]]:
        h = x
        for i, (factor, halve) in enumerate([(1, False), (2, True), (2, False), (4, True), (4, False)]):
            shape = {"size": 4, "stride": 2} if halve else {"size": 3, "stride": 1}
            init = nn.initializers.he_normal(in_axis=(1, 2, 3), out_axis=0)
            h = Convolution(factor * self.width, **shape, use_bias=False, kernel_init=init, name=f"conv_{i}")(h)
            h = nn.relu(nn.BatchNorm(not train, momentum=MOMENTUM, name=f"norm_{i}")(h))
        features = h.mean(axis=(1, 2))
        return nn.Dense(10, name="classes")(features), features


class Convolution(nn.Module):
    """convolution.convolve or its transpose with a kernel of its own. The default halves, or doubles, the size."""

    features: int
    size: int = 4
    stride: int = 2
    padding: int = 1
    transposed: bool = False
    use_bias: bool = True
    kernel_init: Callable[..., Array] = DCGAN_INIT
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "batch h w c_in"]) -> Float[Array, "batch h_out w_out features"]:
        ends = (x.shape[-1], self.features)
        first, last = ends if self.transposed else reversed(ends)
        kernel = self.param("kernel", self.kernel_init, (first, self.size, self.size, last))
        form = convolve_transposed if self.transposed else convolve
        y = form(x.astype(self.dtype), kernel.astype(self.dtype), self.stride, self.padding)
        if self.use_bias:
            y += self.param("bias", nn.initializers.zeros, (self.features,)).astype(self.dtype)
        return y


def image_levels(size: int) -> tuple[int, int]:
    """(base, levels) with size = base * 2^levels, base 4 or 7 and at least one level. ValueError if there are none."""
    for base in (4, 7):
        levels = (size // base).bit_length() - 1
        if levels > 0 and size == base * 2**levels:
            return base, levels
    raise ValueError(f"size is {size}, but must be 4 or 7 times 2, 4, 8, ...")


def _image_norm(train: bool, dtype: Any, name: str) -> nn.BatchNorm:
    """In training by the batch, at sampling time by running statistics: no image depends on its batch mates."""
    around_one = lambda key, shape, dtype: 1 + DCGAN_INIT(key, shape, dtype)  # noqa: E731
    return nn.BatchNorm(not train, momentum=MOMENTUM, scale_init=around_one, dtype=dtype, name=name)


def _keras_leaky_relu(h: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
    return nn.leaky_relu(h, KERAS_LEAK)
