"""The runs of advice: what each has another than the baseline, and what pairs of them say."""

from dataclasses import asdict, replace
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree
from scipy import stats

from experiments.tricks import runs, seats, verdicts
from experiments.tricks.sentences import BASELINE, FROGS, RUNS, SENTENCES, runs_for
from experiments.tricks.variations import Variation, build
from gan_from_scratch import losses, remedies, train
from gan_from_scratch.images import variants

SHAPE = (8, 8, 1)
frechets = st.lists(st.floats(1e-3, 1e3), min_size=5, max_size=5)


@cache
def gan_of(name: str) -> train.GAN:
    return build(RUNS[name], SHAPE, 2, 4, 10)


def of_frechets(*values: float) -> list[dict]:
    return [{"frechet": value, "variety": 1.0} for value in values]


def seen(logits_real, logits_fake) -> train.Seen:
    return train.Seen(None, None, logits_real, logits_fake, None, {})


def test_every_run_is_one_change_of_the_baseline():
    """Or of the same thing in both players, or at both ends."""
    both = {"dropout-both-5", "no-norm", "smoothing-both"}
    for name, variation in RUNS.items():
        changed = {key for key, value in asdict(variation).items() if value != asdict(Variation())[key]}
        assert len(changed) == (0 if name == BASELINE else 2 if name in both else 1), name
    assert len({*RUNS.values()}) == len(RUNS)
    assert {*runs_for(tuple(SENTENCES))} == {*RUNS}


def test_a_pair_differs_in_one_thing():
    both = {"dropout-both", "norm"}
    for name, sentence in SENTENCES.items():
        with_it, without = (asdict(RUNS[run]) for run in (sentence.advised, sentence.otherwise))
        changed = [key for key in with_it if with_it[key] != without[key]]
        assert len(changed) == (2 if name in both else 1), name


def test_enough_sentences():
    assert len(SENTENCES) >= 20 and len(FROGS) >= 10 and {*FROGS} <= SENTENCES.keys()


@pytest.mark.parametrize("name", RUNS)
def test_the_parts_of_each_run_fit(name):
    """Traced, not compiled: train.init does so with both objectives."""
    gan = gan_of(name)
    draw = lambda key, n: jax.random.uniform(key, (n, *SHAPE))  # noqa: E731
    state = jax.eval_shape(lambda key: train.init(gan, key), jax.random.key(0))
    after, _ = jax.eval_shape(lambda state, key: train.train_step(gan, state, draw, key), state, jax.random.key(0))
    assert jax.tree.structure(after) == jax.tree.structure(state)


def test_what_the_switches_put_into_the_gan():
    of = {name: gan_of(name) for name in RUNS}
    assert of["sigmoid"].generator.end == "sigmoid" and of[BASELINE].generator.end == "tanh"
    assert of["relu-d"].discriminator.activation == "relu" and of["leaky-relu-g"].generator.activation == "leaky_relu"
    assert of["max-pooling"].discriminator.down == "max" and of["mean-pooling"].discriminator.down == "mean"
    assert of["upsampling"].generator.up == "repeated"
    assert not of["no-norm-d"].discriminator.norm and of["no-norm-d"].generator.norm
    assert not of["no-norm-g"].generator.norm and of["no-norm-g"].discriminator.norm
    assert (of["dropout-d-2"].discriminator.dropout, of["dropout-d-4"].discriminator.dropout) == (0.2, 0.4)
    assert of["dropout-both-5"].generator.dropout == of["dropout-both-5"].discriminator.dropout == 0.5
    assert of["saturating"].loss_g is losses.generator_loss_saturating and of["k-2"].k == 2
    assert of["kernel-5"].generator.kernel == of["kernel-5"].discriminator.kernel == 5
    z = of["uniform-noise"].sample_noise(jax.random.key(0), 1000)
    assert -1 <= z.min() < -0.9 and 0.9 < z.max() <= 1 and of[BASELINE].sample_noise(jax.random.key(0), 1000).max() > 2


