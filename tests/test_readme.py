"""What the README and the page of results say is what the result files and the code say."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import gan_from_scratch
from experiments import readme
from gan_from_scratch import losses

ROOT = readme.README.parent
PAGES = {page: page.read_text(encoding="utf-8") for page in (readme.README, readme.RESULTS_PAGE)}
TEXT, RESULTS_TEXT = PAGES.values()


@pytest.mark.parametrize("page", PAGES, ids=["README.md", "results/README.md"])
def test_every_number_comes_from_a_result_file(page):
    assert readme.rewritten(PAGES[page]) == PAGES[page], "run `python -m experiments.readme`"


def test_every_table_and_every_number_stands_on_a_page():
    for name in [*readme.TABLES, *readme.numbers()]:
        assert f"<!-- {name} -->" in TEXT + RESULTS_TEXT, name


def test_no_mark_is_left_without_a_number():
    marks = set(re.findall(r"<!-- (\w+) -->", TEXT + RESULTS_TEXT)) - {"end"}
    assert marks == {*readme.TABLES, *readme.numbers()}


def test_the_readme_is_two_screens_and_contributing_one():
    assert len(TEXT.splitlines()) <= 200
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 50


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        path = page.parent / target if target else page
        assert path.exists(), link
        assert not anchor or anchor in anchors(path), link


def anchors(page: Path) -> list[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_the_losses_are_those_of_the_code():
    (block,) = re.findall(r"<!-- losses -->\n```python\n(.*?)```", TEXT, flags=re.DOTALL)
    source = (ROOT / "gan_from_scratch" / "losses.py").read_text(encoding="utf-8")
    assert all(line in source.splitlines() for line in block.splitlines())
    quoted = {node.name: node for node in ast.parse(block).body}
    assert set(quoted) == {function.__name__ for function in losses.GENERATOR_LOSSES.values()}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name in quoted:
            node.body = node.body[1:]  # the docstring
            assert ast.dump(node) == ast.dump(quoted[node.name])


def test_the_reading_order_names_every_file():
    package = Path(gan_from_scratch.__file__).parent
    for path in package.rglob("[!_]*.py"):
        assert f"(gan_from_scratch/{path.relative_to(package).as_posix()})" in TEXT, path.name


def test_the_package_names_every_file_beside_it():
    for path in Path(gan_from_scratch.__file__).parent.glob("[!_]*.py"):
        assert path.stem in gan_from_scratch.__doc__, path.name


def test_the_table_of_commands_names_every_command():
    commands = {path.stem for path in (ROOT / "experiments").glob("[!_]*.py")}
    assert {row[0].split()[0] for row in re.findall(r"^\| `([^`]+)` \| (.*)$", TEXT, re.MULTILINE)} == commands - {
        "readme"
    }


def test_every_dependency_has_a_floor_and_a_cap():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    for requirement in listed:
        assert ">=" in requirement and ",<" in requirement, requirement


def test_every_test_that_the_results_name_exists():
    named = set(re.findall(r"`(test_\w+)`", RESULTS_TEXT))
    written = (ROOT / "tests" / "test_freezing.py").read_text(encoding="utf-8")
    assert named == set(re.findall(r"^def (test_\w+)", written, flags=re.MULTILINE))


def test_both_versions_are_one():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
