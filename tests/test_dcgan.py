"""The image scripts from end to end at toy size: resumed to the bit, stopped by signals, refused where they must be."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import experiments
from experiments import (
    _dcgan,
    _draw_images,
    _run_dcgan,
    cifar_dcgan,
    classifier,
    killed_runs,
    mnist_dcgan,
    pytorch_dcgan,
    sample,
)
from gan_from_scratch import checkpoint, data, train

TINY = {"batch": 8, "width": 4, "noise_dim": 5, "categories": 2}
STEPS = 60  # three compiled calls


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """One folder of trained classifiers for all tests here."""
    return tmp_path_factory.mktemp("cache")


def settings(script, out: Path, cache: Path, *, run=None, **training):
    """A small run on made-up images."""
    config = script.Config()
    everywhere = {"out": out, "cache": cache, "synthetic": 60, "sample_every": 20, "checkpoint_every": 20}
    return replace(
        config,
        classes=data.CLASSES["mnist"] if script is mnist_dcgan else data.CLASSES["cifar10"],
        run=replace(config.run, **(everywhere | (run or {}))),
        training=replace(config.training, **({"steps": STEPS, "hidden": 6, "decay": False} | TINY | training)),
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory, cache) -> Path:
    """A run that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole")
    mnist_dcgan.main(settings(mnist_dcgan, out, cache))
    return out


def newest(out: Path) -> checkpoint.Checkpoint:
    _, state, about = _run_dcgan.restored(out)
    return checkpoint.load(out / _run_dcgan.CHECKPOINTS, state)._replace(about=about)


def numbers(out: Path) -> dict:
    """result.json without what a clock said."""
    found = json.loads((out / "result.json").read_text())["numbers"]
    return {key: value for key, value in found.items() if "second" not in key}


def assert_same_run(one: Path, other: Path) -> None:
    a, b = newest(one), newest(other)
    assert a.step == b.step == STEPS
    for x, y in zip(jax.tree.leaves(a.state), jax.tree.leaves(b.state), strict=True):
        np.testing.assert_array_equal(x, y)
    for name in {*_run_dcgan.METRICS, "frames", "frame_steps"}:
        np.testing.assert_array_equal(a.history[name], b.history[name])
    assert numbers(one) == numbers(other)
    assert (one / "samples.png").read_bytes() == (other / "samples.png").read_bytes()


def test_a_run_writes_what_it_promises(whole):
    assert {path.name for path in whole.iterdir()} == {
        "samples.png", "training.gif", "losses.png", "result.json", "checkpoints"
    }  # fmt: skip
    found = numbers(whole)
    assert found["steps"] == STEPS and found["non_finite_at_step"] is None
    assert set(found["judged"]) == {"generated", "real"}
    assert newest(whole).history["frame_steps"].tolist() == [0, 20, 40, STEPS]
    with Image.open(whole / "training.gif") as gif:
        assert gif.n_frames == 4


def test_a_resumed_run_is_the_uninterrupted_one_to_the_bit(tmp_path, cache, whole):
    mnist_dcgan.main(settings(mnist_dcgan, tmp_path, cache, steps=20))
    mnist_dcgan.main(settings(mnist_dcgan, tmp_path, cache, run={"resume": True}))
    assert newest(tmp_path).history["frame_steps"].tolist() == [0, 20, 40, STEPS]
    assert_same_run(tmp_path, whole)


