"""Every script runs end to end at toy size, and refuses bad input in one sentence without touching old results."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import experiments
from experiments import _script, benchmark, goodfellow_1d, optimal_discriminator, readme

SMALL = {"seeds": 2, "steps": 5, "batch": 8}


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


def test_benchmark_times_each_contender(tmp_path):
    benchmark.main(benchmark.Config(out=tmp_path, rounds=1, seconds=0.01, seeds=2, compiled=False))
    contenders = numbers_of(tmp_path)["contenders"]
    assert {"NumPy, by hand", "JAX, 1 seed", "JAX, 2 seeds"} <= set(contenders)
    assert all(row["gan_steps_per_second"] > 0 for row in contenders.values())


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
    for path in Path(experiments.__file__).parent.glob("[!_]*.py"):
        assert path.stem in listed


@pytest.mark.parametrize(
    ("script", "settings", "named"),
    [
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
        (benchmark, {"rounds": 0}, "rounds is 0"),
        (benchmark, {"seconds": 0.0}, "seconds is 0.0"),
    ],
)
def test_bad_settings_are_named_before_anything_is_written(tmp_path, script, settings, named):
    out = tmp_path / "out"
    with pytest.raises(ValueError, match=named.replace(".", r"\.")):
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


def test_help_explains_every_field(tmp_path):
    done = run_script("experiments.goodfellow_1d", "--help", cwd=tmp_path)
    assert done.returncode == 0
    for field in goodfellow_1d.Config.__dataclass_fields__:
        assert f"--{field.replace('_', '-')}" in done.stdout


def test_density_of_integrates_to_one():
    from gan_from_scratch import figures

    grid = np.linspace(-6, 6, figures.GRID)
    density = figures.density_of(np.random.default_rng(0).normal(size=5000), grid)
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=0.01)
