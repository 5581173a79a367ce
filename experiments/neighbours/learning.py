"""How a classifier learns: Adam on an objective, in shuffled passes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from experiments.neighbours.models import Model

OPTIMIZER = optax.adam(1e-3)  # its usual rate


def learn(
    model: Model,
    objective: Callable[..., Array],
    images: np.ndarray,
    labels: np.ndarray,
    key: Array,
    epochs: int,
    batch: int,
    tell: Callable[[], None],
) -> Any:
    """Parameters after so many epochs of Adam on objective(model, params, x, y, key). `tell` is called after each."""
    key_init, key_order = jax.random.split(key)
    params = model.init(key_init)
    opt_state, x, y = OPTIMIZER.init(params), jnp.asarray(images), jnp.asarray(labels, jnp.int32)
    for i in range(epochs):
        params, opt_state = epoch(model, objective, batch, params, opt_state, x, y, jax.random.fold_in(key_order, i))
        jax.block_until_ready(params)
        tell()
    return params


@partial(jax.jit, static_argnames=("model", "objective", "batch"))
def epoch(model: Model, objective: Callable[..., Array], batch: int, params, opt_state, x: Array, y: Array, key: Array):
    """One pass over the images; what is left over after the last whole batch waits for another shuffle."""
    key_order, key_steps = jax.random.split(key)
    steps = len(x) // batch
    order = jax.random.permutation(key_order, len(x))[: steps * batch].reshape(steps, batch)

    def step(carry, at):
        params, opt_state = carry
        which, key = at
        gradient = jax.grad(objective, argnums=1)(model, params, to_pixels(x[which]), y[which], key)
        updates, opt_state = OPTIMIZER.update(gradient, opt_state, params)
        return (optax.apply_updates(params, updates), opt_state), None

    return jax.lax.scan(step, (params, opt_state), (order, jax.random.split(key_steps, steps)))[0]


def cross_entropy(model: Model, params: Any, x: Array, y: Array, key: Array | None) -> Array:
    """J(theta, x, y), the mean over a batch [nats]. `key` for dropout, None: none."""
    return jnp.mean(model.loss(model.logits(params, x, key), y))


def to_pixels(images: np.ndarray | Array) -> Array:
    """Bytes to [0, 1]."""
    return jnp.asarray(images) / jnp.float32(255)
