"""Every eigenvalue that the papers derive, to 1e-6, and what they claim of trajectories, from many starting points."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_from_scratch import dynamics
from gan_from_scratch.dynamics import Point

ORIGIN = Point(0.0, 0.0)
LOSSES = ["saturating", "nonsaturating"]
step_sizes = st.floats(0.01, 4)


def field(*arguments, **settings):
    return dynamics.vector_field(dynamics.dirac_gan(*arguments, **settings))


def starts(low=0.2, high=3.0, seed=0) -> Point:
    """32 points at distances from the equilibrium of low to high, in all directions."""
    rng = np.random.default_rng(seed)
    r, angle = rng.uniform(low, high, 32), rng.uniform(0, 2 * math.pi, 32)
    return Point(r * np.cos(angle), r * np.sin(angle))


def radii(update, starts: Point, steps: int) -> np.ndarray:
    """The distance from the equilibrium (starts, steps + 1) before and after each step, in float64."""
    with jax.enable_x64(True):
        path = jax.jit(jax.vmap(lambda start: dynamics.trajectory(update, start, steps)))(starts)
        return np.hypot(np.asarray(path.theta), np.asarray(path.psi))


def runge_kutta(field: dynamics.Field, h: float) -> dynamics.Update:
    """The classical fourth-order step of length h in time: continuous time, to an error of h^4."""

    def moved(point: Point, velocity: Point, h: float) -> Point:
        return jax.tree.map(lambda w, v: w + h * v, point, velocity)

    def update(point: Point) -> Point:
        k1 = field(point)
        k2 = field(moved(point, k1, h / 2))
        k3 = field(moved(point, k2, h / 2))
        k4 = field(moved(point, k3, h))
        return moved(point, jax.tree.map(lambda a, b, c, d: (a + 2 * b + 2 * c + d) / 6, k1, k2, k3, k4), h)

    return update


def assert_eigenvalues(function, expected, point=ORIGIN):
    found = dynamics.eigenvalues(function, point)
    for pair in (found, np.asarray(expected, complex)):
        assert len(pair) == 2
    # The pair may come in either order.
    straight, crossed = (np.max(np.abs(found - np.asarray(e, complex))) for e in (expected, expected[::-1]))
    assert min(straight, crossed) < 1e-6, (found, expected)


def both(middle, under_the_root):
    """middle +- sqrt(under_the_root), real or complex."""
    root = np.sqrt(complex(under_the_root))
    return [middle + root, middle - root]


@pytest.mark.parametrize("loss", LOSSES)
def test_the_plain_dirac_gan_circles(loss):
    assert_eigenvalues(field(loss), [0.5j, -0.5j])


def test_the_wasserstein_dirac_gan_circles_twice_as_fast():
    assert_eigenvalues(field("wasserstein"), [1j, -1j])


@settings(max_examples=6)  # each compiles programs of its own
@given(gamma=st.floats(0, 2), other=st.floats(0, 2), loss=st.sampled_from([*LOSSES, "relativistic"]))
def test_r1_and_r2_damp_by_their_sum(gamma, other, loss):
    """On one fake at theta = 0 both take gamma/2 psi^2: J has -(gamma + other) where R1 alone has -gamma."""
    both_gammas = gamma + other
    assert_eigenvalues(field(loss, r1=gamma, r2=other), both(-both_gammas / 2, both_gammas**2 / 4 - 1 / 4))


@settings(max_examples=6)  # each compiles programs of its own
@given(sigma=st.floats(0.1, 2))
def test_the_relativistic_dirac_gan_circles_and_noise_damps_it_as_it_damps_the_plain_one(sigma):
    """Its D has log 2 where the plain one has 2 log 2, and half the curvature for twice the noise in a difference."""
    assert_eigenvalues(field("relativistic"), [0.5j, -0.5j])
    assert_eigenvalues(field("relativistic", noise=sigma), both(-(sigma**2) / 4, sigma**4 / 16 - 1 / 4))


@settings(max_examples=6)  # each compiles programs of its own
@given(u=st.integers(0, 6), h=st.floats(0.05, 1), loss=st.sampled_from([*LOSSES, "relativistic"]))
def test_a_g_that_looks_ahead_is_damped(u, h, loss):
    """psi_u = psi - u h theta / 2 near (0, 0), so v_theta = psi / 2 - u h theta / 2 and the pair is
    -u h / 4 +- sqrt(u^2 h^2 / 16 - 1 / 4)."""
    game = dynamics.unrolled(dynamics.dirac_gan(loss), u, h)
    assert_eigenvalues(dynamics.vector_field(game), both(-u * h / 4, (u * h / 4) ** 2 - 1 / 4))


@given(h=step_sizes, loss=st.sampled_from(LOSSES))
def test_simultaneous_steps_turn_the_circle_outwards(h, loss):
    update = dynamics.simultaneous(field(loss), h)
    assert_eigenvalues(update, [1 + 0.5j * h, 1 - 0.5j * h])
    assert np.abs(dynamics.eigenvalues(update, ORIGIN)) == pytest.approx(math.sqrt(1 + h**2 / 4), abs=1e-9)


@given(h=step_sizes, n_d=st.integers(1, 4), n_g=st.integers(1, 4), loss=st.sampled_from(LOSSES))
def test_alternating_steps_stay_on_the_unit_circle_up_to_a_critical_step(h, n_d, n_g, loss):
    a = math.sqrt(n_g * n_d) * h / 2
    update = dynamics.alternating(field(loss), h, n_d=n_d, n_g=n_g)
    middle = 1 - a**2 / 2
    assert_eigenvalues(update, both(middle, middle**2 - 1))
    if abs(a - 2) > 1e-3:  # at a = 2 itself both eigenvalues are -1, where a rounding error decides
        largest = np.abs(dynamics.eigenvalues(update, ORIGIN)).max()
        assert (largest < 1 + 1e-9) == (a <= 2)


@given(gamma=st.floats(0, 4))
def test_r1(gamma):
    assert_eigenvalues(field(r1=gamma), both(-gamma / 2, gamma**2 / 4 - 1 / 4))


def test_r1_is_fastest_at_its_critical_gamma_of_1():
    """The slowest eigenvalue decides the speed, and is fastest where the pair stops turning."""
    gammas = np.linspace(0.05, 3, 60)
    slowest = np.array([dynamics.eigenvalues(field(r1=gamma), ORIGIN)[0] for gamma in gammas])
    assert gammas[slowest.real.argmin()] == pytest.approx(1)
    assert np.all((np.abs(slowest.imag) > 1e-6) == (gammas < 1 - 1e-9))


@given(sigma=st.floats(0, 3))
def test_instance_noise(sigma):
    assert_eigenvalues(field(noise=sigma), both(-(sigma**2) / 4, sigma**4 / 16 - 1 / 4))


@given(gamma=st.floats(0, 4), loss=st.sampled_from(LOSSES))
def test_consensus(gamma, loss):
    assert_eigenvalues(dynamics.consensus(field(loss), gamma), [-gamma / 4 + 0.5j, -gamma / 4 - 0.5j])


def test_nagarajan_and_kolters_example():
    v = dynamics.vector_field(dynamics.nagarajan_kolter())
    assert_eigenvalues(v, both(-1 / 20, 1 / 400 - 1 / 9), Point(1.0, 0.0))
    assert dynamics.eigenvalues(v, Point(1.0, 0.0))[0] == pytest.approx(-0.05 - 0.32956j, abs=1e-5)


@pytest.mark.parametrize("h", [0.01, 0.3, 1.0, 3.0])
def test_the_saturating_game_moves_away_at_every_simultaneous_step(h):
    """v is at right angles to the radius, so each step adds: r^2 -> r^2 (1 + h^2 sigmoid(psi theta)^2)."""
    r = radii(dynamics.simultaneous(field("saturating"), h), starts(), 200)
    # Far out psi theta can be so negative that a step rounds to nothing.
    assert np.all(np.diff(r) >= -1e-12 * r[:, :-1]) and np.all(r[:, 1] > r[:, 0])


def test_the_saturating_game_keeps_its_radius_in_continuous_time():
    r = radii(runge_kutta(field("saturating"), 0.02), starts(), 2000)
    np.testing.assert_allclose(r, r[:, :1] * np.ones(2001), rtol=1e-7)


@pytest.mark.parametrize("h", [0.01, 0.3, 1.0, 3.0])
def test_the_wasserstein_game_leaves_by_the_same_factor_each_step(h):
    r = radii(dynamics.simultaneous(field("wasserstein"), h), starts(), 20)
    np.testing.assert_allclose(r[:, 1:] / r[:, :-1], math.sqrt(1 + h**2), rtol=1e-12)


def test_the_nonsaturating_game_arrives_slowly_in_continuous_time():
    """d(r^2)/dt = -r^4 / 8 averaged over a turn, so 1 / r^2 = 1 / r_0^2 + t / 8 and r^2 t -> 8."""
    h, steps = 0.2, 50_000
    r = radii(runge_kutta(field(), h), starts(low=0.5), steps)
    # What is missing at time t is about 64 / (r_0^2 t), 2.6 % for the nearest start.
    np.testing.assert_allclose(r[:, -1] ** 2 * h * steps, 8, rtol=0.03)
    assert np.all(np.diff(r[:, [steps // 100, steps // 10, steps]]) < 0)


@pytest.mark.parametrize("h", [0.05, 0.1, 0.2])
def test_the_nonsaturating_game_settles_on_a_circle_with_simultaneous_steps(h):
    """The steps add h r^2 / 4 a unit of time and the curvature takes r^4 / 8: they balance at r^2 = 2 h."""
    # Near the circle the distance to it shrinks as exp(-h t / 4) = exp(-h^2 n / 4).
    r = radii(dynamics.simultaneous(field(), h), starts(), int(60 / h**2))
    turn = r[:, -int(4 * math.pi / h) :]  # r breathes within a turn by a share of order r^2 = 2 h
    np.testing.assert_allclose(turn.mean(axis=1), math.sqrt(2 * h), rtol=0.02)


@pytest.mark.parametrize("h", [0.05, 0.3, 1.0])
def test_the_nonsaturating_game_arrives_with_alternating_steps(h):
    """As in continuous time, r^2 t -> 8: the steps add nothing."""
    steps = int(4000 / h)
    r = radii(dynamics.alternating(field(), h), starts(), steps)
    turn = r[:, -int(4 * math.pi / h) :]
    # Alternating steps circle on an ellipse whose axes differ by a factor of about 1 + h / 2.
    np.testing.assert_allclose((turn**2).mean(axis=1) * h * steps, 8, rtol=0.1 + h / 4)


@pytest.mark.parametrize("h", [0.03, 0.3])
@pytest.mark.parametrize(
    "remedy",
    [field(r1=0.5), field(r1=2.0), field("saturating", r1=1.0), field("wasserstein", r1=1.0), field(noise=1.0),
     dynamics.consensus(field(), 1.0)],
    ids=["r1 .5", "r1 2", "saturating r1", "wasserstein r1", "instance noise", "consensus"],
)  # fmt: skip
def test_each_remedy_arrives(remedy, h):
    r = radii(dynamics.simultaneous(remedy, h), starts(), int(120 / h))
    assert np.all(r[:, -1] < 1e-3 * r[:, 0])


@pytest.mark.parametrize("h", [0.01, 0.3, 1.0])
def test_gradient_descent_leaves_the_smallest_game(h):
    r = radii(dynamics.simultaneous(dynamics.vector_field(dynamics.bilinear()), h), starts(), 30)
    np.testing.assert_allclose(r[:, 1:] / r[:, :-1], math.sqrt(1 + h**2), rtol=1e-12)


@pytest.mark.parametrize("h", [0.05, 0.2, 0.5])
def test_optimistic_gradient_descent_solves_it(h):
    """On w' = w + 2 h v(w) - h v(w_before) the distance shrinks by a factor of about 1 - h^2 / 2 a step."""
    v, optimizer = dynamics.vector_field(dynamics.bilinear()), optax.optimistic_gradient_descent(h)

    def path(start):
        return dynamics.trajectory(dynamics.by_optimizer(v, optimizer), (start, optimizer.init(start)), 6000)[0]

    with jax.enable_x64(True):
        r = np.hypot(*jax.jit(jax.vmap(path))(jax.tree.map(jnp.asarray, starts())))
    assert np.all(r[:, -1] < 0.01 * r[:, 0])


