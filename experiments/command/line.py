"""From a command line to main(config), and how a command ends.

Exit code 0: done. 1: training went non-finite, or the numbers asked for could not be had; what there was is kept.
2: bad input, told in one sentence. 130: interrupted.
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import pooch
import tyro
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

COMPILED = Path(pooch.os_cache("gan_from_scratch")) / "compiled"


def command_line(config_class: type, main: Callable[[Any], None], description: str) -> None:
    """Read a config from the command line and run main(config).

    What JAX compiles is kept in COMPILED, or where JAX_COMPILATION_CACHE_DIR says: the same command begins sooner when
    it is run again.
    """
    if jax.config.jax_compilation_cache_dir is None:
        jax.config.update("jax_compilation_cache_dir", str(COMPILED))
    try:
        config = tyro.cli(config_class, description=description, prog=_program(main))
        print(description.splitlines()[0], flush=True)  # something to read while the first step compiles
        main(config)
    except (ValueError, OSError) as error:
        _stop(2, error)
    except (MemoryError, OverflowError, jax.errors.JaxRuntimeError) as error:
        if isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" not in str(error):
            raise
        _stop(2, f"a number in the settings is too large for this machine: {str(error).partition(chr(10))[0]}")
    except FloatingPointError as error:
        _stop(1, error)
    except KeyboardInterrupt:
        _stop(130, "interrupted")


def _program(main: Callable) -> str:
    """What to type for it. In a wheel `experiments` lies in a folder that only the console command looks into."""
    spec = sys.modules[main.__module__].__spec__
    name = spec.name if spec else main.__module__
    if Path(__file__).parents[2].name == "commands":
        return f"gan-from-scratch {name.rpartition('.')[2]}"
    return f"python -m {name}"


def _stop(code: int, message: object) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Inside the block Ctrl-C and SIGTERM interrupt nothing; the function given tells whether one came.

    A second one ends the program as usual. Outside the main thread, where Python hears no signals, none ever comes.
    """
    came = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def note(number: int, frame: Any) -> None:
        came.append(number)
        for signum, handler in usual.items():
            signal.signal(signum, handler)

    usual = {signum: signal.signal(signum, note) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(came)
    finally:
        for signum, handler in usual.items():
            signal.signal(signum, handler)


def progress_bar() -> Progress:
    """A bar with the newest numbers behind it, to be given a task with a field `numbers`."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[numbers]}"),
    )
