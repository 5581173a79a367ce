"""What later papers add to Goodfellow's algorithm to make it converge. Each is off unless it is asked for."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Key

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


def noisy_targets(
    key: Key[Array, ""], n: int, smoothing: float | int, noise: float | int
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """What D shall say of n real and of n fake samples: 1 - smoothing - noise U and noise U', with U, U' in [0, 1).

    One-sided smoothing (Salimans et al. 2016, section 3.4) keeps D from logits without bound. It is one-sided, because
    a target above 0 on fakes would pay D for leaving p_g where it is. Noise on the labels (Chollet) goes inwards:
    a target outside [0, 1] would make the loss unbounded below.
    """
    check_targets(smoothing, noise)
    u_real, u_fake = jax.random.uniform(key, (2, n))
    return 1 - smoothing - noise * u_real, noise * u_fake


def check_targets(smoothing: float | int, label_noise: float | int) -> None:
    """Raise ValueError if `noisy_targets` could leave [0, 1]."""
    if smoothing + label_noise > 1:
        raise ValueError(f"smoothing is {smoothing} and label_noise {label_noise}, but their sum must be at most 1")


def soft_target_loss(logits: Float[ArrayLike, "..."], target: Float[ArrayLike, "..."]) -> Float[Array, ""]:
    """-E[t log D + (1 - t) log(1 - D)] for targets t in [0, 1], whose minimum is at D = t."""
    return jnp.mean(target * jax.nn.softplus(-logits) + (1 - target) * jax.nn.softplus(logits))


def shifted(
    key: Key[Array, ""], x: Float[ArrayLike, "batch h w channels"], pixels: int
) -> Float[Array, "batch h w channels"]:
    """Each image moved by -pixels, ..., pixels at random along both axes; what enters repeats the edge.

    D soon knows a small data set by heart; shown everything through a random T, it meets many more images. Both
    players see real and fake ones through T (Zhao et al. 2020, Differentiable Augmentation), so where p_g = p_data D
    still cannot tell. That p_g = p_data is the only such place holds if T can be undone on distributions (Karras et
    al. 2020, Limited Data, section 2.2), which random shifts need not be: G may then paint shifted images itself.
    Row i of the result is row i + s of the image: a product with a matrix of zeros and ones, so G's gradient passes.
    """
    n, height, width, _ = x.shape
    shifts = jax.random.randint(key, (2, n, 1), -pixels, pixels + 1)
    rows, columns = (
        jax.nn.one_hot(jnp.clip(jnp.arange(size) + shift, 0, size - 1), size, dtype=x.dtype)
        for size, shift in zip((height, width), shifts, strict=True)
    )
    return jnp.einsum("bij,bjkc,blk->bilc", rows, x, columns)


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
        # A copy, so that a state can be donated: no array may stand in it twice.
        return AverageState(jax.tree.map(jnp.array, params), jnp.zeros((), jnp.int32))

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
