"""The DCGAN of every run in the table: what a run may have another than the baseline, and the GAN that it describes."""

from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp
import optax

from experiments.command.memory import check_training
from experiments.image_runs.gan import optimizer, sampler_of_noise
from experiments.image_runs.settings import Training
from experiments.tricks import seats
from gan_from_scratch import losses, remedies, train
from gan_from_scratch.images import variants
from gan_from_scratch.images.networks import DCGAN_INIT

NOISE_DIM = 100  # Radford et al. 2016, section 4, as are the baseline's rates, momentum and weights


@dataclass(frozen=True)
class Variation:
    """The defaults are the baseline: Radford's DCGAN with kernels of 4, and nothing that later texts add."""

    loss: Literal["saturating", "nonsaturating"] = "nonsaturating"
    noise: Literal["gaussian", "uniform"] = "gaussian"
    end: Literal["tanh", "sigmoid"] = "tanh"
    activation_g: Literal["relu", "leaky_relu"] = "relu"
    activation_d: Literal["relu", "leaky_relu"] = "leaky_relu"
    down: Literal["strides", "max", "mean"] = "strides"
    up: Literal["transposed", "repeated"] = "transposed"
    kernel: int = 4
    norm_g: bool = True
    norm_d: bool = True
    dropout_g: float = 0.0
    dropout_d: float = 0.0
    glorot: bool = False
    label_noise: float = 0.0
    smoothing: float = 0.0  # of real labels
    smoothing_fake: float = 0.0
    flipped: float = 0.0  # share of wrong labels
    instance_noise: float = 0.0  # standard deviation at first
    mixed: bool = False
    optimizer: Literal["adam", "rmsprop"] = "adam"
    b1: float = 0.5
    rate_g: float = 2e-4
    rate_d: float = 2e-4
    k: int = 1
    clip: float = 0.0
    skip_below: float = 0.0  # D's loss
    slow_below: float = 0.0
    average: float = 0.0


def build(variation: Variation, shape: tuple[int, int, int], width: int, batch: int, steps: int) -> train.GAN:
    """For images of that shape. ValueError if this machine has not the memory for it."""
    size, _, channels = shape
    init_weights = variants.GLOROT if variation.glorot else DCGAN_INIT
    generator = variants.VariantGenerator(
        size, channels, width, variation.activation_g, variation.up, variation.kernel, variation.norm_g,
        variation.dropout_g, variation.end, init_weights,
    )  # fmt: skip
    discriminator = variants.VariantDiscriminator(
        size, channels, width, variation.activation_d, variation.down, variation.kernel, variation.norm_d,
        variation.dropout_d, init_weights,
    )  # fmt: skip
    if variation.instance_noise:
        discriminator = variants.FadingNoise(discriminator, variation.instance_noise, steps * variation.k)
    optimizer_g = rule(variation, variation.rate_g)
    if variation.average:
        optimizer_g = optax.chain(optimizer_g, remedies.average_parameters(variation.average))
    gan = train.GAN(
        generator=generator,
        discriminator=discriminator,
        optimizer_g=optimizer_g,
        optimizer_d=rule(variation, variation.rate_d),
        sample_noise=sampler_of_noise(variation.noise, NOISE_DIM, 0),
        batch=batch,
        k=variation.k,
        loss_g=losses.GENERATOR_LOSSES[variation.loss],
        penalties=penalties(variation),
        step_g=seats.mixed_step_g if variation.mixed else None,
        step_d=step_of_d(variation),
    )
    check_training("width or batch", gan, lambda key, n: jnp.zeros((n, *shape)))
    return gan


def rule(variation: Variation, rate: float) -> optax.GradientTransformation:
    """An image run's at a rate that stays."""
    training = Training(steps=1, optimizer=variation.optimizer, b1=variation.b1, clip=variation.clip)
    return optimizer(training, rate, training.steps)


def penalties(variation: Variation) -> tuple[train.Penalty, ...]:
    found = []
    if variation.smoothing or variation.label_noise:
        found.append(remedies.NoisyTargets(variation.smoothing, variation.label_noise))
    if variation.smoothing_fake:
        found.append(seats.SmoothedFakes(variation.smoothing_fake))
    if variation.flipped:
        found.append(seats.FlippedLabels(variation.flipped))
    return tuple(found)


def step_of_d(variation: Variation) -> train.Step | None:
    if variation.skip_below:
        return remedies.Skipping(variation.skip_below)
    if variation.slow_below:
        return seats.Slowed(variation.slow_below)
    return seats.mixed_step_d if variation.mixed else None
