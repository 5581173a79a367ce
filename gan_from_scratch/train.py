"""Algorithm 1 of Goodfellow et al. 2014 by automatic differentiation.

Freezing a player is nothing but the choice of the argument that is differentiated. Each player's objective is a
function of (params_g, params_d). G's step differentiates its own in the first argument and D's step its own in the
second; the other player's parameters enter as constants, so there is nothing to stop, detach or mark untrainable:
no gradient for them is ever computed. Besides parameters a frozen player has statistics (BatchNorm's) that a
forward pass updates; the step drops that update.
So `discriminator_step` replaces state.d and nothing else, `generator_step` state.g and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Int, Key

from gan_from_scratch import check, losses

# A loop inside the loop over steps costs 60 % more time than its body written out (1-D GAN, k = 2, 2 CPU cores);
# 8 copies at most keep the compiled program small.
UNROLL = 8

Sampler = Callable[[Key[Array, ""], int], Float[Array, "n ..."]]
Loss = Callable[[Float[Array, "..."], Float[Array, "..."]], Float[Array, ""]]


class Player(NamedTuple):
    """One player's parameters, statistics ({} or Flax collections such as batch_stats) and optimizer state."""

    params: Any
    stats: Any
    opt_state: Any


class GANState(NamedTuple):
    """Everything that training changes. `step` counts the finished steps of Algorithm 1."""

    g: Player
    d: Player
    step: Int[Array, ""]


# What a step measured, before its own update: loss_d and loss_g in nats, without any penalty, and the means d_real of
# D(x) and d_fake of D(G(z)) in D's step. With the default loss loss_d is -V(D, G); of k steps of D the last is kept.
Metrics = dict[str, Float[Array, "..."]]

# (gan, state, x, z, key) -> (state, metrics): who moves on data x and noise z.
Step = Callable[..., tuple[GANState, Metrics]]


class Seen(NamedTuple):
    """What D saw in its step, for penalties: a batch each of data and fakes, and the logits it gave them.

    `logits_of` maps any batch to logits with D's newest parameters. `stats` are D's statistics: {} if it has none, as
    a D without BatchNorm.
    """

    x: Float[ArrayLike, "batch ..."]
    fake: Float[Array, "batch ..."]
    logits_real: Float[Array, "..."]
    logits_fake: Float[Array, "..."]
    logits_of: Callable[[Float[ArrayLike, "batch ..."]], Float[Array, "..."]]
    stats: Any


Penalty = Callable[[Seen, Key[Array, ""]], Float[Array, ""]]


@dataclass(frozen=True)
class GAN:
    """What stays constant in training. Hashable, so that a compiled function can depend on it.

    The defaults are the paper's: k = 1 in its experiments, the non-saturating loss of its section 3.
    Each field that takes a function or a module is a seat: a place for what later papers add.
    Whatever is handed in must be hashable too: a function of a module, or a frozen dataclass with __call__.
    """

    generator: Any  # Flax modules; anything in front of D, such as a random crop, is a module around it
    discriminator: Any
    optimizer_g: optax.GradientTransformation
    optimizer_d: optax.GradientTransformation
    sample_noise: Sampler  # draws z of shape (n, noise_dim)
    batch: int
    k: int = 1  # steps of D in one step of Algorithm 1
    loss_g: Loss = losses.generator_loss_nonsaturating  # of (logits_fake, logits_real): its own side first
    loss_d: Loss = losses.discriminator_loss  # of (logits_real, logits_fake)
    penalties: tuple[Penalty, ...] = ()  # each is added to D's loss
    step_g: Step | None = None  # who moves in G's turn; None: G, by `generator_step`
    step_d: Step | None = None  # who moves in D's turn; None: D, by `discriminator_step`

    def __post_init__(self):
        check.positive_integer("batch", self.batch)
        check.positive_integer("k", self.k)
        for field in fields(self):
            check.hashable(field.name, getattr(self, field.name))


# (params_g, params_d) -> a player's objective, ((G's, D's new statistics), metrics).
Objective = Callable[[Any, Any], tuple[Float[Array, ""], tuple[tuple[Any, Any], Metrics]]]


def init(gan: GAN, key: Key[Array, ""]) -> GANState:
    """The state before the first step, from one key. The shape of x is taken from G's own output.

    Whatever ValueError the first step would end in, because some part does not fit another, is raised here.
    """
    key_noise, key_g, key_d = jax.random.split(key, 3)
    z = gan.sample_noise(key_noise, gan.batch)
    params_g, stats_g = _init_player(gan.generator, key_g, z)
    x = gan.generator.apply({"params": params_g, **stats_g}, z, train=False)
    params_d, stats_d = _init_player(gan.discriminator, key_d, x)
    state = GANState(
        g=Player(params_g, stats_g, gan.optimizer_g.init(params_g)),
        d=Player(params_d, stats_d, gan.optimizer_d.init(params_d)),
        step=jnp.zeros((), jnp.int32),
    )
    for objective in (discriminator_objective, generator_objective):
        jax.eval_shape(lambda key, make=objective: make(gan, state, x, z, key)(params_g, params_d), key)
    return state


