"""conditional: how a class travels, what each D does with it, both objectives, the exact case, and the command."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments import conditional as command
from experiments.image_runs.settings import Training
from experiments.neighbours import labelled, on_the_line
from gan_from_scratch import train
from gan_from_scratch.images.networks import image_norm
from gan_from_scratch.layers import MOMENTUM
from gan_from_scratch.neighbours import conditional
from gan_from_scratch.neighbours.conditional import Auxiliary, ImageFeatures, LineFeatures, Projection, joined, parted

SMALL = Training(steps=4, batch=8, width=2, hidden=6, noise_dim=12)
SHAPE = (28, 28, 1)
CLASSES = 3


@pytest.mark.parametrize("places", [(), (4, 5)])
def test_joined_and_parted_are_inverse_and_each_plane_is_its_class(places):
    x = jax.random.normal(jax.random.key(0), (6, *places, 2))
    y = jax.nn.one_hot(jnp.array([0, 1, 2, 0, 1, 2]), CLASSES)
    xy = joined(x, y)
    assert xy.shape == (6, *places, 2 + CLASSES)
    again, label = parted(xy, CLASSES)
    np.testing.assert_array_equal(again, x)
    np.testing.assert_array_equal(label, y)
    for i in range(6):  # a label map repeated along the wrong axis would mix the samples
        for c in range(CLASSES):
            assert np.all(xy[i, ..., 2 + c] == y[i, c])


@pytest.mark.parametrize("way", command.WAYS)
def test_g_makes_the_class_that_its_noise_names(way):
    gan = labelled.build(way, CLASSES, SMALL, SHAPE)
    z = gan.sample_noise(jax.random.key(0), 40)
    state = train.init(gan, jax.random.key(1))
    x, y = parted(train.generate(gan, state, z), CLASSES)
    assert x.shape == (40, *SHAPE) and np.all(y.sum(axis=1) == 1)
    np.testing.assert_array_equal(y.argmax(axis=1), z[:, :CLASSES].argmax(axis=1))
    asked = np.arange(40) % CLASSES
    np.testing.assert_array_equal(
        labelled.noise_of(gan, asked, CLASSES, jax.random.key(2))[:, :CLASSES].argmax(1), asked
    )
    images = labelled.images_of(gan, state, asked, CLASSES, jax.random.key(2))
    assert images.shape == (40, *SHAPE) and images.dtype == np.uint8


@pytest.mark.parametrize("features", [LineFeatures((5, 7)), ImageFeatures(8, 2, 7)])
def test_a_projection_is_linear_in_the_class(features):
    """f(x, y) - f(x, 0) = y^T V phi(x), eq. (3) of Miyato & Koyama 2018."""
    module = Projection(features, CLASSES)
    x = jax.random.normal(jax.random.key(0), (4, 2) if isinstance(features, LineFeatures) else (4, 8, 8, 1))
    y = jax.nn.one_hot(jnp.array([0, 1, 2, 0]), CLASSES)
    variables = module.init(jax.random.key(1), joined(x, y), train=False)
    f = lambda y: module.apply(variables, joined(x, y), train=False)  # noqa: E731
    of = {name: {"params": variables["params"][name]} for name in ("features", "classes", "judge")}
    if "batch_stats" in variables:
        of["features"]["batch_stats"] = variables["batch_stats"]["features"]
    phi = features.apply(of["features"], x, train=False)
    v = of["classes"]["params"]["kernel"]
    np.testing.assert_allclose(f(y) - f(0 * y), jnp.einsum("bc,fc,bf->b", y, v, phi), rtol=1e-4, atol=1e-5)
    psi = phi @ of["judge"]["params"]["kernel"][:, 0] + of["judge"]["params"]["bias"]
    np.testing.assert_allclose(f(0 * y), psi, rtol=1e-4, atol=1e-5)


def auxiliary(seed: int):
    module = Auxiliary(LineFeatures((6,)), CLASSES)
    x = jax.random.normal(jax.random.key(seed), (9, 2))
    of = lambda y: joined(x, jax.nn.one_hot(jnp.full(9, y), CLASSES))  # noqa: E731
    variables = module.init(jax.random.key(seed + 1), of(0), train=False)
    return jnp.stack([module.apply(variables, of(y), train=False) for y in range(CLASSES)])


@given(st.integers(0, 1000))
def test_ac_gans_first_output_does_not_know_the_class_and_its_second_is_a_log_probability(seed):
    found = auxiliary(seed)
    assert np.all(found[..., 0] == found[0, :, 0])
    np.testing.assert_allclose(jnp.exp(found[..., 1]).sum(axis=0), 1, rtol=1e-5)


def test_c_can_be_sure():
    """A softmax in front of a cross entropy that takes logits could not fall below log(1 + 9 / e) = 1.46 nats."""
    module, x = Auxiliary(LineFeatures((6,)), 10), jax.random.normal(jax.random.key(0), (20, 2))
    of = lambda y: joined(x, jax.nn.one_hot(jnp.full(20, y), 10))  # noqa: E731
    params = module.init(jax.random.key(1), of(0), train=False)["params"]
    params["classes"]["kernel"] *= 1e4
    said = jnp.stack([module.apply({"params": params}, of(y), train=False)[:, 1] for y in range(10)])
    assert said.max(axis=0).min() > -1e-3


def test_a_sure_classifier_costs_nothing():
    sure = jnp.stack([jnp.zeros(5), jax.nn.log_softmax(jnp.eye(10)[:5] * 50)[jnp.arange(5), jnp.arange(5)]], axis=1)
    assert float(command.auxiliary_loss_d(sure, sure)) == pytest.approx(2 * math.log(2), abs=1e-6)


@given(st.integers(0, 1000), st.floats(0, 3))
def test_ac_gans_objectives(seed, weight):
    """L_S + L_C and L_C - L_S of section 3, by hand; G's half of L_S is the non-saturating one."""
    real, fake = np.asarray(jax.random.normal(jax.random.key(seed), (2, 8, 2)), np.float64)
    real[:, 1], fake[:, 1] = -np.abs(real[:, 1]), -np.abs(fake[:, 1])
    log_d = lambda a: -np.logaddexp(0, -a)  # noqa: E731
    l_s = np.mean(log_d(real[:, 0])) + np.mean(log_d(-fake[:, 0]))
    l_c = np.mean(real[:, 1]) + np.mean(fake[:, 1])
    both = jnp.asarray(real), jnp.asarray(fake)
    assert float(command.auxiliary_loss_d(*both)) == pytest.approx(-(l_s + l_c), rel=1e-4, abs=1e-4)
    of_g = -np.mean(log_d(fake[:, 0])) - weight * np.mean(fake[:, 1])
    assert float(command.auxiliary_loss_g(*both[::-1], weight)) == pytest.approx(of_g, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(("m", "expected"), [(0.5, 0.669), (1.0, 0.799), (2.0, 0.965)])
def test_closed_form_is_the_std_of_the_mixture_above_zero(m, expected):
    x = np.linspace(0, m + 12, 200_001)
    p = stats.norm.pdf(x, m) + stats.norm.pdf(x, -m)
    mean, square = (np.trapezoid(x**power * p, x) for power in (1, 2))
    assert np.trapezoid(p, x) == pytest.approx(1, abs=1e-8)
    assert command.std_if_labelled_by_sign(m) == pytest.approx(math.sqrt(square - mean**2), abs=1e-6)
    assert command.std_if_labelled_by_sign(m) == pytest.approx(expected, abs=5e-4)


def test_the_data_of_the_exact_case():
    xy = np.asarray(on_the_line.two_classes(1.5, jax.random.key(0), 20_000))
    found = on_the_line.judged(xy)
    np.testing.assert_allclose(found["std"], 1, atol=5 * (1 / 2 / 10_000) ** 0.5)  # a deviation's own, five times
    assert found["sign_agrees"] == pytest.approx(stats.norm.cdf(1.5), abs=5 * 0.5 / 20_000**0.5)
    assert found["whole_std"] == pytest.approx((1 + 1.5**2) ** 0.5, abs=0.03)


@pytest.mark.parametrize("way", command.WAYS)
def test_slope_in_x_is_r1_of_the_first_output_in_x_alone(way):
    gan = on_the_line.build(way, 10)
    state = train.init(gan, jax.random.key(0))
    xy = on_the_line.two_classes(1.0, jax.random.key(1), 16)
    logits = lambda xy: gan.discriminator.apply({"params": state.d.params}, xy, train=True)  # noqa: E731
    a = lambda xy: logits(xy).reshape(len(xy), -1)[:, 0]  # noqa: E731
    slope = np.stack([np.asarray(jax.grad(lambda one: a(one[None])[0])(one)) for one in xy])[:, 0]
    seen = train.Seen(xy, xy, a(xy), a(xy), logits, {})
    found = on_the_line.SlopeInX(0.3)(seen, jax.random.key(2))
    assert float(found) == pytest.approx(0.3 * 0.5 * np.mean(slope**2), rel=1e-4)


def test_samples_that_are_labelled_by_sign_are_worth_more_to_ac_gans_g_than_true_ones():
    """Where C is the best of reals and fakes, and D cannot tell them apart: a = 0."""
    m, n = 0.5, 200_000
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    x = m * (2 * y - 1) + rng.normal(size=n)
    density = lambda x, label: stats.norm.pdf(x, m * (2 * label - 1))  # noqa: E731
    posterior = lambda x, label: density(x, label) / (density(x, 0) + density(x, 1))  # noqa: E731
    sign = (x > 0).astype(int)
    true, by_sign = np.log(posterior(x, y)), np.log((posterior(x, sign) + 1) / 2)  # half of what C sees is by sign
    loss = {}
    for name, log_c in (("true", true), ("by sign", by_sign)):
        fake = jnp.stack([jnp.zeros(n), jnp.asarray(log_c)], axis=1)
        loss[name] = float(command.auxiliary_loss_g(fake, fake, 1.0))
    assert loss["by sign"] < loss["true"] - 0.3


def test_features_of_images_tell_copies_apart_from_different_images():
    """Minibatch discrimination's part: o is the number of images in a batch of copies."""
    module = ImageFeatures(8, 2, 7)
    x = jax.random.normal(jax.random.key(0), (6, 8, 8, 1))
    variables = module.init(jax.random.key(1), x, train=False)
    alike = lambda x: module.apply(variables, x, train=False)[:, 7:] / conditional.ALIKE_SCALE  # noqa: E731
    np.testing.assert_allclose(alike(jnp.repeat(x[:1], 6, axis=0)), 6, rtol=1e-5)
    assert alike(x).shape == (6, conditional.KERNELS) and alike(x).max() < 6


def test_the_second_number_of_a_batch_norm_is_its_memory():
    """BatchNorm2d(c, .8) sets epsilon: here both are named, and epsilon is small beside a variance of 1."""
    norm = image_norm(True, jnp.float32, "norm")
    assert norm.momentum == MOMENTUM and norm.epsilon == 1e-5


def test_overlapping_classes():
    labels = np.repeat(np.arange(4), (30, 20, 25, 9)).astype(np.uint8)
    images = np.broadcast_to(labels[:, None, None, None], (len(labels), 2, 2, 1)).astype(np.uint8)
    x, y = labelled.overlapping(images, labels, 0)
    shown = x[:, 0, 0, 0]
    for label, other in ((0, 1), (1, 2)):
        assert {*shown[y == label]} == {0, other} and np.mean(shown[y == label] == 0) == 0.5


def test_too_few_for_an_overlap_are_named():
    images, labels = np.zeros((5, 2, 2, 1), np.uint8), np.array([0, 0, 1, 3, 4], np.uint8)
    with pytest.raises(ValueError, match="the 5 training images are too few"):
        labelled.overlapping(images, labels, 0)


def test_diversity_is_a_ratio_of_variances_of_what_shows_its_class():
    """Images of a wrong class are not counted as variety; a class with one image has none."""
    rng = np.random.default_rng(0)
    y = np.arange(4000) % 2
    judge = lambda images: (np.eye(3)[np.round(images[:, 3]).astype(int)], images[:, :3])  # noqa: E731
    real = np.column_stack([rng.normal(size=(4000, 3)), y])
    made = real * [*[1.0] * 3, 1]
    made[:, :3] *= np.where(y, 0.5, 2)[:, None]
    wrong = np.column_stack([rng.normal(size=(4000, 3)) * 99, 1 - y])
    found = labelled.diversity(judge, np.concatenate([made, wrong]), np.tile(y, 2), real, y)
    np.testing.assert_allclose(found, [4, 0.25], rtol=1e-6)
    assert labelled.diversity(judge, made[:1], y[:1], real, y) == [None, None]


def test_zeros_are_counted_of_each_class():
    judge = lambda images: (np.eye(3)[images[:, 0, 0, 0]], None)  # noqa: E731
    images = np.array([0, 1, 1, 1, 0, 2], np.uint8).reshape(6, 1, 1, 1)
    assert labelled.zeros(judge, images, np.array([0, 0, 0, 0, 1, 1])) == {"A": 0.25, "B": 0.5}


def test_command(tmp_path, cache, capsys, monkeypatch):
    monkeypatch.setattr(command, "WIDTH", 2)
    monkeypatch.setattr(command, "LINE", command.LINE[-1:])
    monkeypatch.setattr(command, "M", command.M[:2])
    monkeypatch.setattr(command, "WAYS", command.WAYS[1:])  # each is compiled: the first is tested above
    monkeypatch.setattr(labelled, "EACH", 20)
    seen = []
    for module, name, at in ((labelled, "played", 1), (command, "trained", 1)):
        usual = getattr(module, name)
        seeing = lambda *args, usual=usual, at=at: (seen.append(args[at]), usual(*args))[1]  # noqa: E731
        monkeypatch.setattr(module, name, seeing)
    settings = {"synthetic": 200, "steps": 2, "line_steps": 5, "batch": 8, "digit": 7}
    command.main(command.Config(out=tmp_path, cache=cache, **settings))
    found = json.loads((tmp_path / "result.json").read_text())["numbers"]
    assert len(found["line"]) == 2 and all(len(row["seeds"]) == 1 for row in found["line"])
    (digits, _), (test, _) = (command.load("mnist", split, None, 200) for split in ("train", "test"))
    rows = {image.tobytes() for image in digits}
    assert len(seen) == 6 and not any(image.tobytes() in rows for image in test)
    for images in seen:  # no test digit is learnt from
        images = images[0] if isinstance(images, tuple) else images
        assert all(image.tobytes() in rows for image in images)
    assert found["digits"].keys() == {*command.WAYS}
    for of_seeds in found["digits"].values():
        assert len(of_seeds) == 1 and all(len(seed["diversity"]) == 10 for seed in of_seeds)
    assert all(0 <= seed[label] <= 1 for of in found["overlap"].values() for seed in of for label in "AB")
    for picture in ("line.png", "digits.png", "overlap.png", *(f"digit_{way}.png" for way in command.WAYS)):
        assert (tmp_path / picture).stat().st_size > 0
    said = capsys.readouterr().out
    assert "closed form" in said and "real digits" in said


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"digit": 10}, "class is 10"), ({"digit": -1}, "class is -1"), ({"seeds": 0}, "seeds is 0"),
     ({"steps": 0}, "steps is 0"), ({"line_steps": -1}, "line_steps is -1"), ({"batch": 1}, "batch is 1"),
     ({"seed": -1}, "seed is -1"), ({"synthetic": 9}, "batch is 64, but must be at most 9"),
     ({"digit": True}, "class is True"),
     ({"synthetic": 200, "samples": 63}, "samples is 63, with 63 test images, but must be at least 64")],
)  # fmt: skip
def test_bad_input_ends_before_a_folder_is_made(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        command.main(command.Config(out=tmp_path / "out", **settings))
    assert not (tmp_path / "out").exists()