def test_an_optimizer_of_plain_steps_is_the_simultaneous_update():
    v, optimizer, start = field(), optax.sgd(0.3), Point(jnp.float32(1.0), jnp.float32(-0.4))
    path, _ = dynamics.trajectory(dynamics.by_optimizer(v, optimizer), (start, optimizer.init(start)), 20)
    plain = dynamics.trajectory(dynamics.simultaneous(v, 0.3), start, 20)
    np.testing.assert_allclose(path, plain, rtol=1e-5)


def test_whole_numbers_are_points_too():
    update = dynamics.alternating(dynamics.consensus(field(), 1.0), 0.1)
    whole, floats = (dynamics.trajectory(update, start, 5) for start in (Point(1, -2), Point(1.0, -2.0)))
    np.testing.assert_array_equal(whole, floats)
    assert dynamics.eigenvalues(field(), Point(0, 0)) == pytest.approx(dynamics.eigenvalues(field(), ORIGIN))


def test_the_second_player_sees_the_firsts_new_parameters():
    """On f = x y with h = .1 from (1, 2): D first, y = 2 + .1 * 1, then x = 1 - .1 * 2.1."""
    v = dynamics.vector_field(dynamics.bilinear())
    np.testing.assert_allclose(dynamics.alternating(v, 0.1)(Point(1.0, 2.0)), (0.79, 2.1), rtol=1e-6)
    np.testing.assert_allclose(dynamics.simultaneous(v, 0.1)(Point(1.0, 2.0)), (0.8, 2.1), rtol=1e-6)


