"""cyclegan: its losses, the pool, one step, the plane's exact case, and the command. Its digits: test_unpaired.py."""

import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import cyclegan as command
from experiments.neighbours import unpaired
from experiments.neighbours.plane import GAUSSIAN, THREE_GAUSSIANS
from experiments.neighbours.pool import POOL, Pool, empty_pool, pool_query
from experiments.neighbours.translation import Game, State, Weights, adam, start
from gan_from_scratch import networks
from gan_from_scratch.neighbours import translators

seeds = st.integers(0, 2**31 - 1)
angles = st.floats(-3.1, 3.1)
PLANE = Game(translators.LinearMap(), networks.Discriminator((5,)), optax.sgd(0.1), optax.sgd(0.2), rise=10)
TRUTH = {name: np.array(m, float) for name, m in (("identity", np.eye(2)), ("reflection", [[1, 0], [0, -1]]))}


def orthogonal(angle: float, reflects: bool) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]]) @ (TRUTH["reflection"] if reflects else TRUTH["identity"])


def plane_case(seed: int) -> tuple[State, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = (jnp.asarray(rng.normal(size=(7, 2)), jnp.float32) for _ in range(2))
    return start(PLANE, jax.random.key(seed), x), x, y


def logits(player, x: np.ndarray) -> np.ndarray:
    """D's outputs by NumPy: one hidden layer, LeakyReLU with slope .2."""
    first, last = (jax.tree.map(lambda a: np.asarray(a, np.float64), player.params[f"layer_{i}"]) for i in range(2))
    h = x @ first["kernel"] + first["bias"]
    return (np.where(h > 0, h, 0.2 * h) @ last["kernel"] + last["bias"])[:, 0]


def value_by_numpy(state: State, weights: Weights, m_g: np.ndarray, m_f: np.ndarray, x, y) -> float:
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    g, f = (lambda a: a @ m_g.T), (lambda a: a @ m_f.T)
    gan = np.mean((logits(state.d_y, g(x)) - 1) ** 2) + np.mean((logits(state.d_x, f(y)) - 1) ** 2)
    cycle = np.abs(f(g(x)) - x).mean() + np.abs(g(f(y)) - y).mean()
    identity = np.abs(g(y) - y).mean() + np.abs(f(x) - x).mean()
    return weights.gan * gan + weights.cycle * cycle + weights.identity * identity


def slopes(weights: Weights, state: State, x, y):
    params = (player.params for player in (state.g, state.f, state.d_x, state.d_y))
    objective = partial(command.translators_objective, PLANE, weights)
    (value, fakes), slope = jax.value_and_grad(objective, argnums=(0, 1), has_aux=True)(*params, x, y)
    return float(value), fakes, [np.asarray(each["matrix"], np.float64) for each in slope]


# 1. Losses


@pytest.mark.parametrize("weights", [Weights(1, 10, 5), Weights(1, 0, 0), Weights(0, 10, 0), Weights(0, 0, 5)])
@given(seeds)
def test_the_objective_and_its_slopes_are_eq_3(weights, seed):
    """Value by NumPy; slopes by its finite differences, away from the kinks of |.| and LeakyReLU."""
    state, x, y = plane_case(seed)
    value, (fake_x, fake_y), found = slopes(weights, state, x, y)
    m = [np.asarray(player.params["matrix"], np.float64) for player in (state.g, state.f)]
    of = partial(value_by_numpy, state, weights, x=x, y=y)
    assert value == pytest.approx(of(*m), rel=1e-4, abs=1e-5)
    np.testing.assert_allclose(fake_y, np.asarray(x) @ m[0].T, atol=1e-5)
    np.testing.assert_allclose(fake_x, np.asarray(y) @ m[1].T, atol=1e-5)
    direction = np.random.default_rng(seed).normal(size=(2, 2, 2))
    expected = sum(np.vdot(slope, each) for slope, each in zip(found, direction, strict=True))
    ratios = []
    for h in (1e-6, -1e-6):
        ratios.append((of(*(a + h * b for a, b in zip(m, direction, strict=True))) - of(*m)) / h)
    if abs(ratios[0] - ratios[1]) < 1e-3 * (1 + abs(expected)):  # no kink in between
        assert expected == pytest.approx(ratios[0], rel=2e-3, abs=2e-3)


def test_each_translator_gets_both_terms_of_the_cycle():
    """With either term alone the slope in G is another one; the whole is their sum. So for F."""
    state, x, y = plane_case(3)
    _, _, whole = slopes(Weights(0, 1, 0), state, x, y)
    one = jnp.zeros_like(x[:1])  # a domain of zeros has cycle loss 0 and slope 0
    parts = [slopes(Weights(0, 1, 0), state, *pair)[2] for pair in ((x, one), (one, y))]
    for both, first, second in zip(whole, *parts, strict=True):
        assert np.abs(first).max() > 1e-2 and np.abs(second).max() > 1e-2
        np.testing.assert_allclose(both, first + second, atol=1e-5)


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=5))
def test_ds_loss_is_halved(values):
    """By a D that returns the first coordinate; where it cannot tell, at 1/2, its loss is 1/4."""

    class FirstCoordinate:
        def apply(self, variables, x, train):
            return x[:, 0]

    game = PLANE._replace(discriminator=FirstCoordinate())
    real, fake = np.array(values)[:, None], np.array(values)[::-1, None] + 0.5
    found = command.discriminator_loss(game, None, jnp.asarray(real), jnp.asarray(fake))
    assert float(found) == pytest.approx((np.mean((real - 1) ** 2) + np.mean(fake**2)) / 2, rel=1e-5)
    half = jnp.full((3, 1), 0.5)
    assert float(command.discriminator_loss(game, None, half, half)) == 0.25
    assert float(command.adversarial_loss(game, None, half)) == 0.25


