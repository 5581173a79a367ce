"""The folders hold what their listings say, and imports lead one way: down."""

import ast
import importlib
import re
from functools import cache
from pathlib import Path

import pytest

import experiments
import gan_from_scratch

ROOT = Path(experiments.__file__).parent.parent
PACKAGE = Path(gan_from_scratch.__file__).parent
COMMANDS = sorted(path.stem for path in (ROOT / "experiments").glob("[!_]*.py"))
FILES = {
    ".".join(path.relative_to(folder.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in (ROOT / "experiments", PACKAGE)
    for path in folder.rglob("*.py")
}


@cache
def imported(module: str) -> set[str]:
    """What it imports, modules of ours by their whole name."""
    found = set()
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = {f"{node.module}.{name.name}" for name in node.names}
            found |= (inside & FILES.keys()) or {node.module}
    return found


def place(module: str) -> str:
    """A folder in a package counts as one: whoever uses it need not know the order of its files."""
    folder = ".".join(module.split(".")[:2])
    return folder if FILES[folder].name == "__init__.py" else module


def floors(uses: dict[str, set[str]]) -> dict[str, int]:
    """For each name how many stand on each other up to it. AssertionError with the names on a circle."""
    found = {}

    def floor(name: str, above: tuple[str, ...]) -> int:
        assert name not in above, f"a circle: {' -> '.join([*above, name])}"
        if name not in found:
            found[name] = 1 + max((floor(used, (*above, name)) for used in uses[name]), default=0)
        return found[name]

    return {name: floor(name, ()) for name in uses}


def test_no_command_imports_a_command():
    commands = {f"experiments.{name}" for name in COMMANDS}
    for command in commands:
        assert not imported(command) & commands, command


def test_no_imports_in_a_circle():
    floors({module: imported(module) & FILES.keys() for module in FILES})


def test_at_most_six_floors():
    uses = {place(module): set() for module in FILES}
    for module in FILES:
        uses[place(module)] |= {place(used) for used in imported(module) & FILES.keys()} - {place(module)}
    high = {name: floor for name, floor in floors(uses).items() if floor > 6}
    assert not high, high


def test_nothing_in_experiments_is_hidden():
    for path in (ROOT / "experiments").rglob("_*"):
        assert path.name in ("__init__.py", "__main__.py", "__pycache__"), path


def test_experiments_holds_commands_and_folders_that_say_what_is_in_them():
    for folder in (ROOT / "experiments").glob("[!_]*/"):
        assert folder.name == "results" or (folder / "__init__.py").read_text().startswith('"""'), folder


def test_flax_is_met_where_modules_are():
    """Its changes broke every earlier GAN repository in JAX."""
    found = {name for name in FILES if any(used.split(".")[0] == "flax" for used in imported(name))}
    where = (
        "networks",
        "images.networks",
        "images.textbook",
        "images.goodfellow",
        "images.variants",
        "collapse.packing",
        "collapse.pacgan",
        "collapse.minibatch",
        "collapse.fourier",
        "neighbours.classifiers",
        "neighbours.conditional",
        "neighbours.autoencoders",
        "neighbours.translators",
    )
    assert found == {f"gan_from_scratch.{name}" for name in where}


def length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_is_longer_than_300_lines():
    for path in [*FILES.values(), *(ROOT / "tests").glob("*.py")]:
        assert length(path) <= 300 or path.name == "numpy_gan.py", path


def test_the_core_is_read_in_an_afternoon():
    core = [path for path in PACKAGE.glob("*.py") if path.name not in ("data.py", "checkpoint.py")]
    assert sum(map(length, core)) <= 1900


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_how_long_it_takes_and_starts_by_its_name(name):
    headline = importlib.import_module(f"experiments.{name}").__doc__.splitlines()[0]
    assert re.search(r"\(.*\b(seconds|minutes?|hours?)\b.*\)", headline), headline
    text = FILES[f"experiments.{name}"].read_text(encoding="utf-8")
    assert text.endswith('if __name__ == "__main__":\n    command_line(Config, main, __doc__)\n')
