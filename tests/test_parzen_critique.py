"""parzen_critique: k-means against a loop, the kinds of images it makes, and the command at toy size."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import parzen_critique
from experiments.image_runs import kmeans, learn
from gan_from_scratch import data, train

DIGITS, LABELS = data.synthetic("mnist", 60)


@given(st.integers(0, 99), st.integers(1, 6), st.integers(0, 3))
def test_k_means_against_a_loop(seed, k, rounds):
    points = np.random.default_rng(seed).normal(size=(20, 3)).astype(np.float32)
    expected = points[np.random.default_rng(0).permutation(20)[:k]].astype(float)
    for _ in range(rounds):
        nearest = [min(range(k), key=lambda j: sum((p - expected[j]) ** 2)) for p in points.astype(float)]
        for j in range(k):
            mine = [p for p, which in zip(points, nearest, strict=True) if which == j]
            if mine:
                expected[j] = np.mean(mine, axis=0)
    np.testing.assert_allclose(kmeans.centres(points, k, rounds), expected, atol=1e-5)


def test_k_means_comes_nearer_and_parts_change_nothing(monkeypatch):
    points = np.random.default_rng(1).random((90, 5))

    def away(rounds):
        found = kmeans.centres(points, 7, rounds)
        return np.mean([min(np.sum((found - p) ** 2, axis=1)) for p in points])

    distances = [away(rounds) for rounds in range(5)]
    assert distances == sorted(distances, reverse=True) and distances[-1] < 0.9 * distances[0]
    whole = kmeans.centres(points, 7, 4)
    monkeypatch.setattr(kmeans, "PART", 13)
    np.testing.assert_allclose(kmeans.centres(points, 7, 4), whole, atol=1e-6)


@pytest.mark.parametrize("k", [0, -1, 21])
def test_a_number_of_centres_that_cannot_be_is_named(k):
    with pytest.raises(ValueError, match=f"k is {k}, but must be at least 1 and at most 20"):
        kmeans.centres(np.zeros((20, 2)), k, 1)


def test_class_means_stand_for_their_classes():
    made = parzen_critique.class_means(DIGITS, LABELS, 25)
    there = np.unique(LABELS)
    assert made.shape == (25, 28, 28, 1) and made.dtype == np.uint8
    for i, image in enumerate(made):
        mean = DIGITS[there[i % len(there)] == LABELS].mean(axis=0)
        np.testing.assert_allclose(image, mean, atol=0.5001)


def test_noise_is_as_wide_as_it_says_and_stays_within_black_and_white():
    grey = np.full((50, 28, 28, 1), 128, np.uint8)
    made = parzen_critique.noisy(grey, seed=3)
    assert made.std() / 255 == pytest.approx(parzen_critique.NOISE, rel=0.02)
    assert parzen_critique.noisy(255 * (grey > 0).astype(np.uint8), seed=3).max() == 255


def test_every_kind_is_judged_and_drawn(tmp_path, cache, whole, capsys):
    config = parzen_critique.Config(
        runs=(whole,), out=tmp_path / "out", cache=cache, synthetic=60, samples=20, rounds=2
    )
    parzen_critique.main(config)
    rows = json.loads((tmp_path / "out" / "result.json").read_text())["numbers"]["rows"]
    names = ["training digits", "mnist_dcgan, 60 steps", "k-means centres", "training digits with noise"]
    assert list(rows) == [*names, "each class's mean"]
    printed = capsys.readouterr().out
    for name, row in rows.items():
        assert row["images"] == row["parzen"]["images"] == 20
        assert f"{name:40}log-likelihood {row['parzen']['mean']:.1f}" in printed
    assert (tmp_path / "out" / "images.png").exists()
    with pytest.raises(ValueError, match="must name each run once"):
        dataclasses.replace(config, runs=(whole, whole))


def test_a_run_on_other_images_is_named(tmp_path, cache, monkeypatch):
    state = train.GANState(None, None, np.zeros((), int))
    run = (None, learn.Progress(state, {}), {"data": "cifar10", "synthetic": 60})
    monkeypatch.setattr(parzen_critique, "restored", lambda out: run)
    config = parzen_critique.Config(runs=(Path("frogs"),), out=tmp_path / "out", cache=cache, synthetic=60, samples=20)
    with pytest.raises(ValueError, match="runs names frogs, but that is a run on cifar10: choose runs on digits"):
        parzen_critique.main(config)
    assert not (tmp_path / "out").exists()