def test_sigterm_saves_and_the_run_goes_on(tmp_path, cache, whole):
    """The run is too long to end before the signal; what it reached is compared with a run of the same length."""
    environment = {**os.environ, "PYTHONPATH": str(Path(experiments.__file__).parent.parent)}
    arguments = ["--out", tmp_path, "--cache", cache, "--synthetic", 60, "--sample-every", 20, "--checkpoint-every", 20]
    arguments += ["--steps", 10**6, "--batch", 8, "--width", 4, "--noise-dim", 5, "--categories", 2]
    arguments += ["--hidden", 6, "--no-decay"]
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments.mnist_dcgan", *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    folder = tmp_path / _run_dcgan.CHECKPOINTS
    while not (folder / "20" / "commit_success.txt").exists():
        assert process.poll() is None
        time.sleep(0.05)  # waits for another process, not for time to pass
    process.send_signal(signal.SIGTERM)
    out, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "go on with --resume" in out and "Traceback" not in errors
    step = checkpoint.newest(folder)
    assert step % _dcgan.CHUNK == 0
    again = settings(mnist_dcgan, tmp_path, cache, run={"resume": True}, steps=max(STEPS, step))
    if step < STEPS:
        mnist_dcgan.main(again)
        assert_same_run(tmp_path, whole)
    else:
        first = newest(whole).history["loss_d"][:40]
        np.testing.assert_array_equal(newest(tmp_path).history["loss_d"][:40], first)


def test_another_configuration_is_refused_with_the_fields_named(cache, whole):
    changed = settings(mnist_dcgan, whole, cache, run={"resume": True, "seed": 1}, rate_g=1e-3)
    rate = mnist_dcgan.Config().training.rate_g
    with pytest.raises(ValueError, match=rf"another run: rate_g is 0.001 here and {rate} there, seed is 1 here and 0"):
        mnist_dcgan.main(changed)
    with pytest.raises(ValueError, match=r"checkpoints: go on from them with --resume"):
        mnist_dcgan.main(settings(mnist_dcgan, whole, cache))


def test_a_run_is_not_resumed_to_an_earlier_step(cache, whole):
    with pytest.raises(ValueError, match=rf"steps is 5, but must be at least {STEPS}"):
        mnist_dcgan.main(settings(mnist_dcgan, whole, cache, run={"resume": True}, steps=5))


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    saved = checkpoint.Checkpoint(1, {"w": jnp.zeros(2)}, {"seconds": np.zeros(1)}, {"data": "mnist", "width": 4})
    checkpoint.save(tmp_path / _run_dcgan.CHECKPOINTS, saved)
    with pytest.raises(
        ValueError, match=r"expected a checkpoint of mnist_dcgan or cifar_dcgan, found one of something"
    ):
        _run_dcgan.restored(tmp_path)


def test_with_falling_rates_a_run_cannot_be_made_longer():
    short, long = ({"decay": True, "steps": steps, "out": str(steps)} for steps in (1, 2))
    with pytest.raises(ValueError, match=r"another run: steps is 2 here and 1 there"):
        _run_dcgan.refuse_another(short, long)
    _run_dcgan.refuse_another(short | {"decay": False}, long | {"decay": False})


@pytest.mark.parametrize(
    ("script", "run", "training", "named"),
    [
        (mnist_dcgan, {"resume": True}, {}, "has no complete checkpoint"),
        (mnist_dcgan, {}, {"batch": 61}, "batch is 61, but must be at most 60"),
        (mnist_dcgan, {"samples": 5}, {}, "samples is 5 and there are 60 test images, but more than 5"),
        (mnist_dcgan, {"synthetic": 31}, {}, "synthetic is 31, but must be at least 32"),
        (mnist_dcgan, {}, {"architecture": "textbook"}, "architecture is 'textbook'"),
        (mnist_dcgan, {"synthetic": None, "data_dir": Path("nowhere")}, {}, "data_dir is 'nowhere'"),
    ],
)
def test_bad_input_is_named_before_anything_is_written(tmp_path, cache, script, run, training, named):
    with pytest.raises((ValueError, OSError), match=named):
        script.main(settings(script, tmp_path / "out", cache, run=run, **training))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("classes", "named"), [((), "classes is empty"), (("toad",), "classes is 'toad'"), (("3",), "at least 2 images")]
)
def test_a_class_selection_that_cannot_be_learnt_is_named(tmp_path, cache, classes, named):
    config = settings(mnist_dcgan, tmp_path / "out", cache, run={"synthetic": 3})
    with pytest.raises(ValueError, match=named):
        mnist_dcgan.main(replace(config, classes=classes))


