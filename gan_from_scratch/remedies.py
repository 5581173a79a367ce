"""What later papers add to Goodfellow's algorithm to make it converge. Each is off unless it is asked for."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from gan_from_scratch import check


def r1_penalty(logits: Callable[[Array], Array], x: Float[ArrayLike, "batch ..."]) -> Float[Array, ""]:
    """R_1 / gamma = 1/2 E_data ||grad_x a(x)||^2. Mescheder et al. 2018, eq. (9).

    The vector field of the plain game only circles its equilibrium: where p_g = p_data, D's slope still pushes
    G away. Half the squared slope, added to D's loss with weight gamma, flattens D where the data is, and the
    circles become spirals inwards. `logits` maps a batch of x to one logit for each sample (or for each set of
    samples that D judges together); pulling back ones gives each its own gradient, because no logit depends on
    another's x.
    """
    a, pull_back = jax.vjp(logits, x)
    (slope,) = pull_back(jnp.ones_like(a))
    return 0.5 * jnp.sum(slope**2) / a.size


class AverageState(NamedTuple):
    """The running average of the parameters, and how many steps went into it."""

    average: optax.Params
    count: Array


def average_parameters(decay: float) -> optax.GradientTransformation:
    """The last link of an optax chain: keeps an average of the parameters and leaves the update as it is.

    average <- d average + (1 - d) params, with d = min(decay, (1 + t) / (10 + t)) after t steps, so that the first
    parameters, which are random, are forgotten quickly. Near the end of training the players circle their
    equilibrium, and the average of a circle is its centre (Yazici et al. 2019). Read it with `averaged`.
    """
    check.fraction("decay", decay)

    def init(params):
        return AverageState(params, jnp.zeros((), jnp.int32))

    def update(updates, state, params):
        d = average_weight(decay, state.count)
        moved = optax.apply_updates(params, updates)
        average = jax.tree.map(lambda old, new: d * old + (1 - d) * new, state.average, moved)
        return updates, AverageState(average, state.count + 1)

    return optax.GradientTransformation(init, update)


def average_weight(decay: float, count: Array) -> Array:
    """min(decay, (1 + t) / (10 + t)): the weight of the past in the running average after `count` = t steps."""
    return jnp.minimum(decay, (1 + count) / (10 + count))


def averaged(opt_state: optax.OptState, params: optax.Params) -> optax.Params:
    """The averaged parameters in an optimizer state, or `params` where the optimizer keeps no average."""
    return optax.tree_utils.tree_get(opt_state, "average", default=params)
