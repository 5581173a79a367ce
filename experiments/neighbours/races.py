"""How two translators learn: in each step a batch of each domain, drawn apart; of several starts the best goes on."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.image_runs.images import to_unit

CHUNK = 40  # steps in one compiled call, between two words of progress
LAST = 25  # steps of a race whose mean decides it: one step's value is one batch's

Step = Callable[..., tuple[Any, Array]]  # (game, weights, state, x, y, key) -> (state, value)


@partial(jax.jit, static_argnames=("step", "game", "batch", "steps"))
def followed(
    step: Step, game: Any, batch: int, weights: Any, state: Any, x: Array, y: Array, key: Array, steps: int
) -> tuple[Any, Array]:
    """The state after so many further steps, and their values (steps,).

    x and y (n, ...) are samples of the domains, numbers or bytes. From each a batch is drawn by itself. What a step
    draws depends on `key` and state.step alone.
    """

    def drawn(key: Array, samples: Array) -> Array:
        some = samples[jax.random.randint(key, (batch,), 0, len(samples))]
        return to_unit(some) if some.dtype == jnp.uint8 else some

    def one(state: Any, _: None) -> tuple[Any, Array]:
        key_x, key_y, key_step = jax.random.split(jax.random.fold_in(key, state.step), 3)
        return step(game, weights, state, drawn(key_x, x), drawn(key_y, y), key_step)

    return jax.lax.scan(one, state, length=steps)


@partial(jax.jit, static_argnames=("step", "game", "batch", "steps"))
def followed_together(
    step: Step, game: Any, batch: int, weights: Any, state: Any, x: Array, y: Array, key: Array, steps: int
) -> tuple[Any, Array]:
    """`followed` for many states at once, on their first axis, each with its own key; values (steps, states)."""

    one = lambda state, key: followed(step, game, batch, weights, state, x, y, key, steps)  # noqa: E731
    state, values = jax.vmap(one)(state, key)
    return state, values.T


Follow = Callable[..., tuple[Any, Array]]  # of state, key and steps, by name, as `followed`


def raced(
    follow: Follow, states: list[Any], key: Array, race: int, steps: int, tell: Callable[[int], None]
) -> tuple[Any, list[float]]:
    """All states take `race` steps; the one with the lowest value goes on, to `steps`. With it the states' values.

    That value needs no pairs. `tell` hears of every CHUNK of steps.
    """
    ends = [in_chunks(follow, state, jax.random.fold_in(key, i), race, tell) for i, state in enumerate(states)]
    values = [float(of_state[-LAST:].mean()) for _, of_state in ends]
    best = values.index(min(values))
    return in_chunks(follow, ends[best][0], jax.random.fold_in(key, best), steps - race, tell)[0], values


def in_chunks(
    follow: Follow, state: Any, key: Array, steps: int, tell: Callable[[int], None]
) -> tuple[Any, np.ndarray]:
    """The state after `steps` steps and all values, by calls of CHUNK steps. FloatingPointError if not finite."""
    values = []
    for done in range(0, steps, CHUNK):
        part = min(CHUNK, steps - done)
        state, of_part = jax.block_until_ready(follow(state=state, key=key, steps=part))
        values.append(np.asarray(of_part))
        if not np.isfinite(values[-1]).all():
            raise FloatingPointError(f"the objective went non-finite by step {done + part}: lower the losses' weights")
        tell(part)
    return state, np.concatenate(values) if values else np.zeros(0)
