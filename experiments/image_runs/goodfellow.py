"""The GAN of the paper for MNIST and how it learns, as the code that Goodfellow et al. released does it.

Where the paper is silent the numbers are those of the release's mnist.yaml.
"""

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.command.memory import check_training
from gan_from_scratch import check, losses, remedies, train
from gan_from_scratch.images.goodfellow import MaxoutDiscriminator, ReluGenerator, marginal_logits

MOMENTUM, LAST_MOMENTUM = 0.5, 0.7  # of both players, at first and from epoch RISEN on
RISEN = 250
FURTHEST = 3**0.5  # from 0, of uniform noise: its variance is 1


@dataclass(frozen=True)
class PaperTraining:
    """The paper's GAN. The defaults are the release's, but for `average`, which changes nothing of how it learns.

    Not as there: batches are drawn anew instead of in shuffled passes, G's step switches off other units of D than D's
    own step, and momentum rises from the first step on, a little in each, instead of by epochs from the second.
    """

    epochs: int = 210
    """So many times as many batches, drawn at random, as the images to learn from fill. In the last twenty the
    estimate rose by less than 2 nats."""
    batch: int = 100
    """Images in a batch."""
    loss: Literal["saturating", "nonsaturating"] = "nonsaturating"
    """G's loss: E log(1 - D(G(z))), eq. (1), or -E log D(G(z)), section 3."""
    simultaneous: bool = True
    """Both players step at once, each against the other's parameters before the step, on the same fakes. Algorithm 1
    (--no-simultaneous) lets D step first."""
    noise: Literal["gaussian", "uniform"] = "uniform"
    """Distribution of z's coordinates, of variance 1: N(0, 1), or uniform from -1.73 to 1.73."""
    noise_dim: int = 100
    """Coordinates of z."""
    width_g: int = 1200
    """Units of each of G's two hidden layers."""
    width_d: int = 240
    """Maxout units of each of D's two hidden layers."""
    pieces: int = 5
    """Affine maps of which a maxout unit is the largest."""
    dropout: bool = True
    """Switch off a fifth of D's pixels and half of its units in training, others in each step."""
    rate_g: float = 0.1
    """Learning rate of G."""
    rate_d: float = 0.05
    """Learning rate of D. The release's is .1 as well, but there D descends half of its loss in eq. (1)."""
    shrinking: float = 4e-6
    """Both rates are divided by 1 + shrinking after each step."""
    average: float = 0.9998
    """Sample from a running average of G's parameters with this memory, about ten epochs. 0: from the newest, as in the
    paper; their estimate is given as well."""

    def __post_init__(self):
        for name in ("epochs", "batch", "noise_dim", "width_g", "width_d", "pieces"):
            check.positive_integer(name, getattr(self, name))
        for name in ("rate_g", "rate_d"):
            check.rate(name, getattr(self, name))
        check.nonnegative("shrinking", self.shrinking)
        check.fraction("average", self.average)
        check.choices(self)


def build(training: PaperTraining, images: np.ndarray) -> train.GAN:
    """To learn from images uint8 (n, h, w, c). ValueError if this machine has not the memory for it."""
    shape, steps = images.shape[1:], steps_in_an_epoch(training, len(images))
    optimizer_g = descent(training.rate_g, training.shrinking, steps)
    if training.average:
        optimizer_g = optax.chain(optimizer_g, remedies.average_parameters(training.average))
    gan = train.GAN(
        generator=ReluGenerator(shape, (training.width_g,) * 2, marginal_logits(images)),
        discriminator=MaxoutDiscriminator((training.width_d,) * 2, training.pieces, training.dropout),
        optimizer_g=optimizer_g,
        optimizer_d=descent(training.rate_d, training.shrinking, steps),
        sample_noise=sampler_of_noise(training.noise, training.noise_dim),
        batch=training.batch,
        loss_g=losses.GENERATOR_LOSSES[training.loss],
        step_d=both_steps if training.simultaneous else None,
        step_g=rest if training.simultaneous else None,
    )
    check_training("width_g, width_d, pieces, noise_dim or batch", gan, lambda key, n: jnp.zeros((n, *shape)))
    return gan


def steps_in_an_epoch(training: PaperTraining, images: int) -> int:
    return max(1, images // training.batch)


def descent(rate: float, shrinking: float, steps_in_an_epoch: int) -> optax.GradientTransformation:
    """Gradient descent with momentum: v <- m v - r gradient, w <- w + v, after t steps r = rate / (1 + shrinking)^t.

    m rises in a straight line from MOMENTUM to LAST_MOMENTUM in RISEN epochs, and stays there.
    """
    momentum = optax.linear_schedule(MOMENTUM, LAST_MOMENTUM, RISEN * steps_in_an_epoch)
    return optax.chain(
        optax.scale_by_learning_rate(lambda t: rate * jnp.exp(-t * np.log1p(shrinking))),
        optax.inject_hyperparams(optax.trace)(decay=momentum),
    )


def sampler_of_noise(noise: str, dim: int) -> train.Sampler:
    """z (n, dim), with mean 0 and variance 1 in every coordinate."""

    def sample(key, n):
        if noise == "gaussian":
            return jax.random.normal(key, (n, dim))
        return jax.random.uniform(key, (n, dim), jnp.float32, -FURTHEST, FURTHEST)

    return sample


def both_steps(gan: train.GAN, state: train.GANState, x, z, key) -> tuple[train.GANState, train.Metrics]:
    """In D's turn: a step of D and one of G, both from `state`, on the same noise."""
    key_d, key_g = jax.random.split(key)
    moved_d, metrics_d = train.discriminator_step(gan, state, x, z, key_d)
    moved_g, metrics_g = train.generator_step(gan, state, x, z, key_g)
    return state._replace(d=moved_d.d, g=moved_g.g), metrics_d | metrics_g


def rest(gan: train.GAN, state: train.GANState, x, z, key) -> tuple[train.GANState, train.Metrics]:
    """In G's turn after `both_steps`: nothing."""
    return state, {}
