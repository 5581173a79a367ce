"""Command lines: help, one sentence for bad input, exit codes, folders and files. No old result is touched."""

import dataclasses
import importlib
import os
import re
import runpy
import subprocess
import sys
import typing
from pathlib import Path

import jax
import pytest
import tyro

import experiments
from experiments import (
    benchmark,
    classifier,
    dirac_gan,
    frozen_players,
    goodfellow_1d,
    gradient_vanishing,
    killed_runs,
    mnist_dcgan,
    optimal_discriminator,
    pytorch_dcgan,
    sample,
)
from experiments.command import folder, line, quick, results

COMMANDS = sorted(path.stem for path in Path(experiments.__file__).parent.glob("[!_]*.py"))


def test_the_list_names_every_command_and_nothing_else(capsys):
    runpy.run_module("experiments", run_name="__main__")
    assert re.findall(r"^python -m experiments\.(\w+) ", capsys.readouterr().out, flags=re.MULTILINE) == COMMANDS


def fields_of(config: type) -> list[dataclasses.Field]:
    """Those of the dataclasses in it included, whose names the command line leaves out."""
    hints = typing.get_type_hints(config)
    found = []
    for field in dataclasses.fields(config):
        inner = hints[field.name]
        found += fields_of(inner) if dataclasses.is_dataclass(inner) else [field]
    return found


def configured(command, **settings):
    """Its Config with these settings, whichever dataclass in it has them."""

    def made(kind: type):
        hints = typing.get_type_hints(kind)
        inner = {field.name: made(hints[field.name]) for field in dataclasses.fields(kind)
                 if dataclasses.is_dataclass(hints[field.name])}  # fmt: skip
        own = {field.name: settings[field.name] for field in dataclasses.fields(kind) if field.name in settings}
        return kind(**inner, **own)

    return made(command.Config)


def typed(monkeypatch, command, *arguments: str) -> int | None:
    """The exit code of `python -m experiments.COMMAND ARGUMENTS`, or None if it came to its end."""
    monkeypatch.setattr(sys, "argv", [command.__name__, *arguments])
    try:
        line.command_line(command.Config, command.main, command.__doc__)
    except SystemExit as stop:
        return stop.code


@pytest.mark.parametrize("name", COMMANDS)
def test_help_explains_every_field(name, capsys, monkeypatch):
    command = importlib.import_module(f"experiments.{name}")
    assert typed(monkeypatch, command, "--help") == 0
    shown = capsys.readouterr().out
    for field in fields_of(command.Config):
        option = {"digit": "class"}.get(field.name, field.name).replace("_", "-")  # `class` is a word of Python's own
        assert f"--{option}" in shown or "Positional" in str(field.type)


@pytest.mark.parametrize("name", sorted({*COMMANDS} - {"readme"}))
def test_quick_makes_each_command_smaller(name):
    """No number is larger than without it, and some are smaller; what was asked to be smaller still stays so."""
    command = importlib.import_module(f"experiments.{name}")
    run = next((field.default for field in dataclasses.fields(command.Config) if field.name == "run"), None)
    if dataclasses.is_dataclass(run):
        usual, quick = command.Config(), command.Config(run=dataclasses.replace(run, quick=True))
    else:
        usual, quick = configured(command), configured(command, quick=True)
    usual, quick = results.flat(usual), results.flat(quick)
    assert quick["quick"] and not usual["quick"]
    numbers = [key for key, value in usual.items() if isinstance(value, int | float) and key not in ("quick", "seed")]
    assert all(quick[key] <= usual[key] for key in numbers)
    assert any(quick[key] < usual[key] for key in numbers) or name == "pytorch_dcgan"  # whose steps are another's


def test_quick_compiles_sooner_unless_the_user_says_how(monkeypatch):
    """XLA takes the last of two equal flags."""
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=1")
    quick.compile_sooner()
    assert os.environ["XLA_FLAGS"].split() == [f"--xla_backend_optimization_level={level}" for level in (2, 1)]


def test_quick_leaves_what_is_smaller():
    config = configured(goodfellow_1d, quick=True, steps=7, seeds=2)
    assert (config.gan.steps, config.seeds) == (7, 2)
    assert configured(goodfellow_1d, quick=True, discriminator="set").gan.batch == 800


def test_a_default_that_depends_on_another_setting_follows_it():
    of_sets = tyro.cli(goodfellow_1d.Config, args=["--discriminator", "set"]).gan
    assert (of_sets.steps, of_sets.k, of_sets.generator_steps, of_sets.batch) == (1_000, 1, 5, 800)
    of_cifar10 = tyro.cli(classifier.Config, args=["--data", "cifar10"]).learning
    assert (of_cifar10.width, of_cifar10.epochs) == (32, 8)