@pytest.mark.parametrize("name", ["instance-noise", "dropout-both-5", "max-pooling", "no-norm", "k-2", "sigmoid"])
def test_what_two_runs_share_starts_alike(name):
    states = [runs.start(build(RUNS[run], SHAPE, 2, 4, 10), jax.random.key(5)) for run in (BASELINE, name)]
    of_g, of_d = ([dict(jax.tree.leaves_with_path(getattr(s, player).params)) for s in states] for player in ("g", "d"))
    shared = 0
    for base, other in (of_g, of_d):
        for path in base.keys() & other.keys():
            if base[path].shape == other[path].shape:
                np.testing.assert_array_equal(base[path], other[path])
                shared += 1
    assert shared >= 6


def test_seats_and_penalties():
    """Of every run: what stands in D's turn, in G's, and beside D's loss. The others have nothing there."""
    expected = {
        "label-noise": [remedies.NoisyTargets(0.0, 0.05)],
        "smoothing": [remedies.NoisyTargets(0.1, 0.0)],
        "smoothing-both": [remedies.NoisyTargets(0.1, 0.0), seats.SmoothedFakes(0.1)],
        "flipped-labels": [seats.FlippedLabels(0.05)],
        "mixed-batches": [seats.mixed_step_d, seats.mixed_step_g],
        "slowed-d": [seats.Slowed(1.0)],
        "skipped-d": [remedies.Skipping(1.0)],
    }
    for name in RUNS:
        gan = gan_of(name)
        found = [*gan.penalties, *(step for step in (gan.step_d, gan.step_g) if step is not None)]
        assert found == expected.get(name, []), name


