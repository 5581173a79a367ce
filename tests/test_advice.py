"""advice: what each run has another than the baseline, what pairs of runs say, and the command at toy size."""

import dataclasses
import json
from dataclasses import asdict, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.flatten_util import ravel_pytree
from scipy import stats

from experiments import advice
from experiments.tables.markdown import RESULTS
from experiments.tricks import runs, seats, summary, verdicts
from experiments.tricks.sentences import BASELINE, FROGS, RUNS, SENTENCES, runs_for
from experiments.tricks.variations import Variation, build
from gan_from_scratch import losses, train

SHAPE = (8, 8, 1)
frechets = st.lists(st.floats(1e-3, 1e3), min_size=5, max_size=5)


def of_frechets(*values: float) -> list[dict]:
    return [{"frechet": value, "variety": 1.0} for value in values]


def seen(logits_real, logits_fake) -> train.Seen:
    return train.Seen(None, None, logits_real, logits_fake, None, {})


def test_every_run_is_one_change_of_the_baseline():
    """Or of the same thing in both players, or at both ends."""
    both = {"dropout-both-4", "no-norm", "smoothing-both"}
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
    gan = build(RUNS[name], SHAPE, width=2, batch=4, steps=10)
    draw = lambda key, n: jax.random.uniform(key, (n, *SHAPE))  # noqa: E731
    state = jax.eval_shape(lambda key: train.init(gan, key), jax.random.key(0))
    after, _ = jax.eval_shape(lambda state, key: train.train_step(gan, state, draw, key), state, jax.random.key(0))
    assert jax.tree.structure(after) == jax.tree.structure(state)


def test_what_the_switches_put_into_the_gan():
    of = {name: build(variation, SHAPE, 2, 4, 10) for name, variation in RUNS.items()}
    assert of["sigmoid"].generator.end == "sigmoid" and of[BASELINE].generator.end == "tanh"
    assert of["relu-d"].discriminator.activation == "relu" and of["leaky-relu-g"].generator.activation == "leaky_relu"
    assert of["max-pooling"].discriminator.down == "max" and of["mean-pooling"].discriminator.down == "mean"
    assert of["upsampling"].generator.up == "repeated"
    assert not of["no-norm-d"].discriminator.norm and of["no-norm-d"].generator.norm
    assert not of["no-norm-g"].generator.norm and of["no-norm-g"].discriminator.norm
    assert (of["dropout-d-2"].discriminator.dropout, of["dropout-d-4"].discriminator.dropout) == (0.2, 0.4)
    assert of["dropout-both-4"].generator.dropout == of["dropout-both-4"].discriminator.dropout == 0.4
    assert of["saturating"].loss_g is losses.generator_loss_saturating and of["k-2"].k == 2
    assert of["kernel-5"].generator.kernel == of["kernel-5"].discriminator.kernel == 5
    z = of["uniform-noise"].sample_noise(jax.random.key(0), 1000)
    assert -1 <= z.min() < -0.9 and 0.9 < z.max() <= 1 and of[BASELINE].sample_noise(jax.random.key(0), 1000).max() > 2


@pytest.mark.parametrize("name", ["instance-noise", "dropout-both-4", "max-pooling", "no-norm", "k-2", "sigmoid"])
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


@pytest.mark.parametrize(("name", "expected"), [(BASELINE, 2e-4), ("d-twice-as-fast", 4e-4)])
def test_rate_of_d(name, expected):
    gan = build(RUNS[name], SHAPE, 2, 4, 10)
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
    """Without BatchNorm an image's logit depends on it alone, so both steps are the same. G stays as it is."""
    gan = build(Variation(norm_d=norm), (16, 16, 1), 2, 4, 10)
    state = train.init(gan, jax.random.key(0))
    x, z = jax.random.uniform(jax.random.key(1), (4, 16, 16, 1)), gan.sample_noise(jax.random.key(2), 4)
    separate, mixed = (step(gan, state, x, z, KEY) for step in (train.discriminator_step, seats.mixed_step))
    assert (float(separate[1]["loss_d"]) == pytest.approx(float(mixed[1]["loss_d"]), rel=1e-6)) == (not norm)
    if not norm:
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-7), separate[0].d.params, mixed[0].d.params)
    jax.tree.map(np.testing.assert_array_equal, mixed[0].g, state.g)


def test_verdicts():
    base = of_frechets(1.0, 1.1, 0.9, 1.05, 0.95)
    better = of_frechets(0.5, 0.55, 0.45, 0.5, 0.5)
    assert verdicts.verdict(better, base) == verdicts.HELPS and verdicts.verdict(base, better) == verdicts.HARMS
    one_worse = of_frechets(0.5, 0.55, 0.45, 0.5, 0.96)
    assert verdicts.verdict(one_worse, base) == verdicts.NOTHING  # a pair of the other sign
    within = of_frechets(0.99, 1.09, 0.89, 1.04, 0.94)
    assert verdicts.verdict(within, base) == verdicts.NOTHING  # all of one sign, but within the seeds' spread
    assert verdicts.verdict(base, base) == verdicts.NOTHING


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
    if len({*a}) > 1 and len({*b}) > 1:
        assert verdicts.rank_correlation(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-9)


