"""The image commands end to end at toy size: resumed to the bit, stopped by signals, refused where they must be."""

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
from PIL import Image

import experiments
from experiments import cifar_dcgan, killed_runs, mnist_dcgan, pytorch_dcgan
from experiments.image_runs import gan as gans
from experiments.image_runs import learn, resume
from experiments.image_runs.restore import restored
from gan_from_scratch import checkpoint, data, train

STEPS = 60  # of the fixture `whole`
TINY = {"batch": 8, "width": 4, "noise_dim": 5, "categories": 2}


def newest(out: Path) -> checkpoint.Checkpoint:
    _, progress, about = restored(out)
    return checkpoint.Checkpoint(int(progress.state.step), *progress, about)


def numbers(out: Path) -> dict:
    """result.json without what a clock said."""
    found = json.loads((out / "result.json").read_text())["numbers"]
    return {key: value for key, value in found.items() if "second" not in key}


def assert_same_run(one: Path, other: Path) -> None:
    a, b = newest(one), newest(other)
    assert a.step == b.step == STEPS
    for x, y in zip(jax.tree.leaves(a.state), jax.tree.leaves(b.state), strict=True):
        np.testing.assert_array_equal(x, y)
    for name in {*learn.METRICS, "frames", "frame_steps"}:
        np.testing.assert_array_equal(a.history[name], b.history[name])
    assert numbers(one) == numbers(other)
    assert (one / "samples.png").read_bytes() == (other / "samples.png").read_bytes()


def test_a_run_writes_what_it_promises(whole):
    assert {path.name for path in whole.glob("[!.]*")} == {
        "samples.png", "training.gif", "losses.png", "result.json", "checkpoints"
    }  # fmt: skip
    found = numbers(whole)
    assert found["steps"] == STEPS and found["non_finite_at_step"] is None
    assert set(found["judged"]) == {"generated", "real"}
    assert newest(whole).history["frame_steps"].tolist() == [0, 20, 40, STEPS]
    with Image.open(whole / "training.gif") as gif:
        assert gif.n_frames == 4


def test_a_resumed_run_is_the_uninterrupted_one_to_the_bit(tmp_path, small, whole):
    mnist_dcgan.main(small(mnist_dcgan, tmp_path, steps=20))
    mnist_dcgan.main(small(mnist_dcgan, tmp_path, run={"resume": True}))
    assert newest(tmp_path).history["frame_steps"].tolist() == [0, 20, 40, STEPS]
    assert_same_run(tmp_path, whole)


def test_sigterm_saves_and_the_run_goes_on(tmp_path, cache, small, whole):
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
    folder = tmp_path / resume.CHECKPOINTS
    while not (folder / "20" / "commit_success.txt").exists():
        assert process.poll() is None
        time.sleep(0.05)  # waits for another process, not for time to pass
    process.send_signal(signal.SIGTERM)
    out, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "go on with --resume" in out and "Traceback" not in errors
    step = checkpoint.newest(folder)
    assert step % learn.CHUNK == 0
    again = small(mnist_dcgan, tmp_path, run={"resume": True}, steps=max(STEPS, step))
    if step < STEPS:
        mnist_dcgan.main(again)
        assert_same_run(tmp_path, whole)
    else:
        first = newest(whole).history["loss_d"][:40]
        np.testing.assert_array_equal(newest(tmp_path).history["loss_d"][:40], first)


def test_another_configuration_is_refused_with_the_fields_named(small, whole):
    changed = small(mnist_dcgan, whole, run={"resume": True, "seed": 1}, rate_g=1e-3)
    rate = mnist_dcgan.Config().training.rate_g
    with pytest.raises(ValueError, match=rf"another run: rate_g is 0.001 here and {rate} there, seed is 1 here and 0"):
        mnist_dcgan.main(changed)
    with pytest.raises(ValueError, match=r"checkpoints: go on from them with --resume"):
        mnist_dcgan.main(small(mnist_dcgan, whole))


