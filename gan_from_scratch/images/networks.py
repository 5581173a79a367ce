"""Players that make and judge images, (batch, size, size, channels) in [-1, 1], and a classifier, as Flax modules.

Each has a `dtype`: that of its matrix products, float32 or bfloat16. Parameters, batch statistics, images and logits
are float32 (float64 with a dtype of float64, which Jacobians need). What every module here has in common with those of
the line, ../networks.py says.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Key

from gan_from_scratch.images.convolution import convolve, convolve_transposed
from gan_from_scratch.layers import LEAK, MOMENTUM

leaky_relu = partial(nn.leaky_relu, negative_slope=LEAK)
DCGAN_INIT = nn.initializers.normal(0.02)  # Radford et al. 2016, section 4


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
        norm = partial(image_norm, train, self.dtype)
        # No bias where BatchNorm follows: it has its own.
        dense = partial(nn.Dense, use_bias=False, kernel_init=DCGAN_INIT, dtype=self.dtype)
        h = nn.relu(norm("norm_hidden")(dense(self.hidden, name="hidden")(z))) if self.hidden else z
        h = dense(base**2 * widths[0], name="project")(h)
        h = nn.relu(norm("norm_0")(h.reshape(-1, base, base, widths[0])))
        for i, width in enumerate(widths[1:], start=1):
            h = Convolution(width, transposed=True, use_bias=False, dtype=self.dtype, name=f"up_{i}")(h)
            h = nn.relu(norm(f"norm_{i}")(h))
        h = Convolution(self.channels, transposed=True, dtype=self.dtype, name=f"up_{levels}")(h)
        return jnp.tanh(h.astype(jnp.promote_types(self.dtype, jnp.float32)))


class DCGANDiscriminator(nn.Module):
    """Images to logits: halve the size until it is 4 or 7, then one affine map. Radford et al. 2016.

    Strided convolutions instead of pooling, LeakyReLU, BatchNorm except at the input, where it would hide where the
    fakes lie. With `hidden` that many units see the whole image before the logit (see DCGANGenerator), and with
    `dropout` that share of the last hidden units is off in training. Without `batch_norm` an image's logit depends on
    that image alone, which penalties on D's slope need.
    """

    size: int
    channels: int
    width: int = 64
    hidden: int = 0
    dropout: float = 0.0
    batch_norm: bool = True
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch size size channels"], train: bool) -> Float[Array, " batch"]:
        _, levels = image_levels(self.size)

        def norm(name: str) -> Callable[[Array], Array]:
            return image_norm(train, self.dtype, name) if self.batch_norm else lambda h: h

        h = leaky_relu(Convolution(self.width, dtype=self.dtype, name="down_0")(x))
        for i in range(1, levels):
            h = Convolution(self.width * 2**i, use_bias=not self.batch_norm, dtype=self.dtype, name=f"down_{i}")(h)
            h = leaky_relu(norm(f"norm_{i}")(h))
        h = h.reshape(h.shape[0], -1)
        if self.hidden:
            dense = partial(nn.Dense, use_bias=not self.batch_norm, kernel_init=DCGAN_INIT, dtype=self.dtype)
            h = leaky_relu(norm("norm_hidden")(dense(self.hidden, name="hidden")(h)))
        h = nn.Dropout(self.dropout, deterministic=not train)(h)
        a = nn.Dense(1, kernel_init=DCGAN_INIT, dtype=self.dtype, name="judge")(h)[:, 0]
        return a.astype(jnp.promote_types(self.dtype, jnp.float32))


class Shifted(nn.Module):
    """A discriminator that in training sees each image, real or fake, moved at random by up to so many pixels.

    D soon knows a small data set by heart; shown everything through a random T, it meets many more images. Both
    players see real and fake ones through T (Zhao et al. 2020, Differentiable Augmentation), so where p_g = p_data D
    still cannot tell. That p_g = p_data is the only such place holds if T can be undone on distributions (Karras et
    al. 2020, Limited Data, section 2.2), which random shifts need not be: G may then paint shifted images itself.
    """

    discriminator: nn.Module
    pixels: int

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch ..."], train: bool) -> Float[Array, " judgements"]:
        if np.ndim(x) != 4:
            raise ValueError(f"x has shape {np.shape(x)}, but only images (batch, h, w, channels) can be shifted")
        if self.pixels >= (size := min(x.shape[1:3])):
            raise ValueError(f"shift is {self.pixels}, but must be below the image's size {size}")
        if train:
            x = shifted(self.make_rng("dropout"), x, self.pixels)
        return self.discriminator(x, train)


def shifted(
    key: Key[Array, ""], x: Float[ArrayLike, "batch h w channels"], pixels: int
) -> Float[Array, "batch h w channels"]:
    """Each image moved by -pixels, ..., pixels at random along both axes; what enters repeats the edge.

    Row i of the result is row i + s of the image: a product with a matrix of zeros and ones, so G's gradient passes.
    """
    n, height, width, _ = x.shape
    shifts = jax.random.randint(key, (2, n, 1), -pixels, pixels + 1)
    rows, columns = (
        jax.nn.one_hot(jnp.clip(jnp.arange(size) + shift, 0, size - 1), size, dtype=x.dtype)
        for size, shift in zip((height, width), shifts, strict=True)
    )
    return jnp.einsum("bij,bjkc,blk->bilc", rows, x, columns)


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


def image_norm(train: bool, dtype: Any, name: str) -> nn.BatchNorm:
    """In training by the batch, at sampling time by running statistics: no image depends on its batch mates."""
    around_one = lambda key, shape, dtype: 1 + DCGAN_INIT(key, shape, dtype)  # noqa: E731
    return nn.BatchNorm(not train, momentum=MOMENTUM, scale_init=around_one, dtype=dtype, name=name)
