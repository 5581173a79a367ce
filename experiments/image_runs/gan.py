"""The GAN that the settings of an image run describe."""

from functools import partial

import jax
import jax.numpy as jnp
import optax

from experiments.command.memory import check_training
from experiments.image_runs.settings import Training
from gan_from_scratch import losses, remedies, train
from gan_from_scratch.collapse.packing import Packed
from gan_from_scratch.images import networks, textbook

CATEGORY = 5.0  # in z, the coordinate of the category drawn: well above draws of N(0, 1); no other was tried
LOSSES_G = losses.GENERATOR_LOSSES | {"relativistic": remedies.relativistic}


def build(training: Training, shape: tuple[int, int, int]) -> train.GAN:
    """For images of that shape. ValueError if this machine has not the memory for it."""
    generator, discriminator = players(training, shape)
    if training.packing > 1:
        discriminator = Packed(discriminator, training.packing)
    if training.shift:
        discriminator = networks.Shifted(discriminator, training.shift)
    optimizer_g = optimizer(training, training.rate_g, training.steps)
    if training.average:
        optimizer_g = optax.chain(optimizer_g, remedies.average_parameters(training.average))
    penalties = []
    if training.smoothing or training.label_noise:
        penalties.append(remedies.NoisyTargets(training.smoothing, training.label_noise))
    if training.r1:
        penalties.append(remedies.R1(training.r1))
    if training.r2:
        penalties.append(remedies.R2(training.r2))
    gan = train.GAN(
        generator=generator,
        discriminator=discriminator,
        optimizer_g=optimizer_g,
        optimizer_d=optimizer(training, training.rate_d, training.steps * training.k),
        sample_noise=sampler_of_noise(training.noise, training.noise_dim, training.categories, training.category_sets),
        batch=training.batch,
        k=training.k,
        loss_g=LOSSES_G[training.loss],
        loss_d=remedies.relativistic if training.loss == "relativistic" else losses.discriminator_loss,
        penalties=tuple(penalties),
        step_d=remedies.Skipping(training.skip_below) if training.skip_below else None,
    )
    check_training("width, hidden, noise_dim or batch", gan, lambda key, n: jnp.zeros((n, *shape)))
    return gan


def players(training: Training, shape: tuple[int, int, int]):
    size, _, channels = shape
    dtype = jnp.dtype(training.dtype)
    if training.architecture == "textbook":
        if shape != (32, 32, 3):
            raise ValueError("architecture is 'textbook', but its networks are made for images of 32 x 32 x 3 alone")
        return textbook.FrogGenerator(dtype), textbook.FrogDiscriminator(training.dropout, dtype)
    generator = networks.DCGANGenerator(size, channels, training.width, training.hidden, dtype)
    discriminator = networks.DCGANDiscriminator(
        size, channels, training.width, training.hidden, training.dropout, training.batch_norm, dtype
    )
    return generator, discriminator


def optimizer(training: Training, rate: float, updates: int) -> optax.GradientTransformation:
    """Of one player, which moves `updates` times."""
    schedule = optax.linear_schedule(rate, 0.0, updates) if training.decay else rate
    adam = partial(optax.adam, b1=training.b1, b2=training.b2)
    rule = {"adam": adam, "rmsprop": optax.rmsprop}[training.optimizer](schedule)
    return optax.chain(optax.clip(training.clip), rule) if training.clip else rule


def sampler_of_noise(noise: str, dim: int, categories: int, sets: int = 1) -> train.Sampler:
    """z (n, dim): the first `categories` coordinates say which category it is, the others are continuous noise.

    With several sets so many categories are drawn, each said by as many coordinates, set after set.

    A continuous G maps noise in one piece to images in one piece, and digits are ten islands: on the bridges between
    them its images are no digits (Khayatkhoei et al. 2018). With a category as one part of z (Chen et al. 2016, without
    their second loss) the noise has as many pieces as the data may want. Which piece becomes what, G finds by itself.
    """

    def sample(key, n):
        key_category, key_noise = jax.random.split(key)
        category = jax.random.randint(key_category, (n, sets), 0, max(1, categories))
        said = CATEGORY * jax.nn.one_hot(category, categories).reshape(n, sets * categories)
        if noise == "gaussian":
            continuous = jax.random.normal(key_noise, (n, dim - sets * categories))
        else:
            continuous = jax.random.uniform(key_noise, (n, dim - sets * categories), minval=-1, maxval=1)
        return jnp.concatenate([said, continuous], axis=1)

    return sample
