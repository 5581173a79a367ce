"""What README.md says is what the result files say, and its commands are the ones that CI runs."""

import re
import tomllib
from pathlib import Path

import pytest

import gan_from_scratch
from experiments import readme

ROOT = readme.README.parent
TEXT = readme.README.read_text(encoding="utf-8")


def test_every_number_comes_from_a_result_file():
    assert readme.rewritten(TEXT) == TEXT, "run `python -m experiments.readme`"


def test_every_table_stands_in_the_readme():
    for name in readme.TABLES:
        assert f"<!-- {name} -->" in TEXT


def test_every_linked_file_exists():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", TEXT) + re.findall(r'src="([^"]+)"', TEXT):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("where", ["README.md", "gan_from_scratch/__init__.py"])
def test_the_reading_order_names_every_file(where):
    text = (ROOT / where).read_text(encoding="utf-8")
    for path in Path(gan_from_scratch.__file__).parent.glob("[!_]*.py"):
        assert path.stem in text, path.name


def test_every_dependency_has_a_floor_and_a_cap():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    for requirement in listed:
        assert ">=" in requirement and ",<" in requirement, requirement


def test_every_test_that_the_readme_names_exists():
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    written = (ROOT / "tests" / "test_freezing.py").read_text(encoding="utf-8")
    assert named == set(re.findall(r"^def (test_\w+)", written, flags=re.MULTILINE))


def test_every_number_that_is_made_for_a_sentence_stands_in_one():
    for name in readme.numbers():
        assert f"<!-- {name} -->" in TEXT
