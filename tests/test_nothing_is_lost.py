"""A full disk, a cache that cannot be written, files of others: what was computed is kept, and what is not ours too."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from experiments import cifar_dcgan, classifier, killed_runs, mnist_dcgan, pytorch_dcgan, sample
from experiments.image_runs import classifier as judges
from experiments.image_runs import resume
from gan_from_scratch import checkpoint

NOWHERE = Path("/dev/null")


@pytest.mark.parametrize("command", [mnist_dcgan, cifar_dcgan], ids=lambda command: command.__name__)
def test_a_cache_that_cannot_be_written_is_named_before_the_first_step(tmp_path, small, monkeypatch, command):
    monkeypatch.setattr(command, "learn", None)
    with pytest.raises(ValueError, match="--cache is /dev/null, but must be a folder that can be written to"):
        command.main(small(command, tmp_path / "out", run={"cache": NOWHERE}))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("command", "settings"),
    [(classifier, {"learning": judges.Learning(synthetic=200)}), (killed_runs, {}), (pytorch_dcgan, {"synthetic": 99})],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_other_commands_name_such_a_cache_as_well(tmp_path, command, settings):
    with pytest.raises(ValueError, match="--cache is /dev/null"):
        command.main(command.Config(out=tmp_path / "out", cache=NOWHERE, **settings))
    assert not (tmp_path / "out").exists()


def test_samples_and_numbers_are_there_before_the_judge_who_may_fail(tmp_path, small, whole, monkeypatch):
    out = shutil.copytree(whole, tmp_path / "out")
    for name in ("result.json", "samples.png"):
        (out / name).unlink()

    def fails(*arguments):
        raise OSError("no judge")

    monkeypatch.setattr(mnist_dcgan, "trained", fails)
    with pytest.raises(OSError, match="no judge"):
        mnist_dcgan.main(small(mnist_dcgan, out, run={"resume": True}))
    assert (out / "samples.png").read_bytes() == (whole / "samples.png").read_bytes()
    assert json.loads((out / "result.json").read_text())["numbers"]["steps"] == 60


def test_a_judge_that_cannot_be_kept_judges_all_the_same(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoint, "save", full)
    learning = judges.Learning(synthetic=60, width=4, epochs=1, batch=20)
    images = np.zeros((60, 28, 28, 1), np.uint8), np.zeros(60, np.uint8)
    with pytest.warns(UserWarning, match="not kept for the next run: No space left"):
        judge, seconds = judges.trained(learning, images, tmp_path)
    assert seconds is not None and judge(images[0][:2])[0].shape == (2, 10)


def test_sample_does_not_write_into_the_folder_of_the_run(tmp_path, whole):
    out = shutil.copytree(whole, tmp_path / "out")
    before = (out / "result.json").read_bytes()
    with pytest.raises(ValueError, match=r"holds what mnist_dcgan wrote, samples\.png among it: choose another folder"):
        sample.main(sample.Config(run=out, out=out, n=4))
    assert (out / "result.json").read_bytes() == before and not (out / "samples.npz").exists()


@pytest.mark.parametrize("theirs", ["png/000001.png", "samples.npz", "nearest.png"])
def test_sample_overwrites_no_file_of_others(tmp_path, whole, theirs):
    (tmp_path / theirs).parent.mkdir(exist_ok=True)
    (tmp_path / theirs).write_text("precious")
    with pytest.raises(ValueError, match=f"sample did not write the {theirs} in it"):
        sample.main(sample.Config(run=whole, out=tmp_path, n=4))
    assert (tmp_path / theirs).read_text() == "precious"


def test_a_damaged_newest_checkpoint_is_passed_over_and_the_run_ends_as_it_would(tmp_path, small, whole):
    out = shutil.copytree(whole, tmp_path / "out")
    newest = max((out / resume.CHECKPOINTS).iterdir(), key=lambda path: int(path.name))
    shutil.rmtree(newest / "history")
    with pytest.warns(UserWarning, match=rf"{newest.name} is damaged .*the checkpoint of step 40 takes its place"):
        mnist_dcgan.main(small(mnist_dcgan, out, run={"resume": True}))
    assert checkpoint.newest(out / resume.CHECKPOINTS) == 60
    assert (out / "samples.png").read_bytes() == (whole / "samples.png").read_bytes()


def test_a_signal_in_the_last_save_is_not_forgotten(tmp_path, small, whole, monkeypatch):
    """The run is saved, and its judgement is left for --resume."""
    from experiments.image_runs import learn

    asked = []

    class Came:
        """Not when it is asked before the save, and then it came."""

        def __enter__(self):
            return lambda: bool(asked) or asked.append(1)

        def __exit__(self, *error):
            return None

    monkeypatch.setattr(learn, "stop_signals", Came)
    config = small(mnist_dcgan, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        mnist_dcgan.main(dataclasses.replace(config, training=dataclasses.replace(config.training, steps=20)))
    assert checkpoint.newest(tmp_path / resume.CHECKPOINTS) == 20 and not (tmp_path / "result.json").exists()


def test_a_damaged_judge_is_trained_anew_with_a_warning(tmp_path):
    learning = judges.Learning(synthetic=60, width=4, epochs=1, batch=20)
    images = np.zeros((60, 28, 28, 1), np.uint8), np.zeros(60, np.uint8)
    judges.trained(learning, images, tmp_path)
    [state] = tmp_path.glob("classifiers/*/1/state")
    shutil.rmtree(state)
    with pytest.warns(UserWarning, match="is damaged .*the classifier is trained anew"):
        _, seconds = judges.trained(learning, images, tmp_path)
    assert seconds is not None and judges.trained(learning, images, tmp_path)[1] is None


def test_a_run_from_before_there_was_quick_can_be_resumed():
    about = {"out": "a", "data_dir": None, "cache": None, "decay": True, "steps": 10}
    resume.refuse_another(about, about | {"quick": False})


def test_a_sample_that_cannot_be_written_is_named_and_leaves_no_half_file(tmp_path, whole, monkeypatch):
    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"png/000000\.png could not be written: No space left"):
        sample.main(sample.Config(run=whole, out=tmp_path, n=4))
    monkeypatch.undo()
    assert not list((tmp_path / "png").iterdir())
    sample.main(sample.Config(run=whole, out=tmp_path, n=4))
