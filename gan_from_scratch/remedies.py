"""What later papers add to Goodfellow's algorithm to make it converge. Each takes a seat in train.GAN, or stays out.

loss_g, loss_d   relativistic
penalties        R1, R2, NoisyTargets
step_d           Skipping
optimizer_g      average_parameters, the last link of an Optax chain; read with `averaged`
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Key

from gan_from_scratch import check, train


def relativistic(own: Float[ArrayLike, "..."], other: Float[ArrayLike, "..."]) -> Float[Array, ""]:
    """E softplus(-(a_own - a_other)), in nats: what either player minimises, each with its own logits first.

    D compares each real sample with one fake, so that a fake is good only beside real ones and a mode left alone pulls
    (Jolicoeur-Martineau 2019; Huang et al. 2024, eq. (2)). It is log 2 at equal logits.
    """
    check.same_shape(own=own, other=other)
    return jnp.mean(jax.nn.softplus(-(own - other)))


def r1_penalty(logits: Callable[[Array], Array], x: Float[ArrayLike, "batch ..."]) -> Float[Array, ""]:
    """R_1 / gamma = 1/2 E_data ||grad_x a(x)||^2. Mescheder et al. 2018, eq. (9).

    The vector field of the plain game only circles its equilibrium: where p_g = p_data, D's slope still pushes
    G away. Half the squared slope, added to D's loss with weight gamma, flattens D where the data is, and the
    circles become spirals inwards. `logits` maps a batch of x to one logit for each sample (or for each set of
    samples that D judges together). Pulling back ones gives each its own gradient, if no logit depends on another's
    x: under BatchNorm, in training, every one does, and this is not eq. (9).
    """
    a, pull_back = jax.vjp(logits, x)
    (slope,) = pull_back(jnp.ones_like(a))
    return 0.5 * jnp.sum(slope**2) / a.size


@dataclass(frozen=True)
class R1:
    """gamma times `r1_penalty`. ValueError, when training begins, for a D with batch statistics."""

    gamma: float | int

    def __post_init__(self):
        check.positive("gamma", self.gamma)

    def __call__(self, seen: train.Seen, key: Key[Array, ""]) -> Float[Array, ""]:
        return self.gamma * _slope_of_each("r1", self.gamma, seen, seen.x)


@dataclass(frozen=True)
class R2:
    """gamma/2 E ||grad_x a(G(z))||^2: R1 on the fakes, with its conditions. Mescheder et al. 2018, eq. (10)."""

    gamma: float | int

    def __post_init__(self):
        check.positive("gamma", self.gamma)

    def __call__(self, seen: train.Seen, key: Key[Array, ""]) -> Float[Array, ""]:
        return self.gamma * _slope_of_each("r2", self.gamma, seen, seen.fake)


def _slope_of_each(name: str, gamma: float | int, seen: train.Seen, x: Array) -> Float[Array, ""]:
    if seen.stats:
        raise ValueError(
            f"{name} is {gamma}, but with batch statistics in D, as BatchNorm's, a logit depends on the whole batch "
            f"and {name.upper()} is not defined: choose a D without them"
        )
    return r1_penalty(seen.logits_of, x)


@dataclass(frozen=True)
class NoisyTargets:
    """D is to say t = 1 - smoothing - label_noise U of real and t' = label_noise U' of fake samples, U, U' in [0, 1).

    One-sided smoothing (Salimans et al. 2016, section 3.4) keeps D from logits without bound. It is one-sided, because
    a target above 0 on fakes would pay D for leaving p_g where it is. Noise on the labels (Chollet) goes inwards: a
    target outside [0, 1] would make the loss unbounded below. Because softplus(a) = softplus(-a) + a,

        -t log D - (1 - t) log(1 - D) = softplus(-a) + (1 - t) a        on real samples,
        -t' log D - (1 - t') log(1 - D) = softplus(a) - t' a            on fake ones,

    so what the targets add to D's loss is E[(1 - t) a(x)] - E[t' a(G(z))].
    """

    smoothing: float | int = 0.0
    label_noise: float | int = 0.0

    def __post_init__(self):
        for name in ("smoothing", "label_noise"):
            check.fraction(name, getattr(self, name))
        if self.smoothing + self.label_noise > 1:
            raise ValueError(
                f"smoothing is {self.smoothing} and label_noise {self.label_noise}, but their sum must be at most 1"
            )

    def __call__(self, seen: train.Seen, key: Key[Array, ""]) -> Float[Array, ""]:
        key_real, key_fake = jax.random.split(key)
        one_minus_t = self.smoothing + self.label_noise * jax.random.uniform(key_real, seen.logits_real.shape)
        t_fake = self.label_noise * jax.random.uniform(key_fake, seen.logits_fake.shape)
        return jnp.mean(one_minus_t * seen.logits_real) - jnp.mean(t_fake * seen.logits_fake)


@dataclass(frozen=True)
class Skipping:
    """D's step, left out where D's loss is below `loss` nats (2 log 2 = 1.39 is chance), so that G can catch up."""

    loss: float | int

    def __post_init__(self):
        check.positive("loss", self.loss)

    def __call__(self, gan: train.GAN, state: train.GANState, x, z, key) -> tuple[train.GANState, train.Metrics]:
        moved, metrics = train.discriminator_step(gan, state, x, z, key)
        skip = metrics["loss_d"] < self.loss
        return jax.tree.map(lambda old, new: jnp.where(skip, old, new), state, moved), metrics


class AverageState(NamedTuple):
    """The running average of the parameters, and how many steps went into it."""

    average: optax.Params
    count: Array


def average_parameters(memory: float) -> optax.GradientTransformation:
    """The last link of an optax chain: keeps an average of the parameters and leaves the update as it is.

    average <- m average + (1 - m) params, with m = min(memory, (1 + t) / (10 + t)) after t steps, so that the first
    parameters, which are random, are forgotten quickly. Near the end of training the players circle their
    equilibrium, and the average of a circle is its centre (Yazici et al. 2019). It is kept in float32 at least:
    in bfloat16 the small steps of an average would be rounded away. Read it with `averaged`.
    """
    check.fraction("memory", memory)

    def init(params):
        # A copy, so that a state can be donated: no array may stand in it twice.
        copies = jax.tree.map(lambda w: jnp.array(w, jnp.promote_types(w.dtype, jnp.float32)), params)
        return AverageState(copies, jnp.zeros((), jnp.int32))

    def update(updates, state, params):
        m = average_weight(memory, state.count)
        moved = optax.apply_updates(params, updates)
        average = jax.tree.map(lambda old, new: (m * old + (1 - m) * new).astype(old.dtype), state.average, moved)
        return updates, AverageState(average, state.count + 1)

    return optax.GradientTransformation(init, update)


def average_weight(memory: float, count: Array) -> Array:
    """min(memory, (1 + t) / (10 + t)): the weight of the past in the running average after `count` = t steps."""
    return jnp.minimum(memory, (1 + count) / (10 + count))


def averaged(player: train.Player) -> train.Player:
    """The player with the averaged parameters that its optimizer keeps, or as it is where it keeps none."""
    is_average = lambda part: isinstance(part, AverageState)  # noqa: E731
    for part in jax.tree.leaves(player.opt_state, is_leaf=is_average):
        if is_average(part):
            params = jax.tree.map(lambda w, average: average.astype(w.dtype), player.params, part.average)
            return player._replace(params=params)
    return player
