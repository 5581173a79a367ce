"""The game as a vector field on the parameters of both players, and what decides whether it converges.

G's parameters are theta and D's are psi. Each player walks down its own loss, so together they follow

    v(theta, psi) = (-dL_G/dtheta, -dL_D/dpsi)                                       Mescheder et al. 2018, section 2

which need not be the gradient of anything: it can turn. Near an equilibrium v = J w, and the eigenvalues of J decide.
In continuous time the game converges if all their real parts are negative; a pair +-i circles for ever. A
method with steps of size h is a map w -> F(w), and converges if all eigenvalues of F's Jacobian are inside
the unit circle: a simultaneous step turns i into 1 + ih, which is outside, however small h is.

The Dirac-GAN is the smallest GAN on which all of this can be seen: one number theta for G, one number psi for D.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.flatten_util import ravel_pytree
from jax.typing import ArrayLike
from jaxtyping import Complex, Float, Key

from gan_from_scratch import check, losses, remedies, train


class Point(NamedTuple):
    """Where the game stands: the parameters of G and of D, each an array or any tree of arrays."""

    theta: Any
    psi: Any


class Game(NamedTuple):
    """What each player minimises, as functions (theta, psi) -> scalar."""

    loss_g: Callable[[Any, Any], Any]
    loss_d: Callable[[Any, Any], Any]


COLUMNS = 64  # of a Jacobian that are computed together
NODES = 64  # of each quadrature: on the smooth functions here more than float64 can tell

# A vector field gives each point its velocity, an update each point its successor.
Field = Callable[[Point], Point]
Update = Callable[[Point], Point]


def vector_field(game: Game) -> Field:
    """v(theta, psi) = (-dL_G/dtheta, -dL_D/dpsi): each player is differentiated in its own argument alone."""

    def field(point: Point) -> Point:
        point = _floats(point)
        slope = Point(jax.grad(game.loss_g, argnums=0)(*point), jax.grad(game.loss_d, argnums=1)(*point))
        return jax.tree.map(jnp.negative, slope)

    return field


def consensus(field: Field, gamma: float | int) -> Field:
    """v - gamma grad(||v||^2 / 2): both players also seek to stand still. Mescheder et al. 2017, section 4."""
    check.nonnegative("gamma", gamma)

    def half_squared_speed(point: Point):
        return sum(jnp.sum(v**2) for v in jax.tree.leaves(field(point))) / 2

    def regularised(point: Point) -> Point:
        point = _floats(point)
        return _move(field(point), jax.grad(half_squared_speed)(point), -gamma)

    return regularised


def simultaneous(field: Field, h: float | int) -> Update:
    """w + h v(w): both players step at once, each against the other's old parameters."""
    check.positive("h", h)
    return lambda point: _move(point, field(point), h)


def alternating(field: Field, h: float | int, n_d: int = 1, n_g: int = 1) -> Update:
    """n_d steps of D and then n_g steps of G, each against the other's newest parameters, as in Algorithm 1."""
    check.positive("h", h)
    check.positive_integer("n_d", n_d)
    check.positive_integer("n_g", n_g)

    def update(point: Point) -> Point:
        for _ in range(n_d):
            point = point._replace(psi=_move(point.psi, field(point).psi, h))
        for _ in range(n_g):
            point = point._replace(theta=_move(point.theta, field(point).theta, h))
        return point

    return update


def by_optimizer(field: Field, optimizer: optax.GradientTransformation):
    """An update of pairs (point, optimizer state): an Optax rule for both players at once, with -v as its gradient."""

    def update(pair: tuple[Point, Any]) -> tuple[Point, Any]:
        point, state = _floats(pair[0]), pair[1]
        updates, state = optimizer.update(jax.tree.map(jnp.negative, field(point)), state, point)
        return optax.apply_updates(point, updates), state

    return update


def trajectory(update: Callable[[Any], Any], start: Any, steps: int) -> Any:
    """The start and what each of `steps` updates makes of it: every leaf gets a leading axis of steps + 1."""
    check.positive_integer("steps", steps)
    # In the types that an update returns: a start of whole numbers becomes one of floats.
    start = jax.tree.map(lambda w, after: jnp.asarray(w, jnp.result_type(after)), start, update(start))

    def advance(now, _):
        after = update(now)
        return after, after

    later = jax.lax.scan(advance, start, length=steps)[1]
    return jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), start, later)


def jacobian(function: Field | Update, point: Point) -> Float[np.ndarray, "n n"]:
    """d function_i / d w_j at the point, w being all parameters one after the other: theta first. In float64.

    ValueError if the function is not finite or not differentiable there.
    """
    with jax.enable_x64(True):
        w, unravel = ravel_pytree(jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), point))

        def flat(w):
            return ravel_pytree(function(unravel(w)))[0]

        @jax.jit
        @jax.vmap
        def column(direction):
            return jax.jvp(flat, (w,), (direction,))[1]

        # Some columns at a time: all at once a network's Jacobian would take gigabytes.
        directions = np.array_split(np.eye(len(w)), math.ceil(len(w) / COLUMNS))
        columns = np.concatenate([column(some) for some in directions])
    check.all_finite("the Jacobian", columns)
    return columns.T


