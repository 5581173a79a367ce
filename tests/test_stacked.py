"""Stacked MNIST: images of three digits, their kinds, and stacked_mnist from end to end at toy size."""

import json
import math

import numpy as np
import pytest

from experiments import sample, stacked_mnist
from experiments.image_runs import images, resume, stacked
from experiments.pictures import stacked as pictures
from gan_from_scratch import checkpoint, data

TEN = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.full((28, 28, 1), 20, np.uint8)  # a digit's brightness


def by_brightness(digits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A judge that names the digits of TEN without fail: logits and features."""
    brightness = digits.reshape(len(digits), -1).mean(axis=1) / 20
    logits = -10 * np.abs(brightness[:, None] - np.arange(10))
    return logits, np.stack([brightness, brightness**2 / 9], axis=1) / 9


def test_a_stack_is_three_of_the_digits_each_drawn_by_itself():
    """Each kind of 10,000: a share of 1 / 1,000 within 6 standard deviations; the same stacks from the same seed."""
    made = images.stacked(TEN, 10_000, seed=3)
    assert made.shape == (10_000, 28, 28, 3) and made.dtype == np.uint8
    assert np.all(made == made[:, :1, :1])  # every channel is one whole digit
    counts = stacked.named(by_brightness, made).counts
    assert counts.sum() == 10_000 and np.abs(counts - 10).max() < 6 * 10**0.5
    np.testing.assert_array_equal(made, images.stacked(TEN, 10_000, seed=3))
    assert not np.array_equal(made, images.stacked(TEN, 10_000, seed=4))


def test_the_kind_of_an_image_is_its_digits_in_order():
    digits = [(1, 2, 3), (3, 2, 1), (0, 0, 9), (9, 9, 9), (1, 2, 3)]
    pictured = np.stack([np.concatenate([TEN[digit] for digit in three], axis=-1) for three in digits])
    counts = stacked.named(by_brightness, pictured).counts
    assert {int(kind): int(counts[kind]) for kind in np.flatnonzero(counts)} == {123: 2, 321: 1, 9: 1, 999: 1}
    np.testing.assert_array_equal(stacked.digits_of(pictured)[:, 0, 0, 0] / 20, np.ravel(digits))


@pytest.mark.parametrize("kinds", [1, 8, 500, 1000])
def test_kl_of_equal_shares_of_some_kinds(kinds):
    counts = np.zeros(1000, int)
    counts[np.random.default_rng(0).permutation(1000)[:kinds]] = 7
    assert stacked.kl_to_equal(counts) == pytest.approx(math.log(1000 / kinds), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_kl_is_that_of_the_channels_and_what_they_tell_of_each_other(seed):
    counts = np.random.default_rng(seed).integers(0, 50, 1000)
    p = (counts / counts.sum()).reshape(10, 10, 10)
    alone = np.einsum("abc,ade,fbg,hic->abc", np.ones_like(p), p, p, p)  # p_a p_b p_c
    told = np.sum(p[p > 0] * np.log(p[p > 0] / alone[p > 0]))
    assert stacked.kl_to_equal(counts) == pytest.approx(stacked.kl_of_channels(counts) + told, abs=1e-12)


def test_channels_that_copy_each_other_have_equal_shares_each():
    """A hundred kinds of a thousand, a b b: KL log 10, and nothing of it in a single channel."""
    counts = np.zeros((10, 10, 10), int)
    counts[:, range(10), range(10)] = 3
    assert stacked.kl_to_equal(counts.ravel()) == pytest.approx(math.log(10))
    assert stacked.kl_of_channels(counts.ravel()) == pytest.approx(0, abs=1e-12)


def test_kl_of_real_images_is_what_their_number_makes_it():
    """Pearson's statistic over 2 n: (1000 - 1) / 2 n in the mean, and over draws sqrt(2 (1000 - 1)) / 2 n."""
    n = 26_000
    numbers, _ = stacked.scores(
        by_brightness, *(images.stacked(TEN, n, seed=seed) for seed in range(2)), TEN.repeat(50, axis=0)
    )
    for kind in ("generated", "real"):
        # At 26 of a kind the next order adds 1 / (12 * 26) of it.
        expected = 999 / (2 * n)
        assert numbers[kind]["kl"] == pytest.approx(expected, abs=5 * (2 * 999) ** 0.5 / (2 * n))
        assert (numbers[kind]["kinds"], numbers[kind]["images"]) == (1000, n)
        assert numbers[kind]["class_score"] == pytest.approx(10, abs=0.01) and numbers[kind]["frechet"] < 1e-3


def test_one_kind_alone_is_seen_as_that():
    same = np.broadcast_to(TEN[4], (100, 28, 28, 3))
    real = images.stacked(TEN, 100, seed=0)
    numbers, counts = stacked.scores(by_brightness, same, real, TEN.repeat(50, axis=0))
    made = numbers["generated"]
    assert (made["kinds"], counts["generated"][444]) == (1, 100)
    assert made["kl"] == pytest.approx(math.log(1000)) and made["class_score"] == pytest.approx(1)
    assert made["frechet"] > 0.1 > numbers["real"]["frechet"]


def test_kinds_never_made_are_not_drawn():
    counts = {"generated": np.arange(1000) % 3, "real": np.ones(1000)}
    figure = pictures.kinds(counts)
    made, real = (axis.images[0].get_array() for axis in figure.axes[:2])
    np.testing.assert_array_equal(made.mask.ravel(), np.arange(1000) % 3 == 0)
    np.testing.assert_allclose(real, 1)
    assert figure.axes[0].get_title() == "generated: 666 of 1,000 kinds"


def test_an_image_stands_beside_its_channels():
    three = images.stacked(TEN, 2, seed=0)
    picture = pictures.with_channels(three)
    places = [2 + 58 * column + 10 for column in range(10)]
    for image, at in zip(three, (0, 5), strict=True):
        seen = [picture[10, places[at + i]].tolist() for i in range(5)]
        assert seen == [image[0, 0].tolist(), *([int(value)] * 3 for value in image[0, 0]), [255] * 3]


def test_from_digits_to_kinds_and_on_with_what_is_kept(tmp_path, small):
    """Trained, judged, drawn; longer with --resume; its G is sampled. With packing, relativistic, R1 and R2 at once."""
    out = tmp_path / "run"
    changed = {"category_sets": 3, "noise_dim": 8, "packing": 2, "loss": "relativistic", "r1": 1.0, "r2": 1.0}
    settings = changed | {"batch_norm": False, "hidden": 0}
    run = {"samples": 100}
    stacked_mnist.main(small(stacked_mnist, out, run=run, steps=20, **settings))
    assert {path.name for path in out.glob("[!.]*")} == {
        "samples.png", "kinds.png", "training.gif", "losses.png", "checkpoints", "result.json"
    }  # fmt: skip
    stacked_mnist.main(small(stacked_mnist, out, run=run | {"resume": True}, steps=40, **settings))
    found = json.loads((out / "result.json").read_text())["numbers"]
    assert found["steps"] == 40
    for kind in ("generated", "real"):
        assert set(found["judged"][kind]) == {"images", *(name for name, _, _ in stacked.LABELS)}
        assert found["judged"][kind]["images"] == 100 and 1 <= found["judged"][kind]["kinds"] <= 100
    sample.main(sample.Config(run=out, out=tmp_path / "drawn", n=100))
    assert (tmp_path / "drawn" / "categories.png").exists()
    with pytest.raises(ValueError, match="another run"):
        stacked_mnist.main(small(stacked_mnist, out, run=run | {"resume": True}, steps=60, **settings | {"packing": 4}))


def test_a_checkpoint_older_than_a_setting_is_read_with_it_off(tmp_path):
    about = {"data": "mnist", "steps": 3, "packing": 2}
    checkpoint.save(tmp_path, checkpoint.Checkpoint(1, {"w": np.zeros(2)}, {"seconds": np.zeros(1)}, about))
    found = resume.about_of(tmp_path)
    assert (found["r2"], found["category_sets"], found["packing"], found["steps"]) == (0.0, 1, 2, 3)


def test_what_a_run_learns_from_is_what_sample_compares_with():
    about = {"data": images.STACKED, "synthetic": 60, "quick": False}
    digits, _ = data.synthetic("mnist", 60)
    np.testing.assert_array_equal(images.of_run(about, None)["train"], images.stacked(digits, images.STACKS, seed=0))
