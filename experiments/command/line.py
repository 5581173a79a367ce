"""From a command line to main(config), and how a command ends.

Exit code 0: done. 1: training went non-finite, or the numbers asked for could not be had; what there was is kept.
2: bad input, told in one sentence. 130: interrupted. 141: nobody reads what it prints any more.
"""

import io
import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import jax
import pooch
import tyro

from experiments.command.first_line import named
from experiments.command.machines import part, several
from experiments.command.signals import CLOSED_PIPE, GRACE, INTERRUPTED, leave, watched

# What the libraries by which processes talk to each other say of one that answers no more.
SIGNS_OF_A_LOSS = ("gloo", "nccl", "unavailable", "deadline_exceeded", "coordination")
COMPILED = Path(pooch.os_cache("gan_from_scratch")) / "compiled"


def command_line(config_class: type, main: Callable[[Any], None], description: str) -> None:
    """Read a config from the command line and run main(config).

    What JAX compiles is kept in COMPILED, or where JAX_COMPILATION_CACHE_DIR says: the same command begins sooner when
    it is run again.
    """
    if jax.config.jax_compilation_cache_dir is None:
        jax.config.update("jax_compilation_cache_dir", str(COMPILED))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with watched(GRACE), warnings.catch_warnings():
        warnings.showwarning = _tell
        # Where the cache of compiled programs cannot be written, the next run only begins later.
        warnings.filterwarnings("ignore", message=".*persistent compilation cache")
        try:
            config = _parsed(config_class, f"{description}\n{config_class.__doc__}", _program(main))
            if named() is None:
                print(description.splitlines()[0], flush=True)
            main(config)
            part()
            sys.stdout.flush()
            if named():  # a process of its own: in Python's way out an interrupt would be a crash of what is done
                leave(0, "")
        except BrokenPipeError:
            leave(CLOSED_PIPE, "")
        except (ValueError, OSError) as error:
            _stop(2, error)
        except (MemoryError, OverflowError, jax.errors.JaxRuntimeError) as error:
            said = str(error).partition("\n")[0]
            if isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" not in said:
                if not several():
                    raise
                if not any(sign in said.lower() for sign in SIGNS_OF_A_LOSS):
                    traceback.print_exc()
                _stop(1, f"another process of this run may be gone; --resume goes on from its checkpoint: {said}")
            _stop(2, f"a number in the settings is too large for this machine: {said}")
        except FloatingPointError as error:
            part()  # all processes of a run that broke know it
            _stop(1, error)
        except KeyboardInterrupt:
            part()
            leave(INTERRUPTED, "error: interrupted")
        except SystemExit as stop:
            if isinstance(stop.__context__, BrokenPipeError):  # rich turns the one into the other
                leave(CLOSED_PIPE, "")
            raise


def _parsed(config_class: type, description: str, program: str) -> Any:
    """The config. SystemExit after one sentence, instead of tyro's frame of many lines, for what it cannot be."""
    if any(re.fullmatch(r"(--[\w-]+=)?", argument) for argument in sys.argv[1:]):
        _stop(2, "an argument is empty, but each must say something")
    columns = os.environ.get("COLUMNS")
    asked_for_help = {"-h", "--help"} & {*sys.argv}
    if not asked_for_help:
        os.environ["COLUMNS"] = "9999"  # so that no sentence is broken
    frame = io.StringIO()
    try:
        with redirect_stderr(frame):
            return tyro.cli(config_class, description=description, prog=program)
    except SystemExit as stop:
        if not stop.code:
            raise
        _stop(2, f"{_sentence(frame.getvalue())}; {program} --help explains each setting")
    finally:
        if columns is None:
            os.environ.pop("COLUMNS", None)
        else:
            os.environ["COLUMNS"] = columns


def _sentence(frame: str) -> str:
    """What a frame of tyro's says, up to its first rule, and what it takes a wrong name to have meant."""
    lines = [line.strip("│ ") for line in frame.splitlines() if not line.startswith(("╭", "╰"))]
    rules = [i for i, line in enumerate(lines) if line.startswith("─")]
    said = " ".join(lines[: rules[0]] if rules else lines)
    said = said.partition("  Got errors")[0].rstrip(".")  # one for each type that a setting may have
    said = re.sub(r"^Error parsing (?!-)\S+: ", "", said).replace("Error parsing ", "")
    if "Perhaps you meant:" in lines:
        said += f"; perhaps you meant {lines[lines.index('Perhaps you meant:') + 1].split()[0]}"
    return said


def _program(main: Callable) -> str:
    """What to type for it. In a wheel `experiments` lies in a folder that only the console command looks into."""
    spec = sys.modules[main.__module__].__spec__
    name = spec.name if spec else main.__module__
    if Path(__file__).parents[2].name == "commands":
        return f"gan-from-scratch {name.rpartition('.')[2]}"
    return f"python -m {name}"


def _stop(code: int, message: object) -> None:
    if several():  # in Python's way out JAX would wait for the others
        leave(code, f"error: {message}")
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def _tell(message: Warning | str, *_: Any) -> None:
    print(f"warning: {message}", file=sys.stderr, flush=True)