def discriminator_objective(
    gan: GAN, state: GANState, x: Float[ArrayLike, "batch ..."], z: Float[ArrayLike, "batch ..."], key: Key[Array, ""]
) -> Objective:
    """What D minimises on data x and noise z: gan.loss_d, which is -V(D, G), and penalties.

    `key` is for every random draw inside the step: dropout, views, penalties.
    A function (params_g, params_d) -> objective, (both players' new statistics, metrics). Of `state` it takes the
    statistics alone.
    """
    key_g, key_real, key_fake, key_penalties = jax.random.split(key, 4)

    def objective(params_g, params_d):
        fake, stats_g = _apply(gan.generator, params_g, state.g.stats, z, key_g)
        # Real and fake batches pass D one after the other: in one batch BatchNorm would let each see the other.
        logits_real, stats_d = _apply(gan.discriminator, params_d, state.d.stats, x, key_real)
        logits_fake, stats_d = _apply(gan.discriminator, params_d, stats_d, fake, key_fake)
        loss_d = gan.loss_d(logits_real, logits_fake)
        metrics = {
            "loss_d": loss_d,
            "d_real": jnp.mean(jax.nn.sigmoid(logits_real)),
            "d_fake": jnp.mean(jax.nn.sigmoid(logits_fake)),
        }

        def logits_of(x):
            return _apply(gan.discriminator, params_d, state.d.stats, x, key_real)[0]

        seen = Seen(x, fake, logits_real, logits_fake, logits_of, state.d.stats)
        penalties = sum(penalty(seen, jax.random.fold_in(key_penalties, i)) for i, penalty in enumerate(gan.penalties))
        return loss_d + penalties, ((stats_g, stats_d), metrics)

    return objective


def generator_objective(
    gan: GAN, state: GANState, x: Float[ArrayLike, "batch ..."], z: Float[ArrayLike, "batch ..."], key: Key[Array, ""]
) -> Objective:
    """What G minimises on data x and noise z: gan.loss_g. Otherwise as `discriminator_objective`.

    Goodfellow's losses of G depend on no data; compiled, they leave D(x) out.
    """
    key_g, key_fake, key_real = jax.random.split(key, 3)

    def objective(params_g, params_d):
        fake, stats_g = _apply(gan.generator, params_g, state.g.stats, z, key_g)
        logits_fake, stats_d = _apply(gan.discriminator, params_d, state.d.stats, fake, key_fake)
        logits_real, _ = _apply(gan.discriminator, params_d, state.d.stats, x, key_real)
        loss_g = gan.loss_g(logits_fake, logits_real)
        return loss_g, ((stats_g, stats_d), {"loss_g": loss_g})

    return objective


def discriminator_step(
    gan: GAN, state: GANState, x: Float[ArrayLike, "batch ..."], z: Float[ArrayLike, "batch ..."], key: Key[Array, ""]
) -> tuple[GANState, Metrics]:
    """One step of D on data x and noise z with G frozen: the inner loop of Algorithm 1. `key` as in the objective."""
    objective = discriminator_objective(gan, state, x, z, key)
    slope_in_d = jax.grad(objective, argnums=1, has_aux=True)
    gradient, ((_, stats_d), metrics) = slope_in_d(state.g.params, state.d.params)  # G's statistics are dropped
    return state._replace(d=descend(gan.optimizer_d, state.d, gradient, stats_d)), metrics


def generator_step(
    gan: GAN, state: GANState, x: Float[ArrayLike, "batch ..."], z: Float[ArrayLike, "batch ..."], key: Key[Array, ""]
) -> tuple[GANState, Metrics]:
    """One step of G on data x and noise z with D frozen. `key` is for the draws inside the step: dropout, views."""
    objective = generator_objective(gan, state, x, z, key)
    slope_in_g = jax.grad(objective, argnums=0, has_aux=True)
    gradient, ((stats_g, _), metrics) = slope_in_g(state.g.params, state.d.params)  # D's statistics are dropped
    return state._replace(g=descend(gan.optimizer_g, state.g, gradient, stats_g)), metrics


def train_step(gan: GAN, state: GANState, sample_data: Sampler, key: Key[Array, ""]) -> tuple[GANState, Metrics]:
    """Algorithm 1, once: k steps of D, each on fresh data and fresh noise, then one of G on fresh noise.

    G's turn draws fresh data as well, for losses of G that look at it.
    `key` is the same in every step of a run: the draws depend on it and on state.step alone, so a run that is
    resumed needs no stored key and repeats the uninterrupted one bit for bit.
    """
    key_d, key_g = jax.random.split(jax.random.fold_in(key, state.step))

    def step_d(state, key):
        key_x, key_z, key_step = jax.random.split(key, 3)
        x, z = sample_data(key_x, gan.batch), gan.sample_noise(key_z, gan.batch)
        return (gan.step_d or discriminator_step)(gan, state, x, z, key_step)

    def step_g(state, key):
        key_z, key_step, key_x = jax.random.split(key, 3)
        x, z = sample_data(key_x, gan.batch), gan.sample_noise(key_z, gan.batch)
        return (gan.step_g or generator_step)(gan, state, x, z, key_step)

    # D before G: the fakes that D learns from are those of the G that it will then teach.
    keys_d, keys_g = jax.random.split(key_d, gan.k), jax.random.split(key_g, 1)
    state, metrics_d = jax.lax.scan(step_d, state, keys_d, unroll=min(gan.k, UNROLL))
    state, metrics_g = step_g(state, keys_g[0])
    last = jax.tree.map(lambda metric: metric[-1], metrics_d)
    return state._replace(step=state.step + 1), last | metrics_g