@pytest.mark.parametrize(
    ("command", "settings", "named"),
    [
        (killed_runs, {"kills": 0}, "kills is 0"),
        (killed_runs, {"wait": -1.0}, "wait is -1.0"),
        (goodfellow_1d, {"steps": 0}, "steps is 0"),
        (goodfellow_1d, {"steps": -5}, "steps is -5"),
        (goodfellow_1d, {"batch": 0}, "batch is 0"),
        (goodfellow_1d, {"seeds": -1}, "seeds is -1"),
        (goodfellow_1d, {"k": 0}, "k is 0"),
        (goodfellow_1d, {"k": True}, "k is True"),
        (goodfellow_1d, {"seed": -1}, "seed is -1"),
        (goodfellow_1d, {"seed": 2**70}, "seed is "),
        (goodfellow_1d, {"std": 0.0}, "std is 0.0"),
        (goodfellow_1d, {"std": 1e-9}, "std is 1e-09"),
        (goodfellow_1d, {"std": float("nan")}, "std is nan"),
        (goodfellow_1d, {"mean": float("nan")}, "mean is nan"),
        (goodfellow_1d, {"rate_g": -1.0}, "rate_g is -1.0"),
        (goodfellow_1d, {"average": 1.0}, "average is 1.0"),
        (goodfellow_1d, {"r1": -0.1}, "r1 is -0.1"),
        (goodfellow_1d, {"noise_low": 2.0}, "low is 2.0 and high is 1.0"),
        (goodfellow_1d, {"data": "cauchy"}, "data is 'cauchy'"),
        (goodfellow_1d, {"loss": "hinge"}, "loss is 'hinge'"),
        (goodfellow_1d, {"discriminator": "set", "batch": 50}, "batch is 50"),
        (goodfellow_1d, {"backend": "numpy", "k": 0}, "k is 0"),
        (goodfellow_1d, {"generator_steps": 0}, "generator_steps is 0"),
        (goodfellow_1d, {"discriminator": "set", "backend": "numpy"}, "backend is 'numpy'"),
        (optimal_discriminator, {"pair": "nowhere"}, "pair is 'nowhere'"),
        (optimal_discriminator, {"batch": 0}, "batch is 0"),
        (gradient_vanishing, {"seeds": 0}, "seeds is 0"),
        (gradient_vanishing, {"d_steps": 0}, "d_steps is 0"),
        (gradient_vanishing, {"batch": -1}, "batch is -1"),
        (gradient_vanishing, {"fresh_d": 0.0}, "fresh_d is 0.0"),
        (gradient_vanishing, {"seed": -1}, "seed is -1"),
        (gradient_vanishing, {"optimizer": "lbfgs"}, "optimizer is 'lbfgs'"),
        (gradient_vanishing, {"data": "cifar"}, "data is 'cifar'"),
        (gradient_vanishing, {"data": "mnist", "epochs": ()}, "epochs is ()"),
        (gradient_vanishing, {"data": "mnist", "epochs": (10, 1)}, "epochs is (10, 1)"),
        (gradient_vanishing, {"data": "mnist", "optimizer": "sgd"}, "optimizer is 'sgd', but --data mnist has no use"),
        (gradient_vanishing, {"width": 8}, "width is 8, but --data toy has no use for it"),
        (gradient_vanishing, {"data_dir": Path("here")}, "data_dir is here, but --data toy has no use for it"),
        (goodfellow_1d, {"backend": "torch"}, "backend is 'torch'"),
        (gradient_vanishing, {"data": "mnist", "synthetic": 9}, "batch is 64, but must be at most 9"),
        (dirac_gan, {"h": 0.0}, "h is 0.0"),
        (dirac_gan, {"h": float("inf")}, "h is inf"),
        (dirac_gan, {"steps": 0}, "steps is 0"),
        (dirac_gan, {"gan_seeds": 0}, "gan_seeds is 0"),
        (dirac_gan, {"gan_steps": -3}, "gan_steps is -3"),
        (dirac_gan, {"seed": 2**40}, "seed is "),
        (frozen_players, {"g_steps": 0}, "g_steps is 0"),
        (frozen_players, {"steps": 0}, "steps is 0"),
        (frozen_players, {"seeds": 0}, "seeds is 0"),
        (frozen_players, {"batch": 0}, "batch is 0"),
        (frozen_players, {"loss": "wasserstein"}, "loss is 'wasserstein'"),
        (
            gradient_vanishing,
            {"data": "mnist", "synthetic": 99, "width": 10**7},
            "choose a smaller width, hidden, noise_dim or batch",
        ),
        (benchmark, {"what": "images", "width": 10**7}, "choose a smaller width, hidden, noise_dim or batch"),
        (benchmark, {"what": "images", "batch": 1}, "batch is 1"),
        (benchmark, {"rounds": 0}, "rounds is 0"),
        (benchmark, {"seconds": 0.0}, "seconds is 0.0"),
        (benchmark, {"what": "sound"}, "what is 'sound'"),
        (classifier, {"synthetic": 0}, "synthetic is 0"),
        (classifier, {"data": "svhn"}, "data is 'svhn'"),
        (classifier, {"epochs": 0}, "epochs is 0"),
        (classifier, {"rate": -1.0}, "rate is -1.0"),
        (classifier, {"synthetic": 20}, "batch is 128, but must be at most 20"),
        (pytorch_dcgan, {"steps": 0}, "steps is 0"),
        (pytorch_dcgan, {"synthetic": 20}, "batch is 64, but must be at most 20"),
        (sample, {"n": 0}, "n is 0"),
        (sample, {"n": 1_000_001}, "n is 1000001"),
        (sample, {"span": float("inf")}, "span is inf"),
        (sample, {"run": Path("nowhere")}, "nowhere/checkpoints has no complete checkpoint"),
    ],
)
def test_bad_settings_are_named_before_anything_is_written(tmp_path, command, settings, named):
    out = tmp_path / "out"
    with pytest.raises((ValueError, OSError), match=re.escape(named)):
        command.main(configured(command, out=out, **settings))
    assert not out.exists()


