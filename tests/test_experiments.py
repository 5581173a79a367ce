"""The other commands from end to end at toy size, held to what they should find."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from experiments import benchmark, dirac_gan, frozen_players, gradient_vanishing, optimal_discriminator, readme
from experiments.gan_1d import build
from experiments.pictures import dirac as pictures
from experiments.timing import images as timed_images
from experiments.timing import profile
from experiments.vanishing import closed_form, races
from gan_from_scratch import dynamics, theory


@pytest.fixture(autouse=True)
def few_frames(monkeypatch):
    """Drawing sixty takes longer than everything else in most of these tests."""
    monkeypatch.setattr(pictures, "FRAMES", 4)


@pytest.fixture(autouse=True)
def numbers_before_pictures(monkeypatch):
    """When the first picture is saved, result.json must be there: drawing may fail."""

    def checked(save):
        def wrapped(picture, path, *arguments, **named):
            assert (Path(path).parent / "result.json").exists()
            return save(picture, path, *arguments, **named)

        return wrapped

    monkeypatch.setattr(Figure, "savefig", checked(Figure.savefig))
    monkeypatch.setattr(Image.Image, "save", checked(Image.Image.save))


def numbers_of(folder: Path) -> dict:
    return json.loads((folder / "result.json").read_text())["numbers"]


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
    monkeypatch.setattr(races, "CHECKS", 1)
    monkeypatch.setattr(closed_form, "THETAS", np.array([0.0, 1.0, 6.0]))
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
    monkeypatch.setattr(build, "HIDDEN", (4, 4))
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
    path = dirac_gan.play(dirac_gan.by_steps(method.update, 100), dirac_gan.STARTS)
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
    monkeypatch.setattr(timed_images, "CHUNK", 1)
    settings = {"rounds": 1, "seconds": 0.01, "batch": 4, "width": 2, "compiled": False}
    benchmark.main(benchmark.Config(what="images", out=tmp_path, **settings))
    groups = numbers_of(tmp_path)["groups"]
    *dcgans, of_the_paper = groups
    assert len(dcgans) == 2 and of_the_paper == "the paper's networks, batch 100"
    assert all("the matrix products alone" in groups[name] for name in dcgans)
    for contenders in groups.values():
        assert "JAX" in contenders
        best = max([row["per_second"] for name, row in contenders.items() if "PyTorch" in name], default=None)
        if best:
            assert contenders["JAX"]["times_pytorch"] == pytest.approx(contenders["JAX"]["per_second"] / best)
    shares = numbers_of(tmp_path)["shares"]
    assert set(shares) == set(dcgans)
    for of_network in shares.values():
        assert sum(of_network.values()) == pytest.approx(1, abs=0.005)  # each is rounded to a thousandth
        assert "copies and sums around the convolutions' products" in of_network


@pytest.mark.parametrize(
    ("operation", "origin", "kind"),
    [
        ("ynn_fusion.12", "jit(f)/jvp(DCGANDiscriminator)/down_1/dot_general", "matrix products"),
        ("dot.3", "", "matrix products"),
        ("dotted_fusion", "jit(f)/add", "optimizers, the average of G, draws"),
        ("pad_fusion", "jvp(DCGANGenerator)/up_1/pad", "copies and sums around the convolutions' products"),
        ("add_fusion", "transpose(jvp(DCGANGenerator))/norm_0/add_any", "BatchNorm"),
        ("tanh_fusion.1", "jvp(DCGANGenerator)/tanh", "activations, losses and the rest of the networks"),
    ],
)
def test_what_an_operation_is_for(operation, origin, kind):
    assert profile.kind(operation, origin) == kind


def test_readme_script_rewrites_only_the_tables(tmp_path):
    page, results = tmp_path / "page.md", tmp_path / "results.md"
    page.write_text("before\n<!-- speed -->\n<!-- end -->\nkept\n<!-- headline -->\nold\n<!-- end -->\nafter\n")
    results.write_text("<!-- loss_d -->old<!-- end -->\n")
    readme.main(readme.Config(readme=page, results=results))
    assert re.fullmatch(r"<!-- loss_d -->1\.\d+<!-- end -->\n", results.read_text())
    text = page.read_text()
    assert text.startswith("before\n<!-- speed -->\n| ") and text.endswith("<!-- end -->\nafter\n")
    assert "old" not in text and "<!-- end -->\nkept\n<!-- headline -->\n| " in text
