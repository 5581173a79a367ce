"""cyclegan's digits: poses, domains, what a translation is scored by; and how both translators learn."""

from collections import namedtuple
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import cyclegan as command
from experiments.neighbours import races, unpaired
from experiments.neighbours.translation import start
from gan_from_scratch.neighbours import translators

seeds = st.integers(0, 2**31 - 1)


@pytest.mark.parametrize("shape", [(8, 8, 1), (7, 7, 3), (6, 6, 2)])
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_pose_turns_images_of_any_number_of_channels(shape, quarters):
    x = jax.random.normal(jax.random.key(0), (3, *shape))
    pose = translators.POSE_GAIN * translators.rotation(quarters * jnp.pi / 2)
    # A turned place is off by float32's 1e-7 of the size.
    np.testing.assert_allclose(translators.moved(x, pose), np.rot90(x, -quarters, (1, 2)), atol=1e-4)


@given(seeds)
def test_a_pose_interpolates_between_pixels(seed):
    rng = np.random.default_rng(seed)
    x, pose = rng.normal(size=(1, 5, 4, 2)), rng.normal(size=(2, 3)) * 0.7
    expected = np.zeros_like(x)
    for i, j in np.ndindex(5, 4):
        place = pose @ [2 * i / 4 - 1, 2 * j / 3 - 1, 1]
        row, column = (np.clip(p, -1, 1) + 1 for p in place)
        row, column = row * 4 / 2, column * 3 / 2
        top, left = min(int(row), 3), min(int(column), 2)
        a, b = row - top, column - left
        corners = x[0, top : top + 2, left : left + 2]
        expected[0, i, j] = (1 - a) * ((1 - b) * corners[0, 0] + b * corners[0, 1]) + a * (
            (1 - b) * corners[1, 0] + b * corners[1, 1]
        )
    found = translators.moved(jnp.asarray(x, jnp.float32), jnp.asarray(pose, jnp.float32))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_translator_starts_as_its_pose_and_fits_any_channels(channels):
    module, x = translators.Translator(width=2), jax.random.normal(jax.random.key(1), (2, 8, 8, channels))
    params = module.init(jax.random.key(0), x)["params"]
    np.testing.assert_allclose(module.apply({"params": params}, x), x, atol=1e-5)
    turned = params | {"pose": translators.rotation(jnp.pi / 2)}
    np.testing.assert_allclose(module.apply({"params": turned}, x), np.rot90(x, -1, (1, 2)), atol=1e-4)
    painted = jax.tree.map(lambda a: a + 0.1, params)
    assert module.apply({"params": painted}, x).shape == x.shape


@pytest.mark.parametrize("name", unpaired.TASKS)
def test_domains_are_unpaired_and_a_task_can_be_undone(name):
    rng, task = np.random.default_rng(0), unpaired.TASKS[name]
    images = rng.integers(0, 256, (10, 6, 6, 1), dtype=np.uint8)
    x, y = unpaired.domains(images, task)
    undone = task.back(y)
    np.testing.assert_array_equal(np.concatenate([x, undone]), images)
    assert not {each.tobytes() for each in x} & {each.tobytes() for each in undone}
    turned = np.array([[images[5, j, 5 - i] for j in range(6)] for i in range(6)])
    expected = turned if name == "rotation" else 255 - images[5]
    np.testing.assert_array_equal(y[0], expected)


def brightness_judge(images: np.ndarray) -> tuple[np.ndarray, None]:
    """The label is the brightest of the first ten pixels."""
    return images.reshape(len(images), -1)[:, :10].astype(float), None