def test_optimizers():
    """Adam's momentum, RMSprop, clipping and the average can be told from their steps down given slopes."""
    params = {"w": jnp.ones(())}

    def moved(name: str, slopes: tuple[float, ...]) -> list[float]:
        optimizer = gan_of(name).optimizer_g
        state, updates = optimizer.init(params), []
        for slope in slopes:
            update, state = optimizer.update({"w": jnp.array(slope)}, state, params)
            updates.append(float(update["w"]))
        return updates

    def adam(b1: float, slopes: tuple[float, ...]) -> float:
        """Its last step, from the formula (Kingma & Ba 2015, Algorithm 1)."""
        m = v = 0.0
        for slope in slopes:
            m, v = b1 * m + (1 - b1) * slope, 0.999 * v + 0.001 * slope**2
        t = len(slopes)
        return -2e-4 * (m / (1 - b1**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)

    slopes = (10.0, -3.0)
    for name, b1 in ((BASELINE, 0.5), ("momentum-9", 0.9)):
        assert moved(name, slopes)[-1] == pytest.approx(adam(b1, slopes), rel=1e-4)
    assert moved("clipping", slopes)[-1] == pytest.approx(adam(0.5, (1.0, -1.0)), rel=1e-4)
    assert moved("rmsprop", (10.0,))[0] == pytest.approx(-2e-4 / 0.1**0.5, rel=1e-3)  # v = .1 slope^2 at first
    average = build(RUNS["average"], SHAPE, 2, 4, 10).optimizer_g.init(params)
    assert any(isinstance(part, remedies.AverageState) for part in average)


def test_weights_and_noise():
    glorot, noisy = (gan_of(name) for name in ("glorot", "instance-noise"))
    assert glorot.generator.init_weights is glorot.discriminator.init_weights is variants.GLOROT
    assert (noisy.discriminator.std, noisy.discriminator.steps) == (0.1, 10)


@pytest.mark.parametrize("k", [1, 2])
def test_fading_noise_counts_two_batches_for_each_step_of_d(k):
    gan = build(Variation(instance_noise=0.1, k=k), SHAPE, 2, 4, 10)
    state = train.init(gan, jax.random.key(0))
    draw = lambda key, n: jax.random.uniform(key, (n, *SHAPE))  # noqa: E731
    after, _ = train.train(gan, state, draw, jax.random.key(1), 3)
    assert after.d.stats["instance_noise"]["batches"] == 3 * 2 * k and gan.discriminator.steps == 10 * k


class Spy(NamedTuple):
    """In D's place: its logits are the mean pixel of what it is shown."""

    def init(self, keys, x, train):
        return {"params": {"w": jnp.zeros(())}}

    def apply(self, variables, x, train, rngs=None, mutable=()):
        a = x.mean(axis=(1, 2, 3)) + variables["params"]["w"]
        return (a, {}) if rngs is not None else a


@pytest.mark.parametrize(("in_unit", "grey"), [(False, 0.6), (True, 0.8)])
def test_with_a_sigmoid_d_sees_data_in_the_unit_interval(in_unit, grey):
    """Bytes of 204 are .6 on [-1, 1] and .8 on [0, 1]: D's first verdict on the data says which it was shown."""
    end = "sigmoid" if in_unit else "tanh"
    gan = replace(build(Variation(end=end), SHAPE, 2, 4, 10), discriminator=Spy())
    state = runs.start(gan, jax.random.key(0))
    images = jnp.full((5, *SHAPE), 204, jnp.uint8)
    _, measured = runs.advance(gan, in_unit, state, images, jax.random.key(1), 1)
    assert float(measured["d_real"][0]) == pytest.approx(float(jax.nn.sigmoid(grey)), abs=1e-4)


def test_images_of_a_sigmoid_are_scaled_back():
    """A fresh G's pixels are middle grey: 0 of tanh, 1/2 of a sigmoid, and both are 127 or 128 as bytes."""
    for name, in_unit in ((BASELINE, False), ("sigmoid", True)):
        gan = gan_of(name)
        state = runs.start(gan, jax.random.key(0))
        made = runs.draw(gan, in_unit, state, gan.sample_noise(jax.random.key(1), 8), jax.random.key(2))
        assert made.dtype == np.uint8 and abs(int(np.median(made)) - 127.5) < 3


@pytest.mark.parametrize(("name", "expected"), [(BASELINE, 2e-4), ("d-twice-as-fast", 4e-4)])
def test_rate_of_d(name, expected):
    gan = gan_of(name)
    params = train.init(gan, jax.random.key(0)).d.params
    updates, _ = gan.optimizer_d.update(jax.tree.map(jnp.ones_like, params), gan.optimizer_d.init(params))
    np.testing.assert_allclose(ravel_pytree(updates)[0], -expected, rtol=1e-5)  # Adam's first step is its rate


@given(st.floats(0, 0.5), st.integers(0, 2**31 - 1))
def test_smoothed_fakes_are_a_cross_entropy_with_that_target(target, seed):
    real, fake = jax.random.normal(jax.random.key(seed), (2, 16))
    loss = losses.discriminator_loss(real, fake) + seats.SmoothedFakes(target)(seen(real, fake), jax.random.key(0))
    d = lambda a: jax.nn.log_sigmoid(a)  # noqa: E731
    expected = -jnp.mean(d(real)) - jnp.mean(target * d(fake) + (1 - target) * d(-fake))
    assert float(loss) == pytest.approx(float(expected), rel=1e-4, abs=1e-5)


def test_flipped_labels_are_cross_entropies_with_wrong_labels():
    n, probability = 20_000, 0.25
    real, fake = 2.0 * jnp.ones(n), -1.0 * jnp.ones(n)
    added = seats.FlippedLabels(probability)(seen(real, fake), jax.random.key(0))
    loss = float(losses.discriminator_loss(real, fake) + added)
    ce = lambda a: float(jax.nn.softplus(-a))  # of label 1  # noqa: E731
    expected = 0.75 * (ce(2.0) + ce(1.0)) + 0.25 * (ce(-2.0) + ce(-1.0))
    # A share of n draws has a deviation of sqrt(p (1 - p) / n); here it counts 2 + 1 nats at most. Five of them.
    assert loss == pytest.approx(expected, abs=5 * 3 * (probability * (1 - probability) / n) ** 0.5)
    assert seats.FlippedLabels(0.0)(seen(real, fake), jax.random.key(0)) == 0


@pytest.mark.parametrize(("bound", "share"), [(0.01, 1.0), (100.0, 0.1)])
def test_a_slowed_d_makes_a_tenth_of_its_step(bound, share):
    gan = build(Variation(), SHAPE, 2, 4, 10)
    state = train.init(gan, jax.random.key(0))
    x, z, key = jax.random.uniform(jax.random.key(1), (4, *SHAPE)), gan.sample_noise(jax.random.key(2), 4), KEY
    whole, _ = train.discriminator_step(gan, state, x, z, key)
    slowed, _ = seats.Slowed(bound)(gan, state, x, z, key)
    old, new, found = (ravel_pytree(s.d.params)[0] for s in (state, whole, slowed))
    np.testing.assert_allclose(found - old, share * (new - old), rtol=1e-3, atol=1e-8)
    jax.tree.map(np.testing.assert_array_equal, slowed.g, state.g)
    jax.tree.map(np.testing.assert_array_equal, slowed.d.opt_state, whole.d.opt_state)


KEY = jax.random.key(3)


@pytest.mark.parametrize("norm", [True, False])
def test_mixed_batches_matter_to_batch_norm_alone(norm):
    """Without BatchNorm an image's logit depends on it alone, so the steps are the same. The other player stays."""
    gan = build(Variation(norm_d=norm), (16, 16, 1), 2, 4, 10)
    state = train.init(gan, jax.random.key(0))
    x, z = jax.random.uniform(jax.random.key(1), (4, 16, 16, 1)), gan.sample_noise(jax.random.key(2), 4)
    for moves, stays, pair in (
        ("d", "g", (train.discriminator_step, seats.mixed_step_d)),
        ("g", "d", (train.generator_step, seats.mixed_step_g)),
    ):
        (separate, apart), (mixed, together) = (step(gan, state, x, z, KEY) for step in pair)
        same = float(apart[f"loss_{moves}"]) == pytest.approx(float(together[f"loss_{moves}"]), rel=1e-6)
        assert same == (not norm)
        if not norm:
            close = lambda a, b: np.testing.assert_allclose(a, b, atol=1e-7)  # noqa: E731
            jax.tree.map(close, getattr(separate, moves).params, getattr(mixed, moves).params)
        jax.tree.map(np.testing.assert_array_equal, getattr(mixed, stays), getattr(state, stays))


def test_verdicts():
    base = of_frechets(1.0, 1.1, 0.9, 1.05, 0.95)
    better = of_frechets(0.5, 0.55, 0.45, 0.5, 0.5)
    assert verdicts.verdict(better, base) == verdicts.HELPS and verdicts.verdict(base, better) == verdicts.HARMS
    one_worse = of_frechets(0.5, 0.55, 0.45, 0.5, 0.96)
    assert verdicts.verdict(one_worse, base) == verdicts.NOTHING  # a pair of the other sign
    within = of_frechets(0.99, 1.09, 0.89, 1.04, 0.94)
    assert verdicts.verdict(within, base) == verdicts.NOTHING  # all of one sign, but within the seeds' spread
    assert verdicts.verdict(base, base) == verdicts.NOTHING
    assert verdicts.verdict(better[:4], base[:4]) == verdicts.TOO_FEW


@given(frechets, frechets)
def test_verdicts_turn_with_the_sides(a, b):
    turned = {verdicts.HELPS: verdicts.HARMS, verdicts.HARMS: verdicts.HELPS, verdicts.NOTHING: verdicts.NOTHING}
    forth, back = verdicts.verdict(of_frechets(*a), of_frechets(*b)), verdicts.verdict(of_frechets(*b), of_frechets(*a))
    assert back == turned[forth]
    np.testing.assert_allclose(
        verdicts.effects(of_frechets(*a), of_frechets(*b)), np.log(np.array(a) / b), rtol=1e-6, atol=1e-9
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=30))
def test_rank_correlation_is_spearmans(pairs):
    a, b = zip(*pairs, strict=True)
    found = verdicts.rank_correlation(a, b)
    if len({*a}) > 1 and len({*b}) > 1:
        assert found == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-9)
    else:
        assert found is None


def test_collapsed_runs_are_counted():
    assert verdicts.collapsed([{"variety": 0.0}, {"variety": 0.9}, {"variety": 0.2}]) == 2
