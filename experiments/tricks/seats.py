"""What some sentences put into a seat of train.GAN, beside what remedies.py has."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from gan_from_scratch import train


@dataclass(frozen=True)
class SmoothedFakes:
    """D is to say `smoothing` of fakes: adds -smoothing E a(G(z)) to its loss (see remedies.NoisyTargets)."""

    smoothing: float

    def __call__(self, seen: train.Seen, key: jax.Array) -> jax.Array:
        return -self.smoothing * jnp.mean(seen.logits_fake)


@dataclass(frozen=True)
class FlippedLabels:
    """Each sample has the wrong label with this probability: real ones 0, which adds a, and fakes 1, which adds -a."""

    probability: float

    def __call__(self, seen: train.Seen, key: jax.Array) -> jax.Array:
        key_real, key_fake = jax.random.split(key)
        wrong_real = jax.random.bernoulli(key_real, self.probability, seen.logits_real.shape)
        wrong_fake = jax.random.bernoulli(key_fake, self.probability, seen.logits_fake.shape)
        return jnp.mean(wrong_real * seen.logits_real) - jnp.mean(wrong_fake * seen.logits_fake)


@dataclass(frozen=True)
class Slowed:
    """D's step, of which it makes a tenth where its loss is below `loss` nats; its optimizer counts the whole one."""

    loss: float

    def __call__(self, gan: train.GAN, state: train.GANState, x, z, key) -> tuple[train.GANState, train.Metrics]:
        moved, metrics = train.discriminator_step(gan, state, x, z, key)
        share = jnp.where(metrics["loss_d"] < self.loss, 0.1, 1.0)
        params = jax.tree.map(lambda old, new: old + share * (new - old), state.d.params, moved.d.params)
        return state._replace(d=moved.d._replace(params=params)), metrics


# Both players' turns with real and fake images in one batch, so that D's BatchNorm takes the statistics of both.


def mixed_step_d(gan: train.GAN, state: train.GANState, x, z, key) -> tuple[train.GANState, train.Metrics]:
    """Of D, without penalties."""

    def objective(params_d):
        real, fake, _, stats_d = judged_together(gan, state, state.g.params, params_d, x, z, key)
        loss_d = gan.loss_d(real, fake)
        metrics = {"loss_d": loss_d, "d_real": jax.nn.sigmoid(real).mean(), "d_fake": jax.nn.sigmoid(fake).mean()}
        return loss_d, (stats_d, metrics)

    gradient, (stats_d, metrics) = jax.grad(objective, has_aux=True)(state.d.params)
    return state._replace(d=train.descend(gan.optimizer_d, state.d, gradient, stats_d)), metrics


def mixed_step_g(gan: train.GAN, state: train.GANState, x, z, key) -> tuple[train.GANState, train.Metrics]:
    """Of G: the D that teaches it judges as it has learnt to."""

    def objective(params_g):
        real, fake, stats_g, _ = judged_together(gan, state, params_g, state.d.params, x, z, key)
        loss_g = gan.loss_g(fake, real)
        return loss_g, (stats_g, {"loss_g": loss_g})

    gradient, (stats_g, metrics) = jax.grad(objective, has_aux=True)(state.g.params)
    return state._replace(g=train.descend(gan.optimizer_g, state.g, gradient, stats_g)), metrics


def judged_together(gan: train.GAN, state: train.GANState, params_g, params_d, x, z, key):
    """D's logits on data and on fakes, and both players' new statistics."""
    key_g, key_d = jax.random.split(key)
    g, d = state.g.stats, state.d.stats
    fake, stats_g = gan.generator.apply(
        {"params": params_g, **g}, z, train=True, rngs={"dropout": key_g}, mutable=list(g)
    )
    logits, stats_d = gan.discriminator.apply(
        {"params": params_d, **d}, jnp.concatenate([x, fake]), train=True, rngs={"dropout": key_d}, mutable=list(d)
    )
    real, made = jnp.split(logits, [len(x)])
    return real, made, stats_g, stats_d