def test_collapsed_runs_are_counted():
    assert verdicts.collapsed([{"variety": 0.0}, {"variety": 0.9}, {"variety": 0.2}]) == 2


SETTINGS = {
    "data": "mnist", "only": ("tanh", "one-side"), "seeds": 2, "steps": 3, "width": 2, "batch": 8, "synthetic": 40,
    "samples": 20,
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("advice")
    config = advice.Config(out=out / "run", cache=out / "cache", **SETTINGS)
    advice.main(config)
    return config


def numbers_of(config) -> dict:
    return json.loads((config.out / "result.json").read_text())["numbers"]


def test_command(finished):
    found = numbers_of(finished)["mnist"]
    assert found["runs"].keys() == {BASELINE, "sigmoid", "smoothing", "smoothing-both"}
    assert all([run["seed"] for run in of_run] == [0, 1] for of_run in found["runs"].values())
    assert found["sentences"] == summary.of_sentences(SETTINGS["only"], found["runs"])
    for picture in ("advice.png", "losses.png", "samples.png"):
        assert (finished.out / picture).stat().st_size > 0


def test_finished_runs_are_not_repeated_and_missing_ones_are_the_same_again(finished, monkeypatch):
    before = numbers_of(finished)
    missing = runs.file_of(finished.out / "runs", "mnist", "sigmoid", 1)
    missing.unlink()
    made, run = [], runs.run
    monkeypatch.setattr(runs, "run", lambda gan, in_unit, *rest: made.append(in_unit) or run(gan, in_unit, *rest))
    advice.main(finished)
    assert made == [True]
    timeless = lambda runs: [{**run, "seconds": 0} for run in runs]  # noqa: E731
    for name, of_run in numbers_of(finished)["mnist"]["runs"].items():
        assert timeless(of_run) == timeless(before["mnist"]["runs"][name])


def test_more_sentences_join_those_that_are_there(finished, monkeypatch):
    made, run = [], runs.run
    monkeypatch.setattr(runs, "run", lambda *rest: made.append(rest[3]) or run(*rest))
    advice.main(dataclasses.replace(finished, only=("tanh", "gaussian"), out=finished.out))
    assert made == [0, 1]


@pytest.mark.parametrize("content", ["no json", "{}", '{"scores": {}, "about": {}}'])
def test_a_file_that_is_none_is_refused(finished, content):
    path = runs.file_of(finished.out / "runs", "mnist", BASELINE, 0)
    whole = path.read_text()
    path.write_text(content)
    try:
        with pytest.raises(ValueError, match="that is no file of a run: move it away"):
            advice.main(finished)
    finally:
        path.write_text(whole)


def test_runs_with_other_settings_are_not_mixed(finished):
    with pytest.raises(ValueError, match="but that run had steps 3: choose another folder"):
        advice.main(replace(finished, steps=4))


def test_a_run_out_of_bounds_counts_as_collapsed(finished, monkeypatch):
    """Its G is not finite: the worst distance, no variety, and a loss that is no number."""
    config = replace(finished, out=finished.out.parent / "wild", only=("momentum-5",), seeds=1)
    wild = Variation(rate_g=1e30, rate_d=1e30)
    monkeypatch.setitem(RUNS, "momentum-9", wild)
    advice.main(config)
    (scores,) = numbers_of(config)["mnist"]["runs"]["momentum-9"]
    assert scores["frechet"] == runs.OUT_OF_BOUNDS and scores["variety"] == 0
    assert numbers_of(config)["mnist"]["sentences"]["momentum-5"]["collapsed"][1] == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"only": ("luck",)}, "only is 'luck'"), ({"only": ("tanh", "tanh")}, "must name each sentence once"),
     ({"seeds": 0}, "seeds is 0"), ({"steps": 0}, "steps is 0"), ({"batch": 1}, "batch is 1"),
     ({"data": "svhn"}, "data is 'svhn'"), ({"width": -2}, "width is -2"), ({"seed": -1}, "seed is -1")],
)  # fmt: skip
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        advice.Config(**settings)


def test_every_published_verdict_follows_from_the_rule():
    for path in RESULTS.glob("advice*/result.json"):
        for found in json.loads(path.read_text())["numbers"].values():
            again = summary.of_sentences(tuple(found["sentences"]), found["runs"])
            assert again == found["sentences"], path
