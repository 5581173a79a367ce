"""The paper's demo from end to end at toy size, and what its headline compares with what."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from experiments import goodfellow_1d
from experiments.gan_1d import backends, scores
from experiments.gan_1d.settings import Settings
from gan_from_scratch.distributions import Gaussian

SMALL = Settings(steps=5, batch=8)


@pytest.fixture(autouse=True)
def few_frames(monkeypatch):
    """Drawing sixty takes longer than everything else in most of these tests."""
    monkeypatch.setattr(goodfellow_1d, "FRAMES", 4)


def run(out: Path, settings: Settings = SMALL, **config) -> dict:
    """The numbers of a run with two seeds, unless told otherwise."""
    goodfellow_1d.main(goodfellow_1d.Config(settings, out=out, **{"seeds": 2, **config}))
    return json.loads((out / "result.json").read_text())["numbers"]


@pytest.mark.parametrize(
    ("backend", "settings"),
    [
        ("jax", {}),
        ("numpy", {"data": "mixture"}),
        ("jax", {"loss": "saturating", "data": "laplace", "noise": "gaussian"}),
        ("jax", {"k": 1, "r1": 0.0, "average": 0.0, "decay": False, "standardize": False, "data": "uniform"}),
        ("jax", {"discriminator": "set", "k": None, "generator_steps": None, "batch": 200}),
    ],
    ids=str,
)
def test_goodfellow_1d_writes_its_pictures_and_numbers(tmp_path, backend, settings):
    numbers = run(tmp_path, replace(SMALL, **settings), backend=backend)
    assert numbers["steps"] == 5 and numbers["non_finite_at_step"] is None
    for name in ("generators", "true_draws", "generators_on_even_z"):
        assert len(numbers[name]) == 2
    for picture in ("figure1.png", "losses.png", "quantiles.png"):
        with Image.open(tmp_path / picture) as image:
            assert min(image.size) > 300
    with Image.open(tmp_path / "training.gif") as image:
        assert image.n_frames > 2
    assert {path.name for path in tmp_path.glob(".*")} == {".lock", ".written.json"}, "a temporary file was left"


@pytest.mark.parametrize("backend", ["jax", "numpy"])
def test_goodfellow_1d_repeats_itself(tmp_path, monkeypatch, backend):
    monkeypatch.setattr(goodfellow_1d, "draw", lambda *arguments: None)
    first, second = (run(tmp_path / name, backend=backend) for name in ("first", "second"))
    assert first == second


def test_the_default_learns(tmp_path):
    """A twentieth of the steps, four seeds: every seed's KS is far below the start's, which is near 1/2."""
    numbers = run(tmp_path, Settings(steps=1200), seeds=4)
    assert max(seed["ks"] for seed in numbers["generators"]) < 0.1


def test_both_backends_learn_the_same_distribution(tmp_path):
    """They share the algorithm and not the draws, so their distances agree in size and not in digits."""
    assert run(tmp_path, Settings(steps=1500), backend="numpy", seeds=1)["generators"][0]["ks"] < 0.15


def test_non_finite_training_says_at_which_step_and_keeps_what_it_has(tmp_path, beyond):
    wild = beyond(replace(SMALL, steps=300, decay=False), rate_g=1e38, rate_d=1e38)
    with pytest.raises(FloatingPointError, match=r"non-finite at step \d+"):
        run(tmp_path, wild)
    numbers = json.loads((tmp_path / "result.json").read_text())["numbers"]
    assert 0 <= numbers["steps"] < numbers["non_finite_at_step"] <= 300
    assert (tmp_path / "figure1.png").exists()


def test_numbers_are_kept_when_drawing_fails(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(goodfellow_1d, "save_figure", full)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path)
    assert len(json.loads((tmp_path / "result.json").read_text())["numbers"]["generators"]) == 2


def test_chunks_cover_every_step():
    for steps in (1, 7, 119, 120, 121, 1000):
        assert sum(backends.chunk_sizes(steps)) == steps


# What the headline compares


def headline_of(out: Path, monkeypatch, stretched: float) -> dict:
    """The numbers of a G that is the ideal map with p_data's standard deviation off by a factor, for 40 seeds."""

    def untrained(settings, units, keys):
        p_data, p_z = settings.p_data(), settings.p_z()
        mean, _ = p_data.moments()

        def make(z):
            return mean + stretched * (np.asarray(p_data.quantile(p_z.cdf(z)), np.float64) - mean)

        for steps in (0, 1):
            yield backends.Chunk(
                steps, {"loss_d": np.ones((len(keys), 1)), "loss_g": np.ones((len(keys), 1))}, make, None
            )

    monkeypatch.setattr(goodfellow_1d, "in_jax", untrained)
    monkeypatch.setattr(goodfellow_1d, "draw", lambda *arguments: None)
    return run(out, seeds=40)


def column(numbers: dict, who: str, name: str) -> np.ndarray:
    return np.array([seed[name] for seed in numbers[who]])


@pytest.mark.parametrize("name", ["ks", "w1_over_std"])
def test_a_perfect_generator_is_as_far_from_the_data_as_true_draws(tmp_path, monkeypatch, name):
    """Its distances have true draws' distribution, far above those of points that are spread out evenly."""
    numbers = headline_of(tmp_path, monkeypatch, 1.0)
    made, true = (column(numbers, who, name) for who in ("generators", "true_draws"))
    assert stats.ks_2samp(made, true).pvalue > 0.01
    assert len(set(made)) == len(set(true)) == 40 and not set(made) & set(true), "two seeds share their draws"
    assert made.min() > 5 * numbers["ideal_map_on_even_z"][name]
    # On evenly spaced z it is the ideal map, but for z's float32.
    assert column(numbers, "generators_on_even_z", name).max() < 2 * numbers["ideal_map_on_even_z"][name]


def test_a_generator_that_spreads_too_wide_does_not_beat_true_draws(tmp_path, monkeypatch):
    """By 1.3 %: on evenly spaced z its KS is .003, on draws it is what draws have and a little more."""
    numbers = headline_of(tmp_path, monkeypatch, 1.013)
    made, true = (np.median(column(numbers, who, "ks")) for who in ("generators", "true_draws"))
    assert made > 0.9 * true
    assert np.median(column(numbers, "generators_on_even_z", "ks")) < 0.5 * true
    assert np.median(column(numbers, "generators", "std_error_over_std")) == pytest.approx(0.013, abs=0.004)


def test_scores_are_in_units_of_the_data():
    """The same points and data, in inches and in miles."""
    x = np.random.default_rng(0).normal(size=1000)
    near, far = (scores.of_draws(mile * (x + 3), Gaussian(3.1 * mile, 1.2 * mile)) for mile in (1.0, 63360.0))
    assert near == pytest.approx(far, rel=1e-3)
    assert near["mean_error_over_std"] == pytest.approx((x.mean() - 0.1) / 1.2, rel=1e-6)
