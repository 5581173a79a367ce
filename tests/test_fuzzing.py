"""Whatever is typed for a setting is taken or refused in one sentence. By hypothesis, over each command's own fields.

With GAN_END_TO_END=50 as many command lines are also run to their end, in --quick size, which takes a while.
"""

import dataclasses
import importlib
import math
import os
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import experiments
from experiments.command import line

ROOT = Path(experiments.__file__).parents[1]
COMMANDS = {
    path.stem: importlib.import_module(f"experiments.{path.stem}")
    for path in sorted((ROOT / "experiments").glob("[!_]*.py"))
    if path.stem != "readme"  # has no setting but two files
}
LEFT_OUT = {"out", "data_dir", "cache", "run", "runs", "content", "style", "quick"}
EXTREMES = {
    int: st.sampled_from([-1, 0, 1, 2, 3, 17, 2**31, 2**32, 2**63, 10**18, 10**30, -(10**30)]) | st.integers(),
    float: st.sampled_from([0.0, -0.0, 1e-320, 1e-9, 0.5, 1.0, 1e9, 1e308, -1e308, math.inf, -math.inf, math.nan])
    | st.floats(),
    bool: st.booleans(),
    str: st.text(min_size=1, max_size=8),
}


def fields_of(config: type) -> dict[str, typing.Any]:
    """Type by name, those of the dataclasses in it included."""
    found = {}
    for name, hint in typing.get_type_hints(config).items():
        if name not in LEFT_OUT and not name.startswith("_"):
            found |= fields_of(hint) if dataclasses.is_dataclass(hint) else {name: hint}
    return found


def values(hint: typing.Any) -> st.SearchStrategy:
    """Of the type, at its ends above all."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return st.sampled_from([*inside, "nonsense"])
    if origin is tuple:
        return st.lists(values(inside[0]), max_size=3).map(tuple)
    if inside:  # a union with None
        return st.one_of([values(part) for part in inside if part is not type(None)])
    return EXTREMES[hint]


def some_settings(command) -> st.SearchStrategy[dict[str, typing.Any]]:
    hints = fields_of(command.Config)
    return st.lists(st.sampled_from(sorted(hints)), min_size=1, max_size=4, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: values(hints[name]) for name in names})
    )


def made(kind: type, chosen: dict[str, typing.Any]):
    """The dataclass with these settings, wherever in it they are."""
    own = {}
    for field in dataclasses.fields(kind):
        hint = typing.get_type_hints(kind)[field.name]
        if dataclasses.is_dataclass(hint):
            usual = field.default if field.default is not dataclasses.MISSING else hint()
            inner = {name: value for name, value in chosen.items() if name in fields_of(hint)}
            own[field.name] = dataclasses.replace(usual, **only(hint, inner))
        elif field.name in chosen:
            own[field.name] = chosen[field.name]
    return kind(**own)


def only(kind: type, chosen: dict[str, typing.Any]) -> dict[str, typing.Any]:
    return {field.name: chosen[field.name] for field in dataclasses.fields(kind) if field.name in chosen}


def typed(chosen: dict[str, typing.Any]) -> list[str]:
    """As it stands on a command line."""
    words = []
    for name, value in chosen.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif isinstance(value, tuple):
            words += [f"--{option}", *map(str, value)]
        else:
            words.append(f"--{option}={value}")
    return words


@pytest.mark.parametrize("name", COMMANDS)
@settings(max_examples=170, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_settings_are_taken_or_refused_in_one_sentence(name, data):
    """2,000 in all."""
    chosen = data.draw(some_settings(COMMANDS[name]))
    try:
        made(COMMANDS[name].Config, chosen)
    except ValueError as error:
        assert 20 < len(str(error)) < 500 and "\n" not in str(error)  # rough_day names 24 commands


@pytest.mark.parametrize("name", COMMANDS)
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_command_lines_are_taken_or_refused_in_one_sentence(name, data, monkeypatch, capsys):
    words = typed(data.draw(some_settings(COMMANDS[name])))
    monkeypatch.setattr(sys, "argv", [name, *words])
    try:
        line._parsed(COMMANDS[name].Config, "", name)
    except SystemExit as stop:
        told = capsys.readouterr().err
        assert stop.code == 2 and told.startswith("error: ") and told.count("\n") == 1, told


END_TO_END = int(os.environ.get("GAN_END_TO_END", "0"))


@pytest.mark.skipif(not END_TO_END, reason="takes a while")
@settings(max_examples=max(1, END_TO_END), suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_command_lines_end_with_0_or_2(data, tmp_path_factory):
    name = data.draw(st.sampled_from([name for name in COMMANDS if name not in ("sample", "killed_runs", "rough_day")]))
    words = typed(data.draw(some_settings(COMMANDS[name])))
    out = tmp_path_factory.mktemp("fuzz")
    command = [sys.executable, "-m", f"experiments.{name}", "--out", str(out), *words, "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    print(done.returncode, name, *words, done.stderr[-200:].strip())
    assert done.returncode in (0, 2) and "Traceback" not in done.stderr, (command, done.stderr)