# 2. Pool and step


@given(seeds, st.integers(0, 6), st.integers(1, 9))
def test_the_pool_loses_and_doubles_nothing(seed, before, new):
    """Shown and kept afterwards are, together, what was kept before and what is new."""
    size = 6
    pool = Pool(jnp.zeros((size, 1)).at[:before, 0].set(1 + jnp.arange(before)), jnp.int32(before))
    fresh = 100 + jnp.arange(new, dtype=jnp.float32)[:, None]
    after, shown = pool_query(jax.random.key(seed), pool, fresh)
    assert int(after.count) == min(size, before + new)
    of = lambda *arrays: sorted(np.concatenate([np.ravel(each) for each in arrays]).tolist())  # noqa: E731
    filled = min(new, size - before)  # those are kept and shown
    assert of(after.samples[: int(after.count)], shown) == of(pool.samples[:before], fresh, fresh[:filled])
    np.testing.assert_array_equal(shown[:filled], fresh[:filled])


def test_a_full_pool_of_50_shows_half_of_the_time_what_is_old():
    """400 queries: the share of old ones is 1/2 within 5 standard deviations, and every place is drawn."""
    pool, shown = pool_query(jax.random.key(0), empty_pool(jnp.zeros(1)), jnp.ones((POOL, 1)))
    assert POOL == 50 and int(pool.count) == 50 and bool(jnp.all(shown == 1))
    after, shown = pool_query(jax.random.key(1), pool, jnp.full((400, 1), 2.0) + jnp.arange(400.0)[:, None])
    position = np.arange(400)
    old = shown[:, 0] != 2.0 + position
    assert abs(float(old.mean()) - 0.5) < 5 * 0.5 / 20
    assert int((after.samples[:, 0] == 1).sum()) <= 5  # each place escapes 200 draws with probability e^-4