@partial(jax.jit, static_argnames=("gan", "sample_data", "steps"))
def train(gan: GAN, state: GANState, sample_data: Sampler, key: Key[Array, ""], steps: int) -> tuple[GANState, Metrics]:
    """`steps` further steps of Algorithm 1, compiled into one loop; each metric has a leading axis of `steps`.

    Long runs call it again and again with what it returned, a chunk at a time. It is a pure function of its
    arguments: `jax.vmap` over states and keys trains many seeds at once.
    ValueError, before anything is compiled, for data drawn with NumPy or of another shape than G's samples.
    """
    check.positive_integer("steps", steps)
    x = jax.eval_shape(lambda key: check.drawn(sample_data(key, gan.batch)), key)
    generated = jax.eval_shape(lambda key: generate(gan, state, gan.sample_noise(key, gan.batch)), key)
    check.same_shape(data=x, generated=generated)
    return jax.lax.scan(lambda state, _: train_step(gan, state, sample_data, key), state, length=steps)


def descend(optimizer: optax.GradientTransformation, player: Player, gradient, stats) -> Player:
    """The player after one step of its optimizer down its own gradient."""
    updates, opt_state = optimizer.update(gradient, player.opt_state, player.params)
    return Player(optax.apply_updates(player.params, updates), stats, opt_state)


def generate(gan: GAN, state: GANState, z: Float[ArrayLike, "n ..."]) -> Float[Array, "n ..."]:
    """G(z) at sampling time, with state.g's parameters and running statistics. See `settle`."""
    return gan.generator.apply({"params": state.g.params, **state.g.stats}, z, train=False)


def discriminate(gan: GAN, state: GANState, x: Float[ArrayLike, "n ..."]) -> Float[Array, " judgements"]:
    """D's logits on x at sampling time: one for each sample, or for each set of a SetDiscriminator."""
    return gan.discriminator.apply({"params": state.d.params, **state.d.stats}, x, train=False)


def settle(gan: GAN, state: GANState, key: Key[Array, ""], batches: int) -> GANState:
    """The state to sample from: with BatchNorm statistics that belong to G's parameters as they stand.

    Running statistics follow the parameters of the last steps, and an average of G's parameters has none of its own.
    Here `batches` fresh batches of noise pass, and the mean of what they show takes the place of what was there. A
    running statistic s becomes m s + (1 - m) b, where b is what the batch shows: a map whose slope is m, and b its
    fixed point. (So statistics other than running means are not for this function.)
    """
    check.positive_integer("batches", batches)

    def shown(key):
        key_z, key_dropout = jax.random.split(key)
        z = gan.sample_noise(key_z, gan.batch)
        zeros, ones = (jax.tree.map(fill, state.g.stats) for fill in (jnp.zeros_like, jnp.ones_like))
        pass_batch = lambda stats: _apply(gan.generator, state.g.params, stats, z, key_dropout)[1]  # noqa: E731
        after, m = jax.jvp(pass_batch, (zeros,), (ones,))
        return jax.tree.map(lambda after, m: after / (1 - m), after, m)

    # One batch after another: all at once they would need `batches` times the memory of a step.
    stats = jax.tree.map(lambda each: each.mean(axis=0), jax.lax.map(shown, jax.random.split(key, batches)))
    return state._replace(g=state.g._replace(stats=stats))


def check_sampler(gan: GAN, state: GANState, sample_data: Sampler, key: Key[Array, ""]) -> None:
    """Raise ValueError unless `sample_data` draws finite batches of G's shape, another with each key. Call it first."""
    draw = jax.jit(lambda key: sample_data(key, gan.batch))  # traced once, as in training
    x, again = draw(key), draw(jax.random.fold_in(key, 1))
    check.all_finite("the data", x)
    check.same_shape(data=x, generated=generate(gan, state, gan.sample_noise(key, gan.batch)))
    check.drawn(x, again)


def _init_player(module, key: Key[Array, ""], x: Float[ArrayLike, "batch ..."]):
    key_params, key_dropout = jax.random.split(key)
    stats = module.init({"params": key_params, "dropout": key_dropout}, x, train=True)
    return stats.pop("params", {}), stats  # networks.Identity has no params


def _apply(module, params, stats, x: Float[ArrayLike, "batch ..."], key: Key[Array, ""]):
    """The module's output in training, and its statistics after this batch, as precise as they were before."""
    y, after = module.apply({"params": params, **stats}, x, train=True, rngs={"dropout": key}, mutable=list(stats))
    return y, jax.tree.map(lambda old, new: new.astype(old.dtype), stats, after)