def test_a_run_is_not_resumed_to_an_earlier_step(small, whole):
    with pytest.raises(ValueError, match=rf"steps is 5, but must be at least {STEPS}"):
        mnist_dcgan.main(small(mnist_dcgan, whole, run={"resume": True}, steps=5))


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    saved = checkpoint.Checkpoint(1, {"w": jnp.zeros(2)}, {"seconds": np.zeros(1)}, {"data": "mnist", "width": 4})
    checkpoint.save(tmp_path / resume.CHECKPOINTS, saved)
    with pytest.raises(ValueError, match=r"expected a checkpoint of mnist_dcgan, cifar_dcgan, stacked_mnist or g"):
        restored(tmp_path)


def test_with_falling_rates_a_run_cannot_be_made_longer():
    short, long = ({"decay": True, "steps": steps, "out": str(steps)} for steps in (1, 2))
    with pytest.raises(ValueError, match=r"another run: steps is 2 here and 1 there"):
        resume.refuse_another(short, long)
    resume.refuse_another(short | {"decay": False}, long | {"decay": False})


@pytest.mark.parametrize(
    ("run", "training", "named"),
    [
        ({"resume": True}, {}, "has no complete checkpoint"),
        ({}, {"batch": 61}, "batch is 61, but must be at most 60"),
        ({"samples": 5}, {}, "samples is 5 and there are 60 test images, but more than 5"),
        ({"synthetic": 10}, {"batch": 8}, "synthetic is 10, but must be at least 32, the judge's batch"),
        ({}, {"architecture": "textbook"}, "architecture is 'textbook'"),
        ({"synthetic": None, "data_dir": Path("nowhere")}, {}, "data_dir is 'nowhere'"),
        ({}, {"k": 0}, "k is 0"),
        ({}, {"smoothing": 0.6, "label_noise": 0.6}, "smoothing is 0.6 and label_noise 0.6, but their sum"),
        ({}, {"r1": 1.0}, "r1 is 1.0, but with batch statistics in D"),
        ({}, {"width": 10**7}, "choose a smaller width, hidden, noise_dim or batch"),
        ({}, {"hidden": 10**11}, "choose a smaller width, hidden, noise_dim or batch"),
    ],
    ids=str,
)
def test_bad_input_is_named_before_anything_is_written(tmp_path, small, monkeypatch, run, training, named):
    """And before any step."""
    monkeypatch.setattr(mnist_dcgan, "learn", None)
    with pytest.raises((ValueError, OSError), match=named):
        mnist_dcgan.main(small(mnist_dcgan, tmp_path / "out", run=run, **training))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["samples.png", "result.json", "training.gif", "checkpoints"])
def test_what_stands_in_the_way_is_named_before_the_first_step(tmp_path, small, monkeypatch, name):
    """A folder where a file will be written, or a file where a folder will."""
    monkeypatch.setattr(mnist_dcgan, "learn", None)
    (tmp_path / name).touch() if name == "checkpoints" else (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match=f"--out is .*{tmp_path.name}, but {name} in it is in the way"):
        mnist_dcgan.main(small(mnist_dcgan, tmp_path))
    assert [path.name for path in tmp_path.glob("[!.]*")] == [name]


@pytest.mark.parametrize(
    ("classes", "named"), [((), "classes is empty"), (("toad",), "classes is 'toad'"), (("3",), "at least 2 images")]
)
def test_a_class_selection_that_cannot_be_learnt_is_named(tmp_path, small, classes, named):
    config = small(mnist_dcgan, tmp_path / "out", run={"synthetic": 3})
    with pytest.raises(ValueError, match=named):
        mnist_dcgan.main(replace(config, classes=classes))