def test_a_step_moves_each_player_down_its_own_slope_and_d_learns_from_the_pool():
    state, x, y = plane_case(5)
    old_x, old_y = (Pool(jnp.full((POOL, 2), value), jnp.int32(POOL)) for value in (8.0, 9.0))
    state = state._replace(pool_x=old_x, pool_y=old_y, step=jnp.int32(4))
    weights, key = Weights(1.0, 10.0, 2.0), jax.random.key(6)
    after, value = command.step(PLANE, weights, state, x, y, key)
    risen = weights._replace(cycle=4.0)  # 4 of 10 steps
    expected, (fake_x, fake_y), found = slopes(risen, state, x, y)
    assert float(value) == pytest.approx(expected, rel=1e-5)
    for player, moved, slope in zip((state.g, state.f), (after.g, after.f), found, strict=True):
        np.testing.assert_allclose(moved.params["matrix"], player.params["matrix"] - 0.1 * slope, atol=1e-5)
    for d, after_d, real, fake, of_step, pool in (
        (state.d_x, after.d_x, x, fake_x, 0, old_x), (state.d_y, after.d_y, y, fake_y, 1, old_y),
    ):  # fmt: skip
        _, shown = pool_query(jax.random.split(key)[of_step], pool, fake)
        assert 0 < int((shown == pool.samples[0]).all(axis=1).sum()) < len(x)
        slope = jax.grad(partial(command.discriminator_loss, PLANE))(d.params, real, shown)
        moved = jax.tree.map(lambda a, b: a - 0.2 * b, d.params, slope)
        jax.tree.map(partial(np.testing.assert_allclose, atol=1e-5), after_d.params, moved)
    assert int(after.step) == 5 and not np.array_equal(after.pool_x.samples, old_x.samples)


def test_rates_are_constant_and_then_fall_to_0():
    """Adam moves a parameter with slope 1 by its rate in every step."""
    optimizer, params = adam(0.1, 10), jnp.zeros(())
    state, moves = optimizer.init(params), []
    for _ in range(11):
        update, state = optimizer.update(jnp.ones(()), state, params)
        moves.append(-float(update))
    np.testing.assert_allclose(moves, 0.1 * np.clip(2 - np.arange(11) / 5, 0, 1), atol=1e-6)


# 3. The plane


@given(angles, st.booleans(), seeds)
def test_no_orthogonal_map_is_told_from_another_by_the_cycle_loss(angle, reflects, seed):
    """It is 0 for every Q with F = Q^T, and not for another F."""
    state, x, y = plane_case(seed)
    q = jnp.asarray(orthogonal(angle, reflects), jnp.float32)

    def cycle(f):
        params = ({"matrix": q}, {"matrix": f}, state.d_x.params, state.d_y.params)
        return float(command.translators_objective(PLANE, Weights(0, 1, 0), *params, x, y)[0])

    assert cycle(q.T) < 1e-5
    assert cycle(-q.T) > 0.1


@given(angles, st.booleans(), seeds)
def test_the_error_of_an_orthogonal_map_is_the_formula(angle, reflects, seed):
    """4 (1 - cos theta), or 4, of N(0, I); of the mixture by its second moment."""
    q = orthogonal(angle, reflects)
    expected = 4.0 if reflects else 4 * (1 - np.cos(angle))
    assert command.predicted_error(q, GAUSSIAN.second_moment) == pytest.approx(expected, abs=1e-9)
    x = np.asarray(THREE_GAUSSIANS.sample(jax.random.key(seed), 20_000), np.float64)
    squares = np.sum((x @ q.T - x) ** 2, axis=1)
    error = 6 * squares.std() / len(x) ** 0.5 + 1e-6  # six standard deviations of the mean; float32's draws
    assert command.predicted_error(q, THREE_GAUSSIANS.second_moment) == pytest.approx(squares.mean(), abs=error)


