"""Every script runs end to end at toy size, and refuses bad input in one sentence without touching old results."""

import dataclasses
import importlib
import json
import os
import re
import runpy
import subprocess
import sys
import typing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import experiments
from experiments import (
    _closed_form,
    _dcgan,
    _draw_dirac,
    _script,
    benchmark,
    classifier,
    dirac_gan,
    frozen_players,
    goodfellow_1d,
    gradient_vanishing,
    killed_runs,
    optimal_discriminator,
    pytorch_dcgan,
    readme,
    sample,
)
from gan_from_scratch import dynamics, theory

SCRIPTS = sorted(path.stem for path in Path(experiments.__file__).parent.glob("[!_]*.py"))
SMALL = {"seeds": 2, "steps": 5, "batch": 8}


@pytest.fixture(autouse=True)
def few_frames(monkeypatch):
    """Drawing sixty takes longer than everything else in most of these tests."""
    for module in (goodfellow_1d, _draw_dirac):
        monkeypatch.setattr(module, "FRAMES", 4)


def numbers_of(folder: Path) -> dict:
    return json.loads((folder / "result.json").read_text())["numbers"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"backend": "numpy", "data": "mixture"},
        {"loss": "saturating", "data": "laplace", "noise": "gaussian"},
        {"k": 1, "r1": 0.0, "average": 0.0, "decay": False, "standardize": False, "data": "uniform"},
        {"discriminator": "set", "batch": 200},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())) or "default",
)
def test_goodfellow_1d_writes_its_pictures_and_numbers(tmp_path, settings):
    goodfellow_1d.main(goodfellow_1d.Config(out=tmp_path, **{**SMALL, **settings}))
    numbers = numbers_of(tmp_path)
    assert numbers["steps"] == 5 and numbers["non_finite_at_step"] is None
    assert len(numbers["generators"]) == len(numbers["true_draws"]) == 2
    for picture in ("figure1.png", "losses.png", "quantiles.png"):
        with Image.open(tmp_path / picture) as image:
            assert min(image.size) > 300
    with Image.open(tmp_path / "training.gif") as image:
        assert image.n_frames > 2
    assert not list(tmp_path.glob(".*")), "a temporary file was left"


@pytest.mark.parametrize("backend", ["jax", "numpy"])
def test_goodfellow_1d_repeats_itself(tmp_path, backend):
    for run in ("first", "second"):
        goodfellow_1d.main(goodfellow_1d.Config(out=tmp_path / run, backend=backend, **SMALL))
    assert numbers_of(tmp_path / "first")["generators"] == numbers_of(tmp_path / "second")["generators"]


def test_the_default_learns(tmp_path):
    """A twentieth of the steps, four seeds: every seed's KS is far below the start's, which is near 1/2."""
    goodfellow_1d.main(goodfellow_1d.Config(out=tmp_path, seeds=4, steps=1200))
    assert max(seed["ks"] for seed in numbers_of(tmp_path)["generators"]) < 0.1


def test_both_backends_learn_the_same_distribution(tmp_path):
    """They share the algorithm and not the draws, so their distances agree in size and not in digits."""
    goodfellow_1d.main(goodfellow_1d.Config(out=tmp_path, backend="numpy", seeds=1, steps=1500))
    assert numbers_of(tmp_path)["generators"][0]["ks"] < 0.15


def test_non_finite_training_says_at_which_step_and_keeps_what_it_has(tmp_path):
    config = goodfellow_1d.Config(out=tmp_path, **{**SMALL, "steps": 300}, rate_g=1e38, rate_d=1e38, decay=False)
    with pytest.raises(FloatingPointError, match=r"non-finite at step \d+"):
        goodfellow_1d.main(config)
    numbers = numbers_of(tmp_path)
    assert 0 <= numbers["steps"] < numbers["non_finite_at_step"] <= 300
    assert (tmp_path / "figure1.png").exists()


def test_chunks_cover_every_step():
    for steps in (1, 7, 119, 120, 121, 1000):
        assert sum(goodfellow_1d.chunk_sizes(steps)) == steps