@pytest.mark.parametrize(
    "field",
    [
        {"steps": 0}, {"batch": 0}, {"k": 0}, {"noise_dim": 0}, {"width": -1}, {"hidden": -1}, {"rate_g": 0.0},
        {"rate_d": -1.0}, {"b1": 1.0}, {"average": 1.0}, {"smoothing": 1.5}, {"label_noise": -0.1}, {"dropout": 1.0},
        {"clip": -1.0}, {"r1": float("nan")}, {"shift": -1}, {"skip_below": -1.0}, {"loss": "hinge"},
        {"categories": -1}, {"categories": 100},
        {"noise": "laplace"}, {"batch": 1},
        {"dtype": "float16"}, {"optimizer": "sgd"}, {"architecture": "resnet"}, {"smoothing": 0.6, "label_noise": 0.6},
    ],
    ids=str,
)  # fmt: skip
def test_bad_settings_of_training_are_named(field):
    name, value = next(iter(field.items()))
    with pytest.raises(ValueError, match=rf"^{name} is {value!r}"):
        _dcgan.Training(**{"steps": 1, **field})


def test_a_run_that_explodes_keeps_its_checkpoint(tmp_path, cache, whole):
    """After good steps learning rates of 1e30 follow; what was saved before stays, and the curves are drawn."""
    out = shutil.copytree(whole, tmp_path / "out")
    config = settings(mnist_dcgan, out, cache, run={"resume": True}, steps=STEPS + 20)
    wild = replace(config.training, rate_g=1e30, rate_d=1e30)
    build = _dcgan.build
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_dcgan, "build", lambda training, shape: build(wild, shape))
        with pytest.raises(
            FloatingPointError, match=rf"non-finite at step 6\d; the newest checkpoint is of step {STEPS}"
        ):
            mnist_dcgan.main(config)
    assert numbers(out)["non_finite_at_step"] > STEPS and "judged" not in numbers(out)
    assert checkpoint.newest(out / _run_dcgan.CHECKPOINTS) == STEPS