@given(angles, st.booleans(), seeds)
def test_the_fitted_map_is_the_nearest_one(angle, reflects, seed):
    q, rng = orthogonal(angle, reflects), np.random.default_rng(seed)
    root = rng.normal(size=(2, 2))
    stretch = root @ root.T + 0.1 * np.eye(2)
    np.testing.assert_allclose(command.nearest_orthogonal(q @ stretch), q, atol=1e-7)
    m = rng.normal(size=(2, 2))
    least = np.linalg.norm(command.nearest_orthogonal(m) - m)
    others = [orthogonal(a, b) for a in np.linspace(-np.pi, np.pi, 200) for b in (False, True)]
    assert min(np.linalg.norm(other - m) for other in others) >= least - 1e-9


@pytest.mark.parametrize("reflects", [False, True])
def test_the_mixture_has_no_symmetry(reflects):
    """Its moments along the axes change under every orthogonal map, degree by degree, but those next to I."""
    x = np.asarray(THREE_GAUSSIANS.sample(jax.random.key(0), 4_000), np.float64)
    moments = lambda x: np.array([*x.mean(0), *(x**3).mean(0), *(x**2).mean(0)])  # noqa: E731
    for degrees in range(-180, 180):
        q = orthogonal(np.radians(degrees), reflects)
        assert np.abs(moments(x @ q.T) - moments(x)).max() > 0.05 or (not reflects and abs(degrees) < 17), degrees


def test_the_largest_share_by_which_measured_errors_leave_the_formula():
    starts = [{"measured": m, "predicted": p} for m, p in ((4.0, 4.0), (1.9, 2.0), (4.4, 4.0), (0.09, 0.001))]
    assert command.off_the_formula(starts) == pytest.approx(0.1)
    assert command.off_the_formula(starts[-1:]) == 0


def test_what_the_plane_reports():
    keys = jax.random.key(0)
    told = []
    few = GAUSSIAN._replace(sample=lambda key, n: jax.random.normal(key, (500, 2)))
    found = command.in_the_plane(PLANE, Weights(1.0, 10.0, 0.0), few, 3, keys, told.append)
    assert len(found) == command.STARTS and sum(told) == 3
    assert len({of["value"] for of in found}) == len(found)
    for of in found:
        m = np.array(of["matrix"])
        exact = np.sum((m - np.eye(2)) ** 2)
        assert of["measured"] == pytest.approx(exact, rel=0.5)  # 500 draws of a square
        assert of["reflects"] == (np.linalg.det(m) < 0)
        if not of["reflects"]:
            assert of["predicted"] == pytest.approx(4 * (1 - np.cos(np.radians(of["theta"]))), abs=1e-6)


# 4. The command


def test_command(cache, tmp_path, capsys):
    settings = {"synthetic": 200, "seeds": 1, "steps": 2, "race": 1, "plane_steps": 3, "batch": 4}
    command.main(command.Config(out=tmp_path, cache=cache, **settings))
    found = json.loads((tmp_path / "result.json").read_text())["numbers"]
    assert {*found["plane"]} == {*command.PLANE} and {*found["digits"]} == {*unpaired.TASKS}
    for kinds in found["digits"].values():
        assert len(kinds) == 4
        for of_seeds in kinds.values():
            assert all(len(of["values_of_starts"]) == command.STARTS and of["paired"] > 0 for of in of_seeds)
    for picture in ("plane.png", "digits.png"):
        assert (tmp_path / picture).stat().st_size > 0
    said = capsys.readouterr().out
    assert "reflection" in said and "rotation, both with identity" in said


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"cycle": 0.0}, "cycle is 0"), ({"identity": float("nan")}, "identity is nan"), ({"seed": -1}, "seed is -1"),
     ({"seeds": 0}, "seeds is 0"), ({"steps": 100, "race": 101}, "race is 101, but must be at most 100"),
     ({"synthetic": 40}, "batch is 32, but must be at most 20"), ({"synthetic": 0}, "synthetic is 0"),
     ({"plane_steps": 0}, "plane_steps is 0")],
)  # fmt: skip
def test_bad_input_ends_before_a_folder_is_made(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        command.main(command.Config(out=tmp_path / "out", **settings))
    assert not (tmp_path / "out").exists()
