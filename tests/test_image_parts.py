"""What image runs are made of: settings, noise, bytes, pictures, the judge, and PyTorch's copy of the networks."""

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import classifier
from experiments.image_runs.classifier import Learning, learning_for, trained
from experiments.image_runs.gan import CATEGORY, build, sampler_of_noise
from experiments.image_runs.images import load, to_bytes, to_unit
from experiments.image_runs.settings import DIGITS, Training
from experiments.pictures import images as pictures
from gan_from_scratch import remedies, train
from gan_from_scratch.images import networks


@pytest.mark.parametrize(
    "field",
    [
        {"steps": 0}, {"batch": 0}, {"k": 0}, {"noise_dim": 0}, {"width": -1}, {"hidden": -1}, {"rate_g": 0.0},
        {"rate_d": -1.0}, {"b1": 1.0}, {"average": 1.0}, {"smoothing": 1.5}, {"label_noise": -0.1}, {"dropout": 1.0},
        {"clip": -1.0}, {"r1": float("nan")}, {"shift": -1}, {"skip_below": -1.0}, {"loss": "hinge"},
        {"categories": -1}, {"categories": 100}, {"categories": 34, "category_sets": 3}, {"category_sets": 0},
        {"packing": 0}, {"packing": 3}, {"packing": 64}, {"r2": -1.0}, {"smoothing": 0.1, "loss": "relativistic"},
        {"skip_below": 0.7, "loss": "relativistic"}, {"skip_below": 1.4},
        {"noise": "laplace"}, {"batch": 1},
        {"dtype": "float16"}, {"optimizer": "sgd"}, {"architecture": "resnet"}, {"smoothing": 0.6, "label_noise": 0.6},
    ],
    ids=str,
)  # fmt: skip
def test_bad_settings_of_training_are_named(field):
    """By Training, or where it takes two parts to see it, by the GAN that is built of them."""
    name, value = next(iter(field.items()))
    with pytest.raises(ValueError, match=rf"^{name} is {value!r}"):
        build(Training(**{"steps": 1, **field}), (28, 28, 1))


def test_settings_reach_the_seat_that_they_are_for():
    """Every remedy off: none sits anywhere. Every remedy on: each sits in its place with its weight."""
    seats = build(Training(steps=1, width=2, average=0.0), (28, 28, 1))
    assert seats.penalties == () and seats.step_d is seats.step_g is None
    assert isinstance(seats.discriminator, networks.DCGANDiscriminator)
    switches = {"smoothing": 0.1, "label_noise": 0.2, "r1": 3.0, "r2": 7.0, "skip_below": 0.4, "shift": 5, "k": 6}
    seats = build(Training(steps=1, width=2, batch_norm=False, packing=4, **switches), (28, 28, 1))
    noisy, r1, r2 = seats.penalties
    assert (noisy.smoothing, noisy.label_noise, r1.gamma, r2.gamma) == (0.1, 0.2, 3.0, 7.0)
    assert isinstance(r2, remedies.R2)
    assert (seats.step_d.loss, seats.discriminator.pixels, seats.k) == (0.4, 5, 6)
    assert seats.discriminator.discriminator.samples == 4  # each image is moved by itself, and then packed
    both = build(Training(steps=1, width=2, loss="relativistic"), (28, 28, 1))
    assert both.loss_g is both.loss_d is remedies.relativistic


@pytest.mark.parametrize("categories", [0, 3])
@pytest.mark.parametrize(("noise", "std"), [("gaussian", 1), ("uniform", 1 / 3**0.5)])
def test_noise_is_a_category_and_independent_draws(noise, std, categories):
    """10,000 z: each category within 5 standard deviations of a third, the rest with the moments of their kind."""
    z = np.asarray(sampler_of_noise(noise, 8, categories)(jax.random.key(3), 10_000))
    assert z.shape == (10_000, 8)
    category, rest = z[:, :categories], z[:, categories:]
    assert set(np.unique(category)) <= {0, CATEGORY}
    if categories:
        assert np.all((category > 0).sum(axis=1) == 1)
        np.testing.assert_allclose((category > 0).mean(axis=0), 1 / categories, atol=5 * (2 / 9 / 10_000) ** 0.5)
    # A mean of 10,000 draws is off by std / 100, a variance of Gaussian ones by .014: 5 times that and a little more.
    np.testing.assert_allclose(rest.mean(axis=0), 0, atol=0.05 * std)
    np.testing.assert_allclose(np.cov(z.T)[categories:, categories:], std**2 * np.eye(8 - categories), atol=0.08)
    if noise == "uniform":
        assert np.abs(rest).max() <= 1


