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


def mixed_step(gan: train.GAN, state: train.GANState, x, z, key) -> tuple[train.GANState, train.Metrics]:
    """D's step on real images and fakes in one batch, so that its BatchNorm takes the statistics of both together."""
    key_g, key_d = jax.random.split(key)
    g, d = state.g, state.d
    fake, _ = gan.generator.apply(
        {"params": g.params, **g.stats}, z, train=True, rngs={"dropout": key_g}, mutable=list(g.stats)
    )

    def objective(params_d):
        logits, stats_d = gan.discriminator.apply(
            {"params": params_d, **d.stats}, jnp.concatenate([x, fake]), train=True,
            rngs={"dropout": key_d}, mutable=list(d.stats),
        )  # fmt: skip
        real, made = jnp.split(logits, [len(x)])
        loss_d = gan.loss_d(real, made)
        metrics = {"loss_d": loss_d, "d_real": jax.nn.sigmoid(real).mean(), "d_fake": jax.nn.sigmoid(made).mean()}
        return loss_d, (stats_d, metrics)

    gradient, (stats_d, metrics) = jax.grad(objective, has_aux=True)(d.params)
    return state._replace(d=train.descend(gan.optimizer_d, d, gradient, stats_d)), metrics
