"""Both generator gradients on one pair of networks, while D learns against a frozen G."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from experiments.command.results import finite_or_none
from gan_from_scratch import losses, train

TOGETHER = 16  # batches whose gradients are computed at once; more take memory and no less time


def both_gradients(gan: train.GAN, state: train.GANState, z_batches: jax.Array) -> dict[str, jax.Array]:
    """For each loss the gradient in G's parameters on one and the same pair of networks.

    Of the gradients on z_batches (batches, batch, noise_dim): the norm of their mean, the root of their total
    variance, that is of the mean squared distance to it, and the median of their norms.
    """
    measured = {}
    for name in losses.GENERATOR_LOSSES:
        gradient = partial(gradient_in_g, replace(gan, loss_g=losses.GENERATOR_LOSSES[name]), state)
        gradients = jax.lax.map(gradient, z_batches, batch_size=TOGETHER)
        mean = jnp.mean(gradients, axis=0)
        measured[name] = norm(mean)
        measured[f"{name} spread"] = norm(gradients - mean) / len(z_batches) ** 0.5
        measured[f"{name} of a batch"] = jnp.median(jax.lax.map(norm, gradients))
    return measured


def gradient_in_g(gan: train.GAN, state: train.GANState, z: jax.Array) -> jax.Array:
    """That of G's objective on one batch of noise, all parameters one after the other."""
    x = train.generate(gan, state, z)  # in place of data, at which neither loss looks
    objective = train.generator_objective(gan, state, x, z, jax.random.key(0))  # nothing is drawn
    gradient, _ = jax.grad(objective, argnums=0, has_aux=True)(state.g.params, state.d.params)
    return ravel_pytree(gradient)[0]


def norm(v: jax.Array) -> jax.Array:
    """The Euclidean norm. Entries of 1e-25 have squares that float32 takes for 0, so the largest is taken out first."""
    largest = jnp.max(jnp.abs(v))
    return largest * jnp.sqrt(jnp.sum((v / jnp.where(largest > 0, largest, 1)) ** 2))


def moments_to_look_at(steps: int) -> list[int]:
    """Steps of D at which the gradients are measured: the start, and then twelve a decade."""
    return sorted({0, *np.geomspace(1, steps, 1 + round(12 * np.log10(steps))).round().astype(int).tolist(), steps})


def summary_of_stage(stage: dict) -> dict:
    """For each seed of D how far the saturating norm falls and how far the other one grows.

    A stage has `steps` (how long G was trained before it was frozen), `moments` (the steps of D at which was
    measured), and for each thing measured an array (seeds, moments).
    """
    saturating, other, spread = (stage[name] for name in ("saturating", "nonsaturating", "nonsaturating spread"))
    seeds = []
    for i in range(len(saturating)):
        peak = int(np.argmax(saturating[i]))  # where D has begun to tell, and G is still taught well
        seeds.append(
            {
                "orders_from_start_to_lowest": orders(saturating[i, 0], saturating[i].min()),
                "orders_from_peak": orders_from_peak(saturating[i]),
                "nonsaturating_lowest_over_start": float(other[i].min() / other[i, 0]),
                "nonsaturating_growth_since_peak": float(other[i, -1] / other[i, peak]),
                "nonsaturating_variance_growth_since_peak": float((spread[i, -1] / spread[i, peak]) ** 2),
            }
        )
    names = [name for name in stage if name not in ("steps", "moments", "x")]
    return {
        "g_trained_for": stage["steps"],
        "seeds": seeds,
        "d_step": stage["moments"].tolist(),
        "median": {name: finite_or_none(np.median(stage[name], axis=0)) for name in names},
    }


def orders_from_peak(curve: np.ndarray) -> float | None:
    """Orders of magnitude from a curve's highest value down to the lowest one after it."""
    peak = int(np.argmax(curve))
    return orders(curve[peak], curve[peak:].min())


def orders(high: float, low: float) -> float | None:
    """Orders of magnitude from `low` to `high`; None if `low` is 0."""
    return float(np.log10(high / low)) if low > 0 else None
