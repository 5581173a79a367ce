"""The built wheel in a folder of its own: what it holds, and its console command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Where the wheel is installed, without its dependencies."""
    built, site = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("site")
    subprocess.run([*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", built, ROOT], check=True)
    subprocess.run([*PIP, "install", "--no-deps", "--no-index", "--target", site, *built.glob("*.whl")], check=True)
    return site


@pytest.fixture
def command(site, tmp_path):
    """Runs gan-from-scratch as it was installed, in an empty folder."""

    def run(*arguments: str) -> subprocess.CompletedProcess:
        program = [sys.executable, site / "bin" / "gan-from-scratch", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(site)}
        return subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


def test_it_holds_one_package(site):
    assert {path.name for path in site.iterdir() if path.suffix != ".dist-info"} == {"bin", "gan_from_scratch"}
    assert (site / "gan_from_scratch" / "py.typed").exists()
    assert not list(site.rglob("result.json"))


def test_alone_it_lists_the_commands_at_once(command):
    listed = command()
    assert listed.returncode == 0
    # Those that it lacks rewrite the pages of this repository.
    names = {path.stem for path in (ROOT / "experiments").glob("[!_]*.py")} - {"readme"}
    assert {line.split()[0] for line in listed.stdout.splitlines()[2:]} == names


def test_a_command_runs(command, tmp_path):
    (tmp_path / "experiments.py").write_text("raise SystemExit('not this one')")
    ran = command("optimal_discriminator", "--pair", "shift", "--seeds", "1", "--steps", "2")
    assert ran.returncode == 0, ran.stderr
    result = json.loads((tmp_path / "runs" / "optimal_discriminator" / "result.json").read_text())
    assert result["config"]["steps"] == 2


def test_bad_input_ends_as_in_a_checkout_and_says_what_to_type(command):
    refused = command("optimal_discriminator", "--stepz", "2")
    assert refused.returncode == 2
    assert "gan-from-scratch optimal_discriminator --help" in refused.stderr
    assert "python -m" not in refused.stderr


def test_an_unknown_name_ends_in_one_sentence(command):
    refused = command("nonsense")
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    assert "'nonsense'" in refused.stderr and "goodfellow_1d" in refused.stderr


def test_a_command_that_starts_another_finds_it(command, tmp_path, site):
    """killed_runs starts `python -m experiments.mnist_dcgan` with the environment that the command leaves."""
    (tmp_path / "experiments.py").write_text("raise SystemExit('not this one')")
    program = """
import os, subprocess, sys
os.execv = lambda *arguments: None
sys.argv = ["gan-from-scratch", "killed_runs"]
from gan_from_scratch.__main__ import main
main()
found = "import experiments; print(*experiments.__path__)"
sys.exit(subprocess.run([sys.executable, "-c", found]).returncode)
"""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    child = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert child.returncode == 0, child.stderr
    assert Path(child.stdout.strip()) == site / "gan_from_scratch" / "commands" / "experiments"
