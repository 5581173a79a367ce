"""Players that are told a class y. It travels with the sample: as one-hot coordinates behind x's last axis.

Of an image these are planes, each 0 or 1 everywhere. So Algorithm 1 stays as it is: a draw of the data is a sample with
its class, G hands on the class that its noise names, and each D below takes the two apart in its own way.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from gan_from_scratch.collapse.minibatch import MinibatchDiscrimination
from gan_from_scratch.images.networks import DCGAN_INIT, Convolution, image_levels, image_norm
from gan_from_scratch.networks import leaky_relu, mlp

KERNELS, KERNEL_DIM = 16, 8  # of minibatch discrimination: a few dozen numbers beside the hidden units; no others tried
ALIKE_SCALE = 0.1  # a kernel counts up to a whole batch, hidden units are about 1


def joined(x: Float[ArrayLike, "batch ... c"], y: Float[ArrayLike, "batch classes"]) -> Float[Array, "batch ... c_all"]:
    """Samples with their classes (one-hot) behind them."""
    planes = jnp.expand_dims(y, tuple(range(1, jnp.ndim(x) - 1)))
    return jnp.concatenate([x, jnp.broadcast_to(planes, (*jnp.shape(x)[:-1], jnp.shape(y)[-1]))], axis=-1)


def parted(
    xy: Float[ArrayLike, "batch ... c_all"], classes: int
) -> tuple[Float[Array, "batch ... c"], Float[Array, "batch classes"]]:
    """What `joined` put together."""
    xy = jnp.asarray(xy)
    first_place = (slice(None),) + (0,) * (xy.ndim - 2)
    return xy[..., :-classes], xy[(*first_place, slice(-classes, None))]


class Labelled(nn.Module):
    """G(z, y): of z's first `classes` coordinates the one above 0 says y, and G's samples carry it on."""

    generator: nn.Module
    classes: int

    @nn.compact
    def __call__(self, z: Float[ArrayLike, "batch noise_dim"], train: bool) -> Float[Array, "batch ..."]:
        y = (z[:, : self.classes] > 0).astype(z.dtype)
        return joined(self.generator(z, train), y)


class Concatenated(nn.Module):
    """D of a sample with its class beside it (Mirza & Osindero 2014, eq. (2)): an affine map of phi(x, y)."""

    features: nn.Module

    @nn.compact
    def __call__(self, xy: Float[ArrayLike, "batch ..."], train: bool) -> Float[Array, " batch"]:
        return nn.Dense(1, name="judge")(self.features(xy, train))[:, 0]


class Projection(nn.Module):
    """f(x, y) = y^T V phi(x) + psi(phi(x)): Miyato & Koyama 2018, eq. (3), with an affine psi.

    An optimal D's logit is log p(x, y) / p_g(x, y) = log p(y|x) / p_g(y|x) + log p(x) / p_g(x), their eq. (2). Where
    classes follow x by a softmax in phi, the first is linear in y and phi, but for the two normalisers; these depend
    on x alone and are, with the second, psi's part.
    """

    features: nn.Module
    classes: int

    @nn.compact
    def __call__(self, xy: Float[ArrayLike, "batch ..."], train: bool) -> Float[Array, " batch"]:
        x, y = parted(xy, self.classes)
        phi = self.features(x, train)
        of_class = nn.Dense(self.classes, use_bias=False, name="classes")(phi)
        return nn.Dense(1, name="judge")(phi)[:, 0] + jnp.sum(y * of_class, axis=-1)


class Auxiliary(nn.Module):
    """AC-GAN's D (Odena et al. 2017): [a, log C(y|x)], where a is a logit that knows x alone and C names the class.

    y says no more than of which class the probability is asked.
    """

    features: nn.Module
    classes: int

    @nn.compact
    def __call__(self, xy: Float[ArrayLike, "batch ..."], train: bool) -> Float[Array, "batch 2"]:
        x, y = parted(xy, self.classes)
        phi = self.features(x, train)
        of_class = jax.nn.log_softmax(nn.Dense(self.classes, name="classes")(phi))
        return jnp.stack([nn.Dense(1, name="judge")(phi)[:, 0], jnp.sum(y * of_class, axis=-1)], axis=-1)


class LineFeatures(nn.Module):
    """phi of points (batch, dim)."""

    hidden: tuple[int, ...]

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch dim"], train: bool) -> Float[Array, "batch features"]:
        return leaky_relu(mlp(x, self.hidden, leaky_relu))


class ImageFeatures(nn.Module):
    """phi of images: the DCGAN's D up to its last hidden layer, and how each image differs from the others.

    A G that makes one image of each class, again and again, shows D a batch of ten different ones, which looks varied
    to BatchNorm. So there is none in the last hidden layer, and minibatch discrimination compares the images one by
    one (Salimans et al. 2016).
    """

    size: int
    width: int
    hidden: int

    @nn.compact
    def __call__(self, x: Float[ArrayLike, "batch size size channels"], train: bool) -> Float[Array, "batch features"]:
        _, levels = image_levels(self.size)
        h = leaky_relu(Convolution(self.width, name="down_0")(x))
        for i in range(1, levels):
            h = Convolution(self.width * 2**i, use_bias=False, name=f"down_{i}")(h)
            h = leaky_relu(image_norm(train, h.dtype, f"norm_{i}")(h))
        h = leaky_relu(nn.Dense(self.hidden, kernel_init=DCGAN_INIT, name="hidden")(h.reshape(h.shape[0], -1)))
        alike = MinibatchDiscrimination(KERNELS, KERNEL_DIM, name="alike")(h)
        return jnp.concatenate([h, ALIKE_SCALE * alike], axis=-1)