def eigenvalues(function: Field | Update, point: Point) -> Complex[np.ndarray, " n"]:
    """The eigenvalues of the Jacobian there, the largest real part first."""
    found = np.linalg.eigvals(jacobian(function, point)).astype(complex)
    return found[np.lexsort((found.imag, -found.real))]


def dirac_gan(
    loss: str = "nonsaturating", r1: float | int = 0.0, noise: float | int = 0.0, r2: float | int = 0.0
) -> Game:
    """Data at 0, G's only sample at theta, D's logit a(x) = psi x. Mescheder et al. 2018, section 2.

    `loss` is saturating, nonsaturating, relativistic or wasserstein (whose D is a critic: E a_real - E a_fake, no
    sigmoid). `r1` and `r2` are the weights gamma of remedies.r1_penalty on data and fakes. `noise` is the standard
    deviation sigma of the Gaussian instance noise added to real and fake samples (Sonderby et al. 2017); its
    expectation is taken exactly, not sampled.
    """
    others = {
        "wasserstein": (lambda own, other: -own, lambda real, fake: fake - real),
        "relativistic": (remedies.relativistic, remedies.relativistic),
    }
    check.one_of("loss", loss, {*others, *losses.GENERATOR_LOSSES})
    for name, value in (("r1", r1), ("r2", r2), ("noise", noise)):
        check.nonnegative(name, value)
    of_g, of_d = others.get(loss) or (losses.GENERATOR_LOSSES[loss], losses.discriminator_loss)
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES if noise else 1)  # one node lies at 0
    weights = weights / math.sqrt(2 * math.pi)
    blur = noise * nodes  # x = blur is the data

    def expected(of, own, other):
        # Over all pairs: the noise of a real sample is not that of a fake.
        return weights @ jax.vmap(lambda a: jax.vmap(partial(of, a))(other))(own) @ weights

    def loss_d(theta, psi):
        real, fake = (jnp.asarray(x, jnp.result_type(psi)) for x in (blur, theta + blur))
        penalties = (gamma * remedies.r1_penalty(lambda x: psi * x, x) for gamma, x in ((r1, real), (r2, fake)))
        return expected(of_d, psi * real, psi * fake) + sum(penalties)

    def loss_g(theta, psi):
        return expected(of_g, psi * (theta + blur), psi * blur)

    return Game(loss_g, loss_d)


def unrolled(game: Game, steps: int, rate: float | int) -> Game:
    """G minimises its loss after `steps` further steps of D, through which it is differentiated. Metz et al. 2017."""
    check.nonnegative_integer("steps", steps)
    check.positive("rate", rate)

    def loss_g(theta, psi):
        for _ in range(steps):
            psi = _move(psi, jax.grad(game.loss_d, argnums=1)(theta, psi), -rate)
        return game.loss_g(theta, psi)

    return game._replace(loss_g=loss_g)


def bilinear() -> Game:
    """f(x, y) = x y, which x minimises and y maximises: the smallest game that gradient descent does not solve."""
    return Game(loss_g=lambda x, y: x * y, loss_d=lambda x, y: -x * y)


def nagarajan_kolter() -> Game:
    """Data and noise uniform on [-1, 1], G(z) = theta z, D's logit psi x^2: an example of Nagarajan & Kolter 2017.

    At (1, 0) D is flat and p_g = p_data. This data has a width, so D's own curvature damps the circling.
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    weights = weights / 2

    def loss_d(theta, psi):
        return weights @ jax.vmap(losses.discriminator_loss)(psi * nodes**2, psi * (theta * nodes) ** 2)

    def loss_g(theta, psi):
        return weights @ jax.vmap(losses.generator_loss_saturating)(psi * (theta * nodes) ** 2)

    return Game(loss_g, loss_d)


def of_gan(
    gan: train.GAN,
    state: train.GANState,
    x: Float[ArrayLike, "batch ..."],
    z: Float[ArrayLike, "batch ..."],
    key: Key[Array, ""],
) -> Game:
    """The game that a GAN plays on fixed data x and noise z, at any parameters; `state` gives the statistics.

    The point to look at is Point(state.g.params, state.d.params).
    """

    def precise(batch, params):
        # A float32 batch would round the slopes in x that R1 takes, and with them a float64 Jacobian.
        return jnp.asarray(batch, jnp.result_type(*jax.tree.leaves(params)))

    def loss_g(theta, psi):
        return train.generator_objective(gan, state, precise(x, psi), precise(z, psi), key)(theta, psi)[0]

    def loss_d(theta, psi):
        return train.discriminator_objective(gan, state, precise(x, psi), precise(z, psi), key)(theta, psi)[0]

    return Game(loss_g, loss_d)


def _move(tree: Any, direction: Any, h: float | int) -> Any:
    return jax.tree.map(lambda w, v: w + h * v, tree, direction)


def _floats(point: Point) -> Point:
    """Whole numbers as floats: they have no slopes. Floats stay as precise as they are."""
    return jax.tree.map(lambda w: jnp.asarray(w, jnp.result_type(w, float)), point)
