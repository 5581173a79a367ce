"""A command hears a signal whatever it waits for, and is never silent for long."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from experiments.command import progress, signals

ROOT = Path(signals.__file__).parents[2]
DEAF = """
import signal, time
from experiments.command.signals import stop_signals, watched
def wait():
    print("ready", flush=True)
    while True:
        time.sleep(60)
"""


def started(code: str) -> subprocess.Popen:
    child = subprocess.Popen([sys.executable, "-c", DEAF + code], cwd=ROOT, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    assert child.stdout.readline() == "ready\n"
    return child


def test_a_second_signal_ends_what_hears_none():
    """The first is taken and nothing happens, as while XLA compiles; the second ends the process."""
    child = started("with stop_signals():\n    wait()\n")
    child.send_signal(signal.SIGINT)
    assert "a second signal stops at once" in child.stderr.readline()
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == signals.INTERRUPTED and errors == "error: interrupted\n"


def test_the_first_signal_ends_a_command_that_does_not_end_by_itself():
    child = started("signal.signal(signal.SIGINT, lambda *_: None)\nwith watched(0.2):\n    wait()\n")
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == signals.INTERRUPTED and errors == "error: interrupted\n"


def test_after_the_block_a_signal_is_the_usual_one_and_within_it_is_noted():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with signals.stop_signals() as stopped:
        assert not stopped()
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(100):  # Python hears it between two instructions
            pass
        assert stopped()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert signal.set_wakeup_fd(-1) == -1
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(100):
            pass


def test_a_command_is_interrupted_in_its_imports_with_one_line(tmp_path):
    child = subprocess.Popen([sys.executable, "-m", "experiments.goodfellow_1d"], cwd=tmp_path, text=True,
                             env=os.environ | {"PYTHONPATH": str(ROOT)},
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    assert child.stdout.readline().startswith("The paper's demo")  # JAX is imported after this line
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130 and errors == "error: interrupted\n"


def test_jax_is_imported_after_the_first_line():
    code = "import sys; import experiments.command.first_line; print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_nobody_reads_any_more(tmp_path):
    """As in `python -m experiments.NAME | head -1`."""
    small = f"--synthetic 200 --batch 50 --quick --out {tmp_path / 'o'} --cache {tmp_path / 'c'}"
    command = f"{sys.executable} -m experiments.classifier {small} | head -1"
    done = subprocess.run(["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"], cwd=ROOT, capture_output=True,
                          text=True, check=False)  # fmt: skip
    # Whichever thread notices first: the one that counts seconds falls silent, the main one ends.
    assert done.returncode in (0, 141) and done.stderr == "" and done.stdout.count("\n") == 1


def test_where_there_is_no_terminal_a_line_comes_again_and_again(monkeypatch, capsys):
    monkeypatch.setattr(progress, "FIRST", 0.01)
    monkeypatch.setattr(progress, "EVERY", 0.01)
    with progress.progress_bar() as bar:
        task = bar.add_task("steps", total=7, numbers="compiling")
        while "steps: 0 of 7" not in capsys.readouterr().out:
            time.sleep(0.001)
        bar.update(task, completed=3, numbers="loss 1.39")
        seen = ""
        while "3 of 7" not in seen:
            seen = capsys.readouterr().out
    assert seen.splitlines()[-1] == "steps: 3 of 7, 0 s  loss 1.39"
    with progress.phase("drawing"):
        assert capsys.readouterr().out.splitlines()[-1] == "drawing"
        while "drawing: " not in capsys.readouterr().out:
            time.sleep(0.001)


@pytest.mark.parametrize("width", [40, 200])
def test_on_a_terminal_the_bar_shows_the_step_at_any_width(monkeypatch, width):
    shown = Console(force_terminal=True, width=width, file=io.StringIO())
    monkeypatch.setattr("rich.progress.get_console", lambda: shown)
    with progress.progress_bar() as bar:
        bar.add_task("mnist", total=10_000, completed=20, numbers="D's loss 1.39  G's 0.69  D(x) 0.50  D(G(z)) 0.50")
    assert "20/10000" in shown.file.getvalue()


LOST = """
import gc
class Cycle:
    pass
def collected(phase, info):
    if phase == "start" and not waited:
        waited.append(1)
        print("ready", flush=True)
        time.sleep(60)  # an interrupt here is an exception in a callback, which Python reports and forgets
waited = []
try:
    with watched(20.0):
        gc.callbacks.append(collected)
        gc.collect()
        time.sleep(60)
except KeyboardInterrupt:
    print("heard")
"""


def test_an_interrupt_that_python_loses_is_repeated_without_a_traceback():
    child = started(LOST)
    child.send_signal(signal.SIGINT)
    out, errors = child.communicate(timeout=30)
    assert out == "heard\n" and errors == "" and child.returncode == 0