def test_optimal_discriminator_meets_the_optimum(tmp_path):
    """Fewer steps than the default's, so twice the default's tolerance on D."""
    optimal_discriminator.main(optimal_discriminator.Config(out=tmp_path, pair="shift", seeds=2, steps=1500, batch=512))
    (tmp_path / "shift.png").stat()
    for seed in numbers_of(tmp_path)["shift"]["seeds"]:
        assert seed["max_d_error"] < 0.04
        # By Proposition 1 no D exceeds C(G); quadrature is good to far less than 1e-6.
        assert -0.005 < seed["v_minus_c"] < 1e-6


def test_gradient_vanishing_on_images(tmp_path, capsys):
    settings = {"data": "mnist", "synthetic": 40, "epochs": (1, 2), "width": 2, "batch": 8, "d_steps": 3, "seeds": 2}
    gradient_vanishing.main(gradient_vanishing.Config(out=tmp_path, **settings))
    stages = numbers_of(tmp_path)["mnist"]
    assert [stage["g_trained_for"] for stage in stages] == [1, 2]
    for stage in stages:
        assert stage["d_step"][0] == 0 and stage["d_step"][-1] == 3 and len(stage["seeds"]) == 2
        assert all(value > 0 for name in ("saturating", "nonsaturating") for value in stage["median"][name])
    assert (tmp_path / "stages.png").stat().st_size > 0
    assert "5 orders in the best case" in capsys.readouterr().out


def test_gradient_vanishing_writes_its_pictures_and_numbers(tmp_path, monkeypatch):
    """At toy size D learns nothing and nobody arrives; test_gradient_vanishing.py holds it to what it should find."""
    monkeypatch.setattr(gradient_vanishing, "STAGES", (1,))
    monkeypatch.setattr(gradient_vanishing, "SETTINGS", ((10.0, 2),))
    monkeypatch.setattr(gradient_vanishing, "CHECKS", 1)
    monkeypatch.setattr(_closed_form, "THETAS", np.array([0.0, 1.0, 6.0]))
    config = gradient_vanishing.Config(out=tmp_path, seeds=2, d_steps=3, steps=2, batch=8)
    gradient_vanishing.main(config)
    numbers = numbers_of(tmp_path)
    assert [row["theta"] for row in numbers["b_closed_form"]["at"]] == [0, 1, 6]
    assert [len(stage["seeds"]) for stage in numbers["c_frozen_generator"]] == [2]
    assert len(numbers["d_races"]) == 2
    for race in numbers["d_races"]:
        assert race["arrived_after"] == [] and len(race["ks_at_the_end"]) == 2
    for picture in ("gradient_vanishing.png", "stages.png"):
        with Image.open(tmp_path / picture) as image:
            assert min(image.size) > 300


def test_dirac_gan_meets_each_derived_eigenvalue(tmp_path, monkeypatch):
    monkeypatch.setattr(goodfellow_1d, "HIDDEN", (4, 4))
    monkeypatch.setattr(dirac_gan, "GANS", [("saturating", 0.0)])
    dirac_gan.main(dirac_gan.Config(out=tmp_path, h=0.3, steps=200, gan_seeds=1, gan_steps=3))
    numbers = numbers_of(tmp_path)
    for row in numbers["two_numbers"]:
        assert row["eigenvalues_error"] < 1e-6
        assert row["update_modulus"] == pytest.approx(row["update_modulus_derived"], abs=1e-6)
        # What the modulus foretells, where it foretells anything: at exactly 1 the second order decides.
        if row["update_modulus"] < 1 - 1e-6:
            assert max(row["radius_at_the_end"]) < 0.25 * min(row["radius_at_the_start"])
    leaves, stays, arrives = numbers["bilinear_radius_at_the_end"].values()
    assert leaves > 100 * stays > 100 * arrives
    assert numbers["gan_1d"][0]["seeds"][0]["parameters"] == 66  # 2 (4 + 4 + 20 + 5)
    for picture in ("dirac_gan.png", "small_games.png", "gan_eigenvalues.png"):
        (tmp_path / picture).stat()
    with Image.open(tmp_path / "dirac_gan.gif") as image:
        assert image.n_frames == 4