def test_every_switch_at_once_on_cifar10(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(train, "UNROLL", 1)  # one copy of D's step is compiled, not one for each of the k
    switches = {
        "noise": "uniform", "k": 2, "clip": 1.0, "optimizer": "rmsprop", "decay": True, "average": 0.0, "r1": 0.1,
        "smoothing": 0.1, "label_noise": 0.05, "dropout": 0.4, "skip_below": 0.2, "loss": "saturating", "steps": 3,
        "dtype": "bfloat16", "shift": 2,
    }  # fmt: skip
    cifar_dcgan.main(settings(cifar_dcgan, tmp_path, cache, **switches))
    assert numbers(tmp_path)["steps"] == 3


def test_all_means_every_class():
    assert cifar_dcgan.Config(classes=("all",)).classes == data.CLASSES["cifar10"]


# What else the scripts write


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


def test_a_setting_that_a_checkpoint_does_not_know_is_off(whole, monkeypatch):
    about = checkpoint.about(whole / _run_dcgan.CHECKPOINTS)
    del about["shift"]
    monkeypatch.setattr(checkpoint, "about", lambda folder: about)
    gan, _, _ = _run_dcgan.restored(whole)
    assert gan.shift == 0


def test_an_image_does_not_depend_on_its_batch_mates(whole):
    """At sampling time: the same noise alone and among others."""
    gan, state, _ = _run_dcgan.restored(whole)
    z = gan.sample_noise(jax.random.key(0), 9)
    together = train.generate(gan, state, z)
    alone = jnp.concatenate([train.generate(gan, state, z[i : i + 1]) for i in range(9)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


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
    moved = sample.traversed(z, sample.Config(), "gaussian", first)
    for row in range(8):
        for value, point in zip(np.linspace(-3, 3, sample.COLUMNS), moved[row], strict=True):
            np.testing.assert_allclose(point, z[row].at[first + row % (6 - first)].set(value), rtol=1e-6)
    one = sample.traversed(z, sample.Config(coordinate=4), "uniform", first)
    np.testing.assert_allclose(one[3, 0], z[3].at[4].set(-1))


def test_every_category_in_turn_and_nothing_else_changes():
    z = _dcgan.sampler_of_noise("gaussian", 7, 3)(jax.random.key(0), 4)
    every = sample.with_every_category(z, 3)
    assert every.shape == (4, 3, 7)
    np.testing.assert_array_equal(every[:, :, 3:], jnp.broadcast_to(z[:, None, 3:], (4, 3, 4)))
    for row in range(4):
        assert sum(bool(jnp.array_equal(point, z[row])) for point in every[row]) == 1


@pytest.mark.parametrize("categories", [0, 3])
@pytest.mark.parametrize(("noise", "std"), [("gaussian", 1), ("uniform", 1 / 3**0.5)])
def test_noise_is_a_category_and_independent_draws(noise, std, categories):
    """10,000 z: each category within 5 standard deviations of a third, the rest with the moments of their kind."""
    z = np.asarray(_dcgan.sampler_of_noise(noise, 8, categories)(jax.random.key(3), 10_000))
    assert z.shape == (10_000, 8)
    category, rest = z[:, :categories], z[:, categories:]
    assert set(np.unique(category)) <= {0, _dcgan.CATEGORY}
    if categories:
        assert np.all((category > 0).sum(axis=1) == 1)
        np.testing.assert_allclose((category > 0).mean(axis=0), 1 / categories, atol=5 * (2 / 9 / 10_000) ** 0.5)
    # A mean of 10,000 draws is off by std / 100, a variance of Gaussian ones by .014: 5 times that and a little more.
    np.testing.assert_allclose(rest.mean(axis=0), 0, atol=0.05 * std)
    np.testing.assert_allclose(np.cov(z.T)[categories:, categories:], std**2 * np.eye(8 - categories), atol=0.08)
    if noise == "uniform":
        assert np.abs(rest).max() <= 1


def test_nearest_finds_the_image_itself_first():
    images, _ = data.synthetic("cifar10", 40)
    order, distance = sample.nearest(images[5:8], images)
    np.testing.assert_array_equal(order[:, 0], [5, 6, 7])
    assert np.all(distance[:, 0] < 1e-2) and np.all(np.diff(distance, axis=1) >= 0)
    by_hand = np.sqrt(np.mean((images[5].astype(float) - images[order[0, 1]]) ** 2))
    assert distance[0, 1] == pytest.approx(by_hand, rel=1e-3)


def test_tiles_stand_row_after_row():
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 3, 1), np.uint8)
    picture = _draw_images.tiles(images, 2)
    gap, tall, wide = _draw_images.GAP, 2 * _draw_images.ENLARGED, 3 * _draw_images.ENLARGED
    assert picture.shape == (4 * gap + 3 * tall, 3 * gap + 2 * wide, 3)
    assert picture[gap + tall + gap, gap + wide + gap].tolist() == [3, 3, 3]
    assert picture[-gap - 1, -gap - 1].tolist() == [255, 255, 255]  # the sixth place is empty


def test_bytes_and_units_are_inverse():
    every = jnp.arange(256, dtype=jnp.uint8)
    np.testing.assert_array_equal(classifier.to_bytes(classifier.to_unit(every)), every)
    assert classifier.to_unit(every)[0] == -1 and classifier.to_unit(every)[-1] == 1


def test_a_classifier_that_explodes_is_not_kept(tmp_path):
    config = classifier.Config(synthetic=60, width=4, epochs=2, batch=20, rate=1e30, out=tmp_path, cache=tmp_path)
    with pytest.raises(FloatingPointError, match=r"non-finite at rate 1e\+30; nothing was kept"):
        classifier.trained(config)
    assert not list(tmp_path.rglob("commit_success.txt"))


def test_a_classifier_is_trained_once(tmp_path, cache):
    config = classifier.Config(synthetic=300, width=4, epochs=4, batch=32, out=tmp_path, cache=cache)
    judge, seconds = classifier.trained(config)
    again, found = classifier.trained(config)
    assert seconds is not None and found is None
    images, labels = classifier.images_of(config, "test")
    logits, features = judge(images[:7])
    assert logits.shape == (7, 10) and features.shape == (7, 16)
    np.testing.assert_array_equal(again(images[:7])[0], logits)
    np.testing.assert_allclose(judge(images)[0][:7], logits, atol=1e-4)
    classifier.main(config)
    accuracy = numbers(tmp_path)["test_accuracy"]
    assert accuracy == pytest.approx(np.mean(judge(images)[0].argmax(axis=1) == labels))
    assert accuracy > 0.2  # chance is .1


def test_other_images_of_the_same_shape_get_a_classifier_of_their_own(tmp_path, monkeypatch):
    config = classifier.Config(synthetic=60, width=4, epochs=1, batch=20, out=tmp_path, cache=tmp_path)
    assert classifier.trained(config)[1] is not None
    images, labels = classifier.images_of(config, "train")
    monkeypatch.setattr(classifier, "images_of", lambda config, split: (255 - images, labels))
    assert classifier.trained(config)[1] is not None
    assert classifier.trained(config)[1] is None


def test_the_plain_pytorch_dcgan_is_judged_alike(tmp_path, cache):
    pytest.importorskip("torch")
    with pytest.MonkeyPatch.context() as patch:
        small = replace(mnist_dcgan.Config().training, **TINY)
        patch.setattr(mnist_dcgan, "Config", lambda: replace(CONFIG, training=small))
        pytorch_dcgan.main(pytorch_dcgan.Config(out=tmp_path, cache=cache, synthetic=60, steps=3))
    assert set(numbers(tmp_path)["judged"]) == {"generated", "real"}


CONFIG = mnist_dcgan.Config()


def test_both_frameworks_have_the_same_networks():
    """As many parameters in each, layer by layer, and the same shapes of what they map."""
    torch = pytest.importorskip("torch")
    from experiments import _torch_dcgan

    for size, channels, hidden in ((28, 1, 6), (32, 3, 0)):
        gan = _dcgan.build(_dcgan.Training(1, **TINY, hidden=hidden), (size, size, channels))
        state = jax.eval_shape(lambda key, gan=gan: train.init(gan, key), jax.random.key(0))
        theirs = (
            _torch_dcgan.Generator(size, channels, 4, hidden, 5),
            _torch_dcgan.Discriminator(size, channels, 4, hidden),
        )
        for player, module in zip(state[:2], theirs, strict=True):
            ours = sorted(leaf.size for leaf in jax.tree.leaves(player.params))
            assert ours == sorted(parameter.numel() for parameter in module.parameters())
        x = theirs[0](torch.zeros(3, 5))
        assert x.shape == (3, channels, size, size) and theirs[1](x).shape == (3,)


def test_a_killed_run_ends_as_one_left_alone(tmp_path, cache):
    killed_runs.main(killed_runs.Config(kills=1, steps=100, wait=0.0, out=tmp_path, cache=cache))
    found = numbers(tmp_path)
    assert found["kills"][0]["loaded_step"] >= 20 and found["checkpoints_lost"] == 0
    assert found["same_as_the_run_left_alone"] is True
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_runs_of_unlike_length_are_not_the_same(tmp_path, whole):
    shutil.copytree(whole, tmp_path / "shorter")
    shutil.rmtree(tmp_path / "shorter" / _run_dcgan.CHECKPOINTS / str(STEPS))
    assert killed_runs.same_run(whole, whole) and not killed_runs.same_run(whole, tmp_path / "shorter")