@given(theta=st.floats(-2, 2), psi=st.floats(-2, 2), loss=st.sampled_from([*LOSSES, "wasserstein"]), r1=st.floats(0, 2))
def test_the_field_is_minus_each_players_own_slope(theta, psi, loss, r1):
    """Against central differences: error h^2 + 1e-16 / h, near 1e-10."""
    game, h = dynamics.dirac_gan(loss, r1=r1, noise=0.5), 1e-5
    with jax.enable_x64(True):
        v = dynamics.vector_field(game)(Point(theta, psi))
        slope_g = float(game.loss_g(theta + h, psi) - game.loss_g(theta - h, psi)) / (2 * h)
        slope_d = float(game.loss_d(theta, psi + h) - game.loss_d(theta, psi - h)) / (2 * h)
    np.testing.assert_allclose(v, (-slope_g, -slope_d), atol=1e-8)


def test_eigenvalues_come_in_order():
    found = dynamics.eigenvalues(field(r1=1.5), ORIGIN)
    assert np.all(np.diff(found.real) < 0)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: dynamics.dirac_gan("hinge"), "loss is 'hinge'"),
        (lambda: dynamics.dirac_gan(r1=-1.0), "r1 is -1.0"),
        (lambda: dynamics.dirac_gan(noise=math.nan), "noise is nan"),
        (lambda: dynamics.consensus(field(), -0.1), "gamma is -0.1"),
        (lambda: dynamics.simultaneous(field(), 0.0), "h is 0.0"),
        (lambda: dynamics.alternating(field(), -1.0), "h is -1.0"),
        (lambda: dynamics.alternating(field(), 0.1, n_d=0), "n_d is 0"),
        (lambda: dynamics.alternating(field(), 0.1, n_g=0), "n_g is 0"),
        (lambda: dynamics.trajectory(lambda w: w, ORIGIN, 0), "steps is 0"),
        (lambda: dynamics.jacobian(field(), Point(math.nan, 0.0)), "the Jacobian holds nan"),
    ],
)
def test_bad_input_is_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