def test_sets_of_categories_are_drawn_each_by_itself():
    """Each pair of categories of two sets is one of nine, as likely: 10,000 z, 5 standard deviations."""
    z = np.asarray(sampler_of_noise("gaussian", 8, 3, 2)(jax.random.key(4), 10_000))
    first, second = z[:, :3].argmax(axis=1), z[:, 3:6].argmax(axis=1)
    assert np.all((z[:, :6] == CATEGORY).sum(axis=1) == 2) and np.all((z[:, :6] != 0).sum(axis=1) == 2)
    shares = np.bincount(3 * first + second, minlength=9) / 10_000
    np.testing.assert_allclose(shares, 1 / 9, atol=5 * (8 / 81 / 10_000) ** 0.5)


def test_tiles_stand_row_after_row():
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 3, 1), np.uint8)
    picture = pictures.tiles(images, 2)
    gap, tall, wide = pictures.GAP, 2 * pictures.ENLARGED, 3 * pictures.ENLARGED
    assert picture.shape == (4 * gap + 3 * tall, 3 * gap + 2 * wide, 3)
    assert picture[gap + tall + gap, gap + wide + gap].tolist() == [3, 3, 3]
    assert picture[-gap - 1, -gap - 1].tolist() == [255, 255, 255]  # the sixth place is empty


def test_bytes_and_units_are_inverse():
    every = jnp.arange(256, dtype=jnp.uint8)
    np.testing.assert_array_equal(to_bytes(to_unit(every)), every)
    assert to_unit(every)[0] == -1 and to_unit(every)[-1] == 1


# The judge


def test_each_data_set_has_its_own_classifier_by_default():
    assert (Learning("mnist").width, Learning("mnist").epochs) == (16, 5)
    assert (Learning("cifar10").width, Learning("cifar10").epochs) == (32, 8)
    assert learning_for("cifar10", None) == Learning("cifar10")


def test_a_classifier_that_explodes_is_not_kept(tmp_path, beyond):
    learning = beyond(Learning(synthetic=60, width=4, epochs=2, batch=20), rate=1e30)
    with pytest.raises(FloatingPointError, match=r"non-finite at rate 1e\+30; nothing was kept"):
        trained(learning, load("mnist", "train", None, 60), tmp_path)
    assert not list(tmp_path.rglob("commit_success.txt"))


def test_a_classifier_is_trained_once(tmp_path, cache):
    learning = Learning(synthetic=300, width=4, epochs=4, batch=32)
    learnt_from = load("mnist", "train", None, 300)
    judge, seconds = trained(learning, learnt_from, cache)
    again, found = trained(learning, learnt_from, cache)
    assert seconds is not None and found is None
    images, labels = load("mnist", "test", None, 300)
    logits, features = judge(images[:7])
    assert logits.shape == (7, 10) and features.shape == (7, 16)
    np.testing.assert_array_equal(again(images[:7])[0], logits)
    np.testing.assert_allclose(judge(images)[0][:7], logits, atol=1e-4)
    classifier.main(classifier.Config(learning, out=tmp_path, cache=cache))
    accuracy = json.loads((tmp_path / "result.json").read_text())["numbers"]["test_accuracy"]
    assert accuracy == pytest.approx(np.mean(judge(images)[0].argmax(axis=1) == labels))
    assert accuracy > 0.2  # chance is .1


def test_other_images_of_the_same_shape_get_a_classifier_of_their_own(tmp_path):
    learning = Learning(synthetic=60, width=4, epochs=1, batch=20)
    images, labels = load("mnist", "train", None, 60)
    for dataset in ((images, labels), (255 - images, labels)):
        assert trained(learning, dataset, tmp_path)[1] is not None
        assert trained(learning, dataset, tmp_path)[1] is None


# PyTorch's


def test_both_frameworks_have_the_same_networks():
    """As many parameters in each, layer by layer, and the same shapes of what they map."""
    torch = pytest.importorskip("torch")
    from experiments.timing import torch_dcgan

    for size, channels, hidden in ((28, 1, 6), (32, 3, 0)):
        training = replace(DIGITS, batch=8, width=4, noise_dim=5, categories=2, hidden=hidden)
        gan = build(training, (size, size, channels))
        state = jax.eval_shape(lambda key, gan=gan: train.init(gan, key), jax.random.key(0))
        theirs = (
            torch_dcgan.Generator(size, channels, 4, hidden, 5),
            torch_dcgan.Discriminator(size, channels, 4, hidden),
        )
        for player, module in zip(state[:2], theirs, strict=True):
            ours = sorted(leaf.size for leaf in jax.tree.leaves(player.params))
            assert ours == sorted(parameter.numel() for parameter in module.parameters())
        x = theirs[0](torch.zeros(3, 5))
        assert x.shape == (3, channels, size, size) and theirs[1](x).shape == (3,)
