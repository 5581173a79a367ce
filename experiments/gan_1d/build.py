"""The GAN that the settings of the 1-D GAN describe."""

from dataclasses import dataclass

import jax
import numpy as np
import optax

from experiments.gan_1d.settings import Settings
from gan_from_scratch import losses, networks, remedies, train
from gan_from_scratch.numpy_gan import Units

HIDDEN = (32, 32)  # enough for a smooth curve; twice the width was slower and no better


def build(settings: Settings, units: Units) -> train.GAN:
    """Its players work in the given units."""
    judge = networks.SetDiscriminator if settings.discriminator == "set" else networks.Discriminator

    def adam(rate: float, updates: int) -> optax.GradientTransformation:
        schedule = optax.linear_schedule(rate, 0.0, updates) if settings.decay else rate
        return optax.adam(schedule, settings.b1, settings.b2)

    optimizer_g = adam(settings.rate_g, settings.steps * settings.generator_steps)
    if settings.average:
        optimizer_g = optax.chain(optimizer_g, remedies.average_parameters(settings.average))
    return train.GAN(
        generator=networks.Generator(HIDDEN, center=units.center, scale=units.scale),
        discriminator=judge(HIDDEN, center=units.center, scale=units.scale),
        optimizer_g=optimizer_g,
        optimizer_d=adam(settings.rate_d, settings.steps * settings.k),
        sample_noise=settings.p_z().sample,
        batch=settings.batch,
        k=settings.k,
        loss_g=losses.GENERATOR_LOSSES[settings.loss],
        # A slope in standard units is scale times one in x.
        penalties=(remedies.R1(settings.r1 * units.scale**2),) if settings.r1 else (),
        step_g=SeveralSteps(settings.generator_steps) if settings.generator_steps > 1 else None,
    )


@dataclass(frozen=True)
class SeveralSteps:
    """G's turn with so many steps, each on noise of its own."""

    steps: int

    def __call__(self, gan: train.GAN, state: train.GANState, x, z, key) -> tuple[train.GANState, train.Metrics]:
        def once(state, key):
            key_z, key_step = jax.random.split(key)
            return train.generator_step(gan, state, x, gan.sample_noise(key_z, gan.batch), key_step)

        state, metrics = jax.lax.scan(once, state, jax.random.split(key, self.steps), unroll=self.steps)
        return state, jax.tree.map(lambda metric: metric[-1], metrics)


def estimated_units(p_data, key: jax.Array) -> Units:
    """Mean and standard deviation of 10,000 draws from p_data."""
    draws = np.asarray(p_data.sample(key, 10_000), np.float64)
    return Units(float(draws.mean()), float(draws.std()))


def even_levels(n: int) -> np.ndarray:
    """n evenly spaced probabilities (n,): the middles of n equal parts of [0, 1]."""
    return (np.arange(n) + 0.5) / n


def even_noise(p_z, n: int) -> np.ndarray:
    """n evenly spaced quantiles of p_z, float32 (n, 1)."""
    return np.asarray(p_z.quantile(even_levels(n)), np.float32)[:, None]