@pytest.mark.parametrize("h", [0.01, 5.0])
def test_dirac_gan_derives_the_modulus_of_each_step_size(h):
    """At h = 5 alternating steps are beyond their critical size too."""
    for method in dirac_gan.dirac_methods(h):
        found = np.abs(dynamics.eigenvalues(method.update, dirac_gan.EQUILIBRIUM)).max()
        assert found == pytest.approx(method.modulus, abs=1e-6), method.name


def test_dirac_gan_survives_a_step_size_that_overflows(tmp_path):
    """At h = 4 a Wasserstein step multiplies the radius by 4: after 100 steps it is beyond float32."""
    method = next(method for method in dirac_gan.dirac_methods(4.0) if method.name == "Wasserstein")
    config = dirac_gan.Config(out=tmp_path, h=4.0, steps=100)
    path = dirac_gan.play(dirac_gan.by_steps(method.update, config), dirac_gan.STARTS)
    assert None in dirac_gan.measure(method, path, dirac_gan.EQUILIBRIUM)["radius_at_the_end"]


def test_frozen_players_shows_who_moved(tmp_path, monkeypatch):
    """A tenth of the default's steps: G's loss alone teaches D to call fakes real, and G's gradient dies of it."""
    monkeypatch.setattr(frozen_players, "LOOKS", 2)
    frozen_players.main(frozen_players.Config(out=tmp_path, seeds=2, g_steps=200, steps=4))
    (tmp_path / "frozen_players.png").stat()
    alone, whole = (numbers_of(tmp_path)[act] for act in ("g_alone", "whole"))

    def moved(name):
        return [alone[name][key]["highest"] > 0 for key in ("d_params_moved", "d_stats_moved", "d_at_sampling_moved")]

    assert moved("algorithm 1") == [False, False, False]
    assert moved("unfrozen") == [True, False, True]
    assert moved("drifting") == [False, True, True]
    assert alone["unfrozen"]["d_fake_at_the_end"]["lowest"] > 0.98
    for act in (alone, whole):
        assert act["drifting"]["d_fake_at_the_end"] == act["algorithm 1"]["d_fake_at_the_end"], "G was taught otherwise"
    faded = [alone[name]["gradient_at_the_end"]["highest"] for name in ("unfrozen", "algorithm 1")]
    assert faded[0] < 0.3 * faded[1]


@given(p_data=st.floats(0, 1), p_g=st.floats(1e-3, 1), w=st.floats(0, 50))
def test_the_optimum_that_an_unfrozen_discriminator_seeks(p_data, p_g, w):
    """It maximises p_data log D + p_g log(1 - D) + w p_g log D, and lies between w / (1 + w) and 1."""
    d = frozen_players.optimal_unfrozen(p_data, p_g, w)

    def objective(d):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.nan_to_num(np.log(d)) * (p_data + w * p_g) + p_g * np.log(1 - d)

    around = np.linspace(1e-3, 1 - 1e-3, 999)
    assert w / (1 + w) - 1e-12 <= d < 1
    assert objective(d) >= objective(around).max() - 1e-12
    if w == 0:
        assert d == pytest.approx(theory.optimal_discriminator(p_data, p_g))


def test_benchmark_times_each_contender(tmp_path):
    benchmark.main(benchmark.Config(out=tmp_path, rounds=1, seconds=0.01, seeds=2, compiled=False))
    contenders = numbers_of(tmp_path)["groups"]["1-D GAN"]
    assert {"NumPy, by hand", "JAX, 1 seed", "JAX, 2 seeds"} <= set(contenders)
    assert all(row["per_second"] > 0 for row in contenders.values())


def test_benchmark_of_images(tmp_path, monkeypatch):
    monkeypatch.setattr(_dcgan, "CHUNK", 1)
    settings = {"rounds": 1, "seconds": 0.01, "batch": 4, "width": 2, "compiled": False}
    benchmark.main(benchmark.Config(what="images", out=tmp_path, **settings))
    groups = numbers_of(tmp_path)["groups"]
    assert len(groups) == 2
    for contenders in groups.values():
        assert {"JAX", "the matrix products alone"} <= set(contenders)
        best = max([row["per_second"] for name, row in contenders.items() if "PyTorch" in name], default=None)
        if best:
            assert contenders["JAX"]["times_pytorch"] == pytest.approx(contenders["JAX"]["per_second"] / best)