def labelled_images(n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    images, labels = rng.integers(0, 200, (n, 5, 5, 1), dtype=np.uint8), np.arange(n) % 10
    images.reshape(n, -1)[np.arange(n), labels] = 255
    return images, labels


@pytest.mark.parametrize("name", unpaired.TASKS)
def test_scores_of_the_truth_of_doing_nothing_and_of_chance(name):
    test, task = labelled_images(), unpaired.TASKS[name]
    turn = lambda x, quarters: jnp.rot90(x, quarters, (1, 2))  # noqa: E731
    g, f = (partial(turn, quarters=1), partial(turn, quarters=-1)) if name == "rotation" else (lambda x: -x,) * 2
    true = unpaired.scored(g, f, task, test, brightness_judge, jax.random.key(0))
    assert true["paired"] < 1e-10 and true["cycle"] < 1e-10 and true["agreement"] == 1
    assert true["cycle_noisy"] == pytest.approx(unpaired.NOISE**2, rel=0.2)  # 1,000 draws of a square
    idle = unpaired.scored(lambda x: x, lambda x: x, task, test, brightness_judge, jax.random.key(0))
    assert idle["paired"] > 0.1 and idle["cycle"] == 0 and idle["agreement"] < 0.6
    found = unpaired.chance(task, test, brightness_judge)
    x = test[0] / 127.5 - 1
    assert found["paired"] == pytest.approx(np.mean((x - np.roll(x, 1, axis=0)) ** 2), rel=1e-5)
    assert found["judge"] == 1 and found["agreement"] == 0
    turned = np.ascontiguousarray(test[0][:, ::-1, ::-1])
    assert found["judge_upside_down"] == np.mean(brightness_judge(turned)[0].argmax(axis=1) == test[1]) < 1


def test_noise_uncovers_a_hidden_code():
    """G shows D always the same picture, and hides x in it a thousand times fainter: the round trip is perfect."""
    g, f = (lambda x: 0.3 + x / 1000), (lambda y: 1000 * (y - 0.3))
    found = unpaired.scored(g, f, unpaired.TASKS["rotation"], labelled_images(), brightness_judge, jax.random.key(0))
    assert found["cycle"] < 1e-4 < 1 < found["cycle_noisy"]


def test_starts_are_spread_and_f_turns_back():
    game = command.game_of(translators.Translator(2), translators.WholeImageDiscriminator((3,)), (1e-3, 1e-3), 4)
    states = [start(game, jax.random.key(i), jnp.zeros((1, 8, 8, 1))) for i in range(4)]
    turned = unpaired.at_angles(states, jax.random.key(9))
    found = []
    for state in turned:
        g, f = (translators.POSE_GAIN * np.asarray(player.params["pose"])[:, :2] for player in (state.g, state.f))
        np.testing.assert_allclose(g @ f, np.eye(2), atol=1e-5)
        found.append(np.degrees(np.arctan2(g[1, 0], g[0, 0])))
    np.testing.assert_allclose(np.diff(found) % 360, 90, atol=1e-3)


# 5. How both learn


Noted = namedtuple("Noted", "step seen")


def noting(game, weights, state, x, y, key):
    """A step that only notes what it saw: the first of its batches, and a draw of its key."""
    seen = jnp.stack([x[0, 0], y[0, 0], jax.random.uniform(key)])
    return state._replace(step=state.step + 1, seen=state.seen.at[state.step].set(seen)), seen.sum()


def test_each_step_sees_another_batch_of_each_domain_and_a_run_in_parts_sees_the_same():
    """Nothing is frozen: x, y and the step's own draws differ between steps, and x's places from y's."""
    begin = Noted(jnp.zeros((), jnp.int32), jnp.zeros((30, 3)))
    samples = jnp.arange(10_000.0)[:, None]
    follow = partial(races.followed, noting, None, 4, None, x=samples, y=samples)
    whole, values = follow(state=begin, key=jax.random.key(0), steps=30)
    assert values.shape == (30,)
    assert all(len({*column.tolist()}) >= 29 for column in whole.seen.T)  # two of 30 in 10,000 may meet
    assert np.mean(whole.seen[:, 0] == whole.seen[:, 1]) < 0.1
    half, _ = follow(state=begin, key=jax.random.key(0), steps=10)
    rest, _ = follow(state=half, key=jax.random.key(0), steps=20)
    np.testing.assert_array_equal(rest.seen, whole.seen)


def test_bytes_are_brought_to_the_range_of_the_networks():
    see = lambda game, weights, state, x, y, key: (state, x.max() - x.min())  # noqa: E731
    state = Noted(jnp.zeros((), jnp.int32), jnp.zeros(()))
    samples = jnp.asarray(np.array([[0], [255]], np.uint8))
    _, spans = races.followed(see, None, 50, None, state, samples, samples, jax.random.key(0), 2)
    np.testing.assert_allclose(spans, 2)


def test_of_several_starts_the_one_with_the_lowest_value_goes_on():
    told, keys = [], set()

    def follow(state, key, steps):
        keys.add(tuple(jax.random.key_data(key).tolist()))
        return state + steps, jnp.full(steps, abs(state % 100 - 50.0))

    best, values = races.raced(follow, [10, 45, 90], jax.random.key(0), 4, 100, told.append)
    assert best == 45 + 100 and values[1] == min(values) and sum(told) == 3 * 4 + 96
    assert len(keys) == 3


def test_learning_that_goes_non_finite_says_so():
    with pytest.raises(FloatingPointError, match="non-finite by step 3"):
        races.in_chunks(lambda state, key, steps: (state, jnp.full(steps, jnp.nan)), 0, None, 3, lambda n: None)


def test_an_odd_side_is_refused():
    module = translators.Translator(2)
    with pytest.raises(ValueError, match="must be a multiple of the stride"):
        module.init(jax.random.key(0), jnp.zeros((1, 7, 7, 1)))
