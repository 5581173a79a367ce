"""The DCGAN with one part exchanged: what texts on GANs advise, as switches, so that each can be tried alone.

With its defaults each player is networks.py's: the same parameters by the same names, from the same key, and the same
outputs. Everything is float32.
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from gan_from_scratch import check
from gan_from_scratch.images.convolution import convolve, convolve_transposed
from gan_from_scratch.images.networks import DCGAN_INIT, Convolution, image_levels, image_norm, leaky_relu

GLOROT = nn.initializers.glorot_uniform(in_axis=0, out_axis=-1)  # Keras' and, for dense layers, many others' default
ENDS = {"tanh": jnp.tanh, "sigmoid": nn.sigmoid}
ACTIVATIONS = {"relu": nn.relu, "leaky_relu": leaky_relu}
KERNELS = ("4", "5")
Init = Callable[..., Array]


class VariantGenerator(nn.Module):
    """Noise (batch, noise_dim) to images in [-1, 1], or with `end` "sigmoid" in [0, 1]: see DCGANGenerator.

    `up`: how a layer doubles the size, by a transposed convolution or by repeating pixels before one of size 3. A
    `kernel` of 5 is no multiple of the stride 2. `dropout`: share of hidden units that are off wherever a "dropout" key
    is handed in, at sampling time too.
    """

    size: int
    channels: int
    width: int = 64
    activation: str = "relu"  # of ACTIVATIONS
    up: str = "transposed"  # or "repeated"
    kernel: int = 4
    norm: bool = True
    dropout: float = 0.0
    end: str = "tanh"  # of ENDS
    init_weights: Init = DCGAN_INIT

    @nn.compact
    def __call__(self, z: Float[ArrayLike, "batch noise_dim"], train: bool) -> Float[Array, "batch size size channels"]:
        check.one_of("kernel", str(self.kernel), KERNELS)
        for name, allowed in (("activation", ACTIVATIONS), ("up", ("transposed", "repeated")), ("end", ENDS)):
            check.one_of(name, getattr(self, name), allowed)
        base, levels = image_levels(self.size)
        widths = [self.width * 2**level for level in reversed(range(levels))]
        activation = ACTIVATIONS[self.activation]
        norm = partial(image_norm, train, jnp.float32) if self.norm else lambda name: lambda h: h
        bias = not self.norm
        h = nn.Dense(base**2 * widths[0], use_bias=bias, kernel_init=self.init_weights, name="project")(z)
        h = activation(norm("norm_0")(h.reshape(-1, base, base, widths[0])))
        for i, width in enumerate(widths[1:], start=1):
            h = nn.Dropout(self.dropout, deterministic=not self.has_rng("dropout"))(h)
            h = activation(norm(f"norm_{i}")(self.doubled(h, width, bias, f"up_{i}")))
        h = nn.Dropout(self.dropout, deterministic=not self.has_rng("dropout"))(h)
        return ENDS[self.end](self.doubled(h, self.channels, True, f"up_{levels}"))

    def doubled(self, h: Array, features: int, bias: bool, name: str) -> Array:
        settings = {"use_bias": bias, "kernel_init": self.init_weights, "name": name}
        if self.up == "repeated":
            return Convolution(features, 3, 1, 1, **settings)(h.repeat(2, axis=1).repeat(2, axis=2))
        form = FivePixelConvolution if self.kernel == 5 else Convolution
        return form(features, transposed=True, **settings)(h)


class VariantDiscriminator(nn.Module):
    """Images to logits: see DCGANDiscriminator.

    `down`: how a layer halves the size, by a stride or by a convolution of size 3 and then, after the activation,
    pooling 2 x 2 pixels: their largest, or their mean.
    """

    size: int
    channels: int
    width: int = 64
    activation: str = "leaky_relu"  # of ACTIVATIONS
    down: str = "strides"  # or "max", "mean"
    kernel: int = 4
    norm: bool = True
    dropout: float = 0.0
    init_weights: Init = DCGAN_INIT

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch size size channels"], train: bool) -> Float[Array, " batch"]:
        check.one_of("kernel", str(self.kernel), KERNELS)
        for name, allowed in (("activation", ACTIVATIONS), ("down", ("strides", "max", "mean"))):
            check.one_of(name, getattr(self, name), allowed)
        _, levels = image_levels(self.size)
        activation = ACTIVATIONS[self.activation]
        norm = partial(image_norm, train, jnp.float32) if self.norm else lambda name: lambda h: h
        h = self.pooled(activation(self.convolved(x, self.width, True, "down_0")))
        for i in range(1, levels):
            h = norm(f"norm_{i}")(self.convolved(h, self.width * 2**i, not self.norm, f"down_{i}"))
            h = self.pooled(activation(h))
        h = nn.Dropout(self.dropout, deterministic=not train)(h.reshape(h.shape[0], -1))
        return nn.Dense(1, kernel_init=self.init_weights, name="judge")(h)[:, 0]

    def convolved(self, h: Array, features: int, bias: bool, name: str) -> Array:
        settings = {"use_bias": bias, "kernel_init": self.init_weights, "name": name}
        if self.down != "strides":
            return Convolution(features, 3, 1, 1, **settings)(h)
        return (FivePixelConvolution if self.kernel == 5 else Convolution)(features, **settings)(h)

    def pooled(self, h: Array) -> Array:
        if self.down == "strides":
            return h
        return {"max": nn.max_pool, "mean": nn.avg_pool}[self.down](h, (2, 2), (2, 2))


class FivePixelConvolution(nn.Module):
    """With a kernel of 5 and stride 2, or its transpose: a kernel of 6 whose last row and column are zeros.

    So it halves, or doubles, the size as a kernel of 4 does, by the matrix products of convolution.py.
    """

    features: int
    transposed: bool = False
    use_bias: bool = True
    kernel_init: Init = DCGAN_INIT

    @nn.compact
    def __call__(self, x: Float[Array, "batch h w c_in"]) -> Float[Array, "batch h_out w_out features"]:
        ends = (x.shape[-1], self.features)
        first, last = ends if self.transposed else reversed(ends)
        kernel = self.param("kernel", self.kernel_init, (first, 5, 5, last))
        form = convolve_transposed if self.transposed else convolve
        y = form(x, jnp.pad(kernel, ((0, 0), (0, 1), (0, 1), (0, 0))), stride=2, padding=2)
        return y + self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else y


class FadingNoise(nn.Module):
    """A discriminator that in training sees real and fake images with Gaussian noise on them, ever less of it.

    Its standard deviation falls in a straight line from `std` to 0 in `steps` steps of D. Noise makes distributions
    that do not meet overlap (Arjovsky & Bottou 2017, section 3; Sonderby et al. 2017). D sees two batches in
    each of its steps, and G's step throws away what is counted there.
    """

    discriminator: nn.Module
    std: float
    steps: int

    def setup(self):
        nn.share_scope(self, self.discriminator)  # its parameters have the names and the start that they have alone
        self.batches = self.variable("instance_noise", "batches", lambda: jnp.zeros((), jnp.int32))

    def __call__(self, x: Float[ArrayLike, "batch ..."], train: bool) -> Float[Array, " batch"]:
        if train:
            left = jnp.maximum(0.0, 1 - self.batches.value // 2 / self.steps)
            x = x + self.std * left * jax.random.normal(self.make_rng("dropout"), x.shape)
            if not self.is_initializing():
                self.batches.value += 1
        return self.discriminator(x, train)