def test_readme_script_rewrites_only_the_tables(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- speed -->\n<!-- end -->\nkept\n<!-- headline -->\nold\n<!-- end -->\nafter\n")
    readme.main(readme.Config(readme=page))
    text = page.read_text()
    assert text.startswith("before\n<!-- speed -->\n| ") and text.endswith("<!-- end -->\nafter\n")
    assert "old" not in text and "<!-- end -->\nkept\n<!-- headline -->\n| " in text


def test_the_list_names_every_script(capsys):
    runpy.run_module("experiments", run_name="__main__")
    listed = capsys.readouterr().out
    assert all(name in listed for name in SCRIPTS)


@pytest.mark.parametrize(
    ("script", "settings", "named"),
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
        (benchmark, {"rounds": 0}, "rounds is 0"),
        (benchmark, {"seconds": 0.0}, "seconds is 0.0"),
        (benchmark, {"what": "sound"}, "what is 'sound'"),
        (classifier, {"data": "svhn"}, "data is 'svhn'"),
        (classifier, {"epochs": 0}, "epochs is 0"),
        (classifier, {"rate": -1.0}, "rate is -1.0"),
        (classifier, {"synthetic": 20}, "batch is 128, but must be at most 20"),
        (pytorch_dcgan, {"steps": 0}, "steps is 0"),
        (pytorch_dcgan, {"synthetic": 20}, "batch is 64, but must be at most 20"),
        (sample, {"n": 0}, "n is 0"),
        (sample, {"span": float("inf")}, "span is inf"),
        (sample, {"run": Path("nowhere")}, "nowhere/checkpoints has no complete checkpoint"),
    ],
)
def test_bad_settings_are_named_before_anything_is_written(tmp_path, script, settings, named):
    out = tmp_path / "out"
    with pytest.raises((ValueError, OSError), match=re.escape(named)):
        script.main(script.Config(out=out, **settings))
    assert not out.exists()


def test_out_must_be_a_folder(tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("precious")
    for out in (taken, taken / "below"):
        with pytest.raises(ValueError, match=r"--out is .*taken.*must be a folder"):
            _script.prepare_folder(out)
    assert taken.read_text() == "precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_out_must_be_writable(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ValueError, match="Permission denied"):
        _script.prepare_folder(tmp_path)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "result.json"
    target.write_text("old")
    with pytest.raises(RuntimeError), _script.replacing(target) as path:
        path.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


def run_script(*arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(Path(experiments.__file__).parent.parent)}
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--steps", "0"],
        ["--steps", "many"],
        ["--los", "saturating"],
        ["--data", "cauchy"],
        ["--out", "taken"],
    ],
    ids=" ".join,
)
def test_bad_command_lines_exit_2_without_a_traceback(tmp_path, arguments):
    (tmp_path / "taken").write_text("precious")
    done = run_script("experiments.goodfellow_1d", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr and done.stderr.strip()
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_explains_every_field(name, capsys, monkeypatch):
    script = importlib.import_module(f"experiments.{name}")
    monkeypatch.setattr(sys, "argv", ["script", "--help"])
    with pytest.raises(SystemExit) as stop:
        _script.command_line(script.Config, script.main, script.__doc__)
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    for field in fields_of(script.Config):
        assert f"--{field.name.replace('_', '-')}" in shown or "Positional" in str(field.type)


def fields_of(config: type) -> list[dataclasses.Field]:
    """Those of the dataclasses in it included, whose names the command line leaves out."""
    hints = typing.get_type_hints(config)
    found = []
    for field in dataclasses.fields(config):
        inner = hints[field.name]
        found += fields_of(inner) if dataclasses.is_dataclass(inner) else [field]
    return found


def test_density_of_integrates_to_one():
    from gan_from_scratch import figures

    grid = np.linspace(-6, 6, figures.GRID)
    density = figures.density_of(np.random.default_rng(0).normal(size=5000), grid)
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=0.01)
