"""Two translators and two discriminators: what stays constant in their game, what changes, and how both begin."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from experiments.neighbours.pool import Pool, empty_pool
from gan_from_scratch import train


class Weights(NamedTuple):
    """Of the losses of G and F: numbers that a compiled step is handed, so that all kinds share it."""

    gan: float
    cycle: float  # lambda
    identity: float


class Game(NamedTuple):
    """What stays constant. One kind of network for G: X -> Y and F: Y -> X, and one for D_X and D_Y."""

    translator: Any
    discriminator: Any
    optimizer_g: optax.GradientTransformation
    optimizer_d: optax.GradientTransformation
    rise: int  # steps in which lambda rises from 0: all of it at once holds any invertible G where it begins


class State(NamedTuple):
    """Everything that training changes."""

    g: train.Player
    f: train.Player
    d_x: train.Player
    d_y: train.Player
    pool_x: Pool
    pool_y: Pool
    step: Array


def start(game: Game, key: Array, x: Array) -> State:
    """Before the first step; of x the shape of a sample counts."""
    key_g, key_f, key_dx, key_dy = jax.random.split(key, 4)

    def player(params: Any, optimizer: optax.GradientTransformation) -> train.Player:
        return train.Player(params, {}, optimizer.init(params))

    g, f = (player(game.translator.init(key, x)["params"], game.optimizer_g) for key in (key_g, key_f))
    d_x, d_y = (
        player(game.discriminator.init(key, x, train=True)["params"], game.optimizer_d) for key in (key_dx, key_dy)
    )
    return State(g, f, d_x, d_y, empty_pool(x[0]), empty_pool(x[0]), jnp.zeros((), jnp.int32))


def translated(game: Game, params: Any, x: Array) -> Array:
    return game.translator.apply({"params": params}, x)


def judged(game: Game, params_d: Any, x: Array) -> Array:
    """D's raw outputs a(x), (n,)."""
    return game.discriminator.apply({"params": params_d}, x, train=True)


def adam(rate: float, steps: int) -> optax.GradientTransformation:
    """A constant rate, and in the second half a straight line to 0 (section 4); b1 is that of the authors' code."""
    half = steps // 2
    falling = optax.linear_schedule(rate, 0.0, steps - half)
    return optax.adam(optax.join_schedules([optax.constant_schedule(rate), falling], [half]), b1=0.5)
