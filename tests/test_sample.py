"""What `sample` draws from a run: files, walks through the noise, the nearest training images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from experiments import mnist_dcgan, sample
from experiments.image_runs.gan import sampler_of_noise
from experiments.image_runs.nearest import nearest
from gan_from_scratch import data


def test_sample_draws_from_a_checkpoint(tmp_path, whole, capsys):
    sample.main(sample.Config(run=whole, out=tmp_path, n=12))
    assert "12 samples" in capsys.readouterr().out
    packed = np.load(tmp_path / "samples.npz")["arr_0"]
    assert packed.shape == (12, 28, 28, 1) and packed.dtype == np.uint8
    for i, path in enumerate(sorted((tmp_path / "png").iterdir())):
        with Image.open(path) as image:
            np.testing.assert_array_equal(image, packed[i, ..., 0])
    for name in ("samples", "interpolation", "categories", "traversal", "nearest"):
        assert (tmp_path / f"{name}.png").stat().st_size > 0
    assert (tmp_path / "traversal.gif").stat().st_size > 0
    for coordinate in (1, 5):
        with pytest.raises(ValueError, match=rf"coordinate is {coordinate}, but must be at least 2 and below 5"):
            sample.main(sample.Config(run=whole, out=tmp_path, coordinate=coordinate))


def test_a_second_call_replaces_the_first_and_nothing_else(tmp_path, small, whole):
    """Fewer samples, of a run without categories: neither more samples nor a picture of categories are left."""
    plain, out = tmp_path / "plain", tmp_path / "out"
    mnist_dcgan.main(small(mnist_dcgan, plain, steps=20, categories=0))
    sample.main(sample.Config(run=whole, out=out, n=8))
    for theirs in ("notes.txt", "frog.png", "1.png"):
        (out / "png" / theirs).write_text("precious")
    sample.main(sample.Config(run=plain, out=out, n=6))
    assert not (out / "categories.png").exists()
    assert {path.name for path in (out / "png").iterdir()} == {
        *(f"{i:06}.png" for i in range(6)), "notes.txt", "frog.png", "1.png"
    }  # fmt: skip


def test_numbers_and_samples_are_kept_when_drawing_fails(tmp_path, whole, monkeypatch):
    def full(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(sample, "save_picture", full)
    with pytest.raises(OSError, match="No space left"):
        sample.main(sample.Config(run=whole, out=tmp_path, n=6))
    assert {path.name for path in tmp_path.glob("[!.]*")} == {"result.json", "samples.npz", "png"}


@given(seed=st.integers(0, 2**31), t=st.floats(0, 1))
def test_a_walk_between_gaussian_noises_keeps_their_length(seed, t):
    z0, z1 = jax.random.normal(jax.random.key(seed), (2, 3, 50))
    z0, z1 = (7 * z / jnp.linalg.norm(z, axis=1, keepdims=True) for z in (z0, z1))
    z = sample.between(z0, z1, t, "gaussian")
    np.testing.assert_allclose(jnp.linalg.norm(z, axis=1), 7, rtol=1e-5)
    np.testing.assert_allclose(sample.between(z0, z1, 0.0, "gaussian"), z0, atol=1e-5)
    np.testing.assert_allclose(sample.between(z0, z1, 1.0, "gaussian"), z1, atol=1e-5)
    np.testing.assert_allclose(sample.between(z0, z0, t, "gaussian"), z0, atol=1e-5)
    np.testing.assert_allclose(sample.between(z0, z1, 0.5, "uniform"), (z0 + z1) / 2, atol=1e-6)


@pytest.mark.parametrize("first", [0, 2])
def test_a_traversal_moves_one_coordinate(first):
    z = jax.random.normal(jax.random.key(0), (8, 6))
    moved = sample.traversed(z, first, None, 3.0)
    for row in range(8):
        for value, point in zip(np.linspace(-3, 3, sample.COLUMNS), moved[row], strict=True):
            np.testing.assert_allclose(point, z[row].at[first + row % (6 - first)].set(value), rtol=1e-6)
    one = sample.traversed(z, first, 4, 1.5)
    np.testing.assert_allclose(one[3, 0], z[3].at[4].set(-1.5))


def test_every_category_in_turn_and_nothing_else_changes():
    z = sampler_of_noise("gaussian", 7, 3)(jax.random.key(0), 4)
    every = sample.with_every_category(z, 3, 3)
    assert every.shape == (4, 3, 7)
    np.testing.assert_array_equal(every[:, :, 3:], jnp.broadcast_to(z[:, None, 3:], (4, 3, 4)))
    for row in range(4):
        assert sum(bool(jnp.array_equal(point, z[row])) for point in every[row]) == 1


def test_of_several_sets_one_changes_and_the_others_stay():
    z = sampler_of_noise("gaussian", 7, 2, 3)(jax.random.key(0), 4)
    every = np.asarray(sample.with_every_category(z, 2, 6))
    assert every.shape == (4, 6, 7)
    for i in range(6):
        changed = slice(2 * (i // 2), 2 * (i // 2) + 2)
        assert np.all(np.argmax(every[:, i, changed], axis=1) == i % 2) and np.all(
            every[:, i, changed].sum(axis=1) == 5
        )
        np.testing.assert_array_equal(np.delete(every[:, i], changed, axis=1), np.delete(z, changed, axis=1))


def test_nearest_finds_the_image_itself_first():
    images, _ = data.synthetic("cifar10", 40)
    order, distance = nearest(images[5:8], images, 6)
    np.testing.assert_array_equal(order[:, 0], [5, 6, 7])
    assert np.all(distance[:, 0] < 1e-2) and np.all(np.diff(distance, axis=1) >= 0)
    by_hand = np.sqrt(np.mean((images[5].astype(float) - images[order[0, 1]]) ** 2))
    assert distance[0, 1] == pytest.approx(by_hand, rel=1e-3)
