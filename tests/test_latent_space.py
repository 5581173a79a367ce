"""What a space of images is like: neighbours, sharpness, lines."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.neighbours import latent_space

seeds = st.integers(0, 2**31 - 1)


@given(seeds)
def test_nearest_neighbours_by_all_distances(seed):
    rng = np.random.default_rng(seed)
    points, among = rng.normal(size=(7, 3, 2, 1)), rng.normal(size=(11, 3, 2, 1))
    labels, others = rng.integers(0, 3, 7), rng.integers(0, 3, 11)
    nearest = np.square(points[:, None] - among).sum(axis=(2, 3, 4)).argmin(axis=1)
    assert latent_space.nearest_neighbour(points, labels, among, others) == np.mean(others[nearest] == labels)


def test_sharpness_by_hand_and_what_blur_and_noise_do_to_it():
    edge = np.zeros((1, 4, 6, 1), np.uint8)
    edge[:, :, 3:] = 255
    assert latent_space.sharpness(edge) == pytest.approx(np.var([0, 1, -1, 0]))
    digits = 200 * np.asarray(jax.random.bernoulli(jax.random.key(0), shape=(5, 12, 12, 1)), np.uint8)
    blurred = ((digits + np.roll(digits, 1, axis=1).astype(int)) / 2).astype(np.uint8)
    assert latent_space.sharpness(blurred) < latent_space.sharpness(digits)


def test_what_lies_on_a_line():
    """A judge that sees how bright an image is: two classes, sure far from the middle grey."""

    def judge(images):
        brightness = images.reshape(len(images), -1).mean(axis=1) / 255 - 0.5
        return np.stack([-20 * brightness, 20 * brightness], axis=1), None

    ends = np.array([[10, 20, 250], [250, 30, 240]], np.uint8)  # three lines: dark to bright, dark, bright
    ends = np.broadcast_to(ends[..., None, None, None], (2, 3, 2, 2, 1))
    mixed = np.asarray(latent_space.lines(ends[0], ends[1])).round().astype(np.uint8)
    np.testing.assert_array_equal(mixed[[0, -1]], ends)
    found = latent_space.along_lines(judge, mixed)
    assert found["lines"] == 3 and found["of_one_class"] == 2 and found["kept"] == 1
    assert found["detour"] == pytest.approx(1, rel=1e-5) and found["largest_step"] == pytest.approx(0.1, abs=0.07)
    assert 0.5 < found["sure_middle"] < found["sure_ends"] <= 1
    jump = np.where(np.arange(latent_space.POINTS).reshape(-1, 1, 1, 1, 1) < 6, mixed[0], mixed[-1])
    assert latent_space.along_lines(judge, jump)["largest_step"] == 1
    through = mixed.copy()
    through[latent_space.MIDDLE] = 255 - through[latent_space.MIDDLE]
    found = latent_space.along_lines(judge, through)
    assert found["kept"] == 0 and found["detour"] > 2
    still = latent_space.along_lines(judge, np.repeat(mixed[:1, :1], latent_space.POINTS, axis=0))
    assert still["detour"] is None and still["largest_step"] is None
