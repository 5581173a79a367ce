"""A GAN's D under the fast gradient sign."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.image_runs.gan import build
from experiments.image_runs.images import to_unit
from experiments.image_runs.settings import Training
from gan_from_scratch import train

JUDGED = 1_000  # digits of each kind
WIDTH = 16  # of both players: small, for a minute of training
GAN_R1 = 1.0  # no other weight was tried


def attack_on_d(digits: np.ndarray, r1: float, eps: float, steps: int, key: Array) -> dict[str, dict[str, float]]:
    """How far the step moves D's logits, and which share of its verdicts it turns over, on real and on fake digits.

    Without BatchNorm in D, so that a logit is its own image's, and R1 its slope's. Images lie in [-1, 1] here: a step
    of eps in pixels is one of 2 eps.
    """
    training = Training(steps=steps, width=WIDTH, batch_norm=False, r1=r1, average=0.0)
    gan = build(training, digits.shape[1:])
    key_init, key_train, key_z, key_x = jax.random.split(key, 4)

    @jax.jit
    def trained(images):
        def sample_data(key, batch):
            return to_unit(images[jax.random.randint(key, (batch,), 0, len(images))])

        return train.train(gan, train.init(gan, key_init), sample_data, key_train, steps)[0]

    state = trained(jnp.asarray(digits))
    real = to_unit(jnp.asarray(digits)[jax.random.randint(key_x, (JUDGED,), 0, len(digits))])
    fake = train.generate(gan, state, gan.sample_noise(key_z, JUDGED))
    logits_of = jax.jit(lambda x: train.discriminate(gan, state, x))
    return {name: against_verdict(logits_of, x, 2 * eps) for name, x in (("real", real), ("fake", fake))}


def against_verdict(logits_of: Callable[[Array], Array], x: Array, eps: float) -> dict[str, float]:
    """Each image goes eps in each pixel against what D says of it: x~ = x - eps sign(a) sign(grad_x a)."""
    before, pull_back = jax.vjp(logits_of, x)
    (slope,) = pull_back(jnp.ones_like(before))
    after = logits_of(x - eps * jnp.sign(before)[:, None, None, None] * jnp.sign(slope))
    return {
        "logit_before": float(jnp.mean(jnp.abs(before))),
        "logit_moved": float(jnp.mean(jnp.abs(after - before))),
        "turned_over": float(jnp.mean(jnp.sign(after) != jnp.sign(before))),
        "taken_for_real": float(jnp.mean(before > 0)),
    }