def test_out_must_be_a_folder(tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("precious")
    for out in (taken, taken / "below"):
        with pytest.raises(ValueError, match=r"--out is .*taken.*must be a folder"):
            folder.prepare_folder(out, "test", ())
    assert taken.read_text() == "precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_out_must_be_writable(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ValueError, match="Permission denied"):
        folder.prepare_folder(tmp_path, "test", ())


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "result.json"
    target.write_text("old")
    with pytest.raises(RuntimeError), folder.replacing(target) as path:
        path.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("command", "arguments", "named"),
    [
        (goodfellow_1d, "--steps 0", "steps is 0, but must be"),
        (goodfellow_1d, "--steps many", "many"),
        (goodfellow_1d, "--los saturating", "--los"),
        (goodfellow_1d, "--data cauchy", "cauchy"),
        (goodfellow_1d, "--k 0", "k is 0, but must be"),
        (goodfellow_1d, "--out taken", "error: --out is taken, but must be a folder"),
        (mnist_dcgan, "--synthetic 60 --batch 8 --smoothing .6 --label-noise .6", "error: smoothing is 0.6 and label_"),
        (mnist_dcgan, "--synthetic 60 --batch 8 --r1 1", "error: r1 is 1.0, but with batch statistics in D"),
        (mnist_dcgan, "--synthetic 60 --batch 8 --k 0", "error: k is 0, but must be"),
        (mnist_dcgan, "--synthetic 60 --batch 1", "batch is 1, but must be at least 2"),
        (
            mnist_dcgan,
            "--synthetic 60 --batch 8 --width 10000000",
            "choose a smaller width, hidden, noise_dim or batch",
        ),
        (mnist_dcgan, "--synthetic 10", "error: batch is 64, but must be at most 10"),
        (mnist_dcgan, "--data-dir taken", "error: data_dir is 'taken'"),
    ],
)
def test_bad_command_lines_exit_2_with_one_sentence(tmp_path, monkeypatch, capsys, command, arguments, named):
    """Told by tyro in a frame where one setting alone is bad, by us where it takes more to see it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("precious")
    assert typed(monkeypatch, command, *arguments.split()) == 2
    told = re.sub(r"[│\s]+", " ", capsys.readouterr().err)
    assert named in told and "Traceback" not in told
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_module_is_run_by_its_name(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(Path(experiments.__file__).parent.parent)}
    command = [sys.executable, "-m", "experiments.goodfellow_1d", "--seeds", "-1"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "seeds is -1" in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (ValueError("no"), 2, "error: no"),
        (OSError("disk full"), 2, "error: disk full"),
        (MemoryError("1 TB"), 2, "too large for this machine: 1 TB"),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: 1 TB\nmore"), 2, "too large for this machine: RESOURCE"),
        (FloatingPointError("non-finite at step 3"), 1, "error: non-finite at step 3"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_how_a_command_ends(monkeypatch, capsys, error, code, told):
    def main(config):
        raise error

    monkeypatch.setattr(goodfellow_1d, "main", main)
    main.__module__ = goodfellow_1d.__name__
    assert typed(monkeypatch, goodfellow_1d) == code
    assert told in capsys.readouterr().err


def test_a_fault_of_ours_is_not_the_users(monkeypatch):
    """It ends in a traceback."""

    def main(config):
        raise jax.errors.JaxRuntimeError("INTERNAL: ours")

    main.__module__ = goodfellow_1d.__name__
    monkeypatch.setattr(goodfellow_1d, "main", main)
    with pytest.raises(jax.errors.JaxRuntimeError, match="ours"):
        typed(monkeypatch, goodfellow_1d)
