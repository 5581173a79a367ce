"""Panel d of gradient_vanishing: which seeds of the 1-D GAN arrive at the data with each loss, and when."""

import itertools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.vanishing.frozen_line import plain_gan
from gan_from_scratch import metrics, train

ARRIVED = 0.1  # KS distance below which a G counts as arrived
CHECKS = 80  # times during a run that this is looked at


def race(mean: float, k: int, loss: str, batch: int, steps: int, plain_steps: bool, keys: jax.Array) -> dict:
    """Train the GAN from each seed's start; the seeds, starts and data are the same for both losses.

    With `plain_steps` by gradient steps of .01 instead of Adam. `keys` has one for each seed.
    """
    gan, data = plain_gan(mean, batch, k, loss)
    if plain_steps:
        # .01: with ten times more for D some runs whose p_data is far away ended in infinities.
        gan = replace(gan, optimizer_g=optax.sgd(0.01), optimizer_d=optax.sgd(0.01))
    z = jnp.linspace(-1, 1, 2001)[:, None]

    start = jax.jit(jax.vmap(lambda key: train.init(gan, jax.random.fold_in(key, 0))))
    advance = jax.jit(
        jax.vmap(lambda state, key, steps: train.train(gan, state, data.sample, key, steps)[0], in_axes=(0, 0, None)),
        static_argnums=2,
    )
    generate = jax.jit(jax.vmap(lambda state: train.generate(gan, state, z)))

    state, run_keys = start(keys), jax.vmap(lambda key: jax.random.fold_in(key, 1))(keys)
    arrived_after, ks = [None] * len(keys), [1.0] * len(keys)
    checks = np.unique(np.linspace(0, steps, CHECKS + 1).round().astype(int)).tolist()
    for before, step in itertools.pairwise(checks):
        state = advance(state, run_keys, step - before)
        for i, x in enumerate(np.asarray(generate(state))):
            ks[i] = metrics.ks_statistic(x, data) if np.isfinite(x).all() else 1.0  # gone to infinity
            if ks[i] < ARRIVED and arrived_after[i] is None:
                arrived_after[i] = step
    return {
        "mean": mean,
        "k": k,
        "loss": loss,
        "seeds": len(keys),
        "steps": steps,
        "arrived_after": sorted(step for step in arrived_after if step is not None),
        "ks_at_the_end": ks,
    }
