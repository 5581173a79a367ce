"""The DCGAN's two players in one GAN with Radford's settings, ready for train.train."""

import jax
import jax.numpy as jnp
import optax

from gan_from_scratch import check, train
from gan_from_scratch.images.networks import DCGANDiscriminator, DCGANGenerator, image_levels


def dcgan(
    shape: tuple[int, int, int],
    batch: int = 64,
    width: int = 64,
    *,
    noise_dim: int = 100,
    rate: float | int = 2e-4,
    b1: float | int = 0.5,
) -> train.GAN:
    """For images of shape (size, size, channels) in [-1, 1], size 4 or 7 times 2, 4, 8, ...

    Adam with `rate` and momentum `b1` for both players, noise (n, noise_dim) uniform on [-1, 1]: Radford et al. 2016,
    section 4 and figure 1. There `width`, G's channels before the image, is 128, and so is the batch. What else is to
    differ, dataclasses.replace changes. Sample after train.settle. ValueError for any other shape, for sizes below 1,
    for a rate that is not above 0 and for b1 outside [0, 1).
    """
    if len(shape) != 3 or shape[0] != shape[1]:
        raise ValueError(f"shape is {tuple(shape)}, but must be (size, size, channels)")
    size, _, channels = shape
    for name, value in {"size": size, "channels": channels, "width": width, "noise_dim": noise_dim}.items():
        check.positive_integer(name, value)
    image_levels(size)
    check.positive("rate", rate)
    check.fraction("b1", b1)
    return train.GAN(
        generator=DCGANGenerator(size, channels, width),
        discriminator=DCGANDiscriminator(size, channels, width),
        optimizer_g=optax.adam(rate, b1),
        optimizer_d=optax.adam(rate, b1),
        sample_noise=lambda key, n: jax.random.uniform(key, (n, noise_dim), jnp.float32, -1, 1),
        batch=batch,
    )