def test_a_run_that_explodes_keeps_its_checkpoint(tmp_path, small, whole, monkeypatch, beyond):
    """After good steps learning rates of 1e30 follow; what was saved before stays, and the curves are drawn."""
    out = shutil.copytree(whole, tmp_path / "out")
    config = small(mnist_dcgan, out, run={"resume": True}, steps=STEPS + 20)
    wild = beyond(config.training, rate_g=1e30, rate_d=1e30)
    monkeypatch.setattr(mnist_dcgan, "build", lambda training, shape: gans.build(wild, shape))
    with pytest.raises(FloatingPointError, match=rf"non-finite at step 6\d; the newest checkpoint is of step {STEPS}"):
        mnist_dcgan.main(config)
    assert numbers(out)["non_finite_at_step"] > STEPS and "judged" not in numbers(out)
    assert checkpoint.newest(out / resume.CHECKPOINTS) == STEPS


def test_numbers_are_kept_when_drawing_fails(tmp_path, small, whole, monkeypatch):
    out = shutil.copytree(whole, tmp_path / "out")
    (out / "result.json").unlink()

    def full(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(mnist_dcgan, "draw_run", full)
    with pytest.raises(OSError, match="No space left"):
        mnist_dcgan.main(small(mnist_dcgan, out, run={"resume": True}))
    assert numbers(out) == numbers(whole)


def test_every_switch_at_once_on_cifar10(tmp_path, small, monkeypatch):
    monkeypatch.setattr(train, "UNROLL", 1)  # one copy of D's step is compiled, not one for each of the k
    switches = {
        "noise": "uniform", "k": 2, "clip": 1.0, "optimizer": "rmsprop", "decay": True, "average": 0.0, "r1": 0.1,
        "batch_norm": False, "smoothing": 0.1, "label_noise": 0.05, "dropout": 0.4, "skip_below": 0.2,
        "loss": "saturating", "steps": 3, "dtype": "bfloat16", "shift": 2,
    }  # fmt: skip
    cifar_dcgan.main(small(cifar_dcgan, tmp_path, **switches))
    assert numbers(tmp_path)["steps"] == 3


def test_all_means_every_class():
    assert cifar_dcgan.Config(classes=("all",)).classes == data.CLASSES["cifar10"]


def test_an_image_does_not_depend_on_its_batch_mates(whole):
    """At sampling time: the same noise alone and among others."""
    gan, (state, _), _ = restored(whole)
    z = gan.sample_noise(jax.random.key(0), 9)
    together = train.generate(gan, state, z)
    alone = jnp.concatenate([train.generate(gan, state, z[i : i + 1]) for i in range(9)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


# The commands that run or rival it


def test_the_plain_pytorch_dcgan_is_judged_alike(tmp_path, cache, monkeypatch, capsys):
    pytest.importorskip("torch")
    monkeypatch.setattr(pytorch_dcgan, "DIGITS", replace(pytorch_dcgan.DIGITS, **TINY))
    pytorch_dcgan.main(pytorch_dcgan.Config(out=tmp_path, cache=cache, synthetic=60, steps=3))
    assert set(numbers(tmp_path)["judged"]) == {"generated", "real"}
    assert "Frechet distance to test" in capsys.readouterr().out


def test_a_killed_run_ends_as_one_left_alone(tmp_path, cache):
    killed_runs.main(killed_runs.Config(kills=1, steps=100, wait=0.0, out=tmp_path, cache=cache))
    found = numbers(tmp_path)
    assert found["kills"][0]["loaded_step"] >= 20 and found["checkpoints_lost"] == 0
    assert found["same_as_the_run_left_alone"] is True
    assert [path.name for path in tmp_path.glob("[!.]*")] == ["result.json"]


def test_runs_of_unlike_length_are_not_the_same(tmp_path, whole):
    shutil.copytree(whole, tmp_path / "shorter")
    shutil.rmtree(tmp_path / "shorter" / resume.CHECKPOINTS / str(STEPS))
    assert killed_runs.same_run(whole, whole) and not killed_runs.same_run(whole, tmp_path / "shorter")
