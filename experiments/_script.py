"""What every script shares: its command line, its exit codes, its files, its progress bar.

Exit code 0: done. 1: training went non-finite, or the numbers asked for could not be had; what there was is kept.
2: bad input, told in one sentence. 130: interrupted.
"""

import json
import os
import platform
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import jax
import numpy as np
import tyro
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gan_from_scratch import check

PLACES = ("out", "data_dir", "cache")  # fields of a Config that say where files lie: no part of a result


def command_line(config_class: type, main: Callable[[Any], None], description: str) -> None:
    """Read a config from the command line and run main(config)."""
    try:
        config = tyro.cli(config_class, description=description, prog=f"python -m {_module_name(main)}")
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


def _module_name(main: Callable) -> str:
    spec = sys.modules[main.__module__].__spec__
    return spec.name if spec else main.__module__


def _stop(code: int, message: object) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def prepare_folder(out: Path) -> None:
    """Make the folder, or raise ValueError with the reason why results cannot be written there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        reason = "there is a file of that name or on the way to it"
        if not isinstance(error, FileExistsError | NotADirectoryError):
            reason = error.strerror
        raise ValueError(f"--out is {out}, but must be a folder that can be written to: {reason}") from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` that takes its place when the block ends well, so no file is ever half new."""
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def save_result(out: Path, config: Any, started: float, numbers: dict) -> None:
    """Write result.json: what was run, on what, how long (since perf_counter's `started`), and what came out."""
    settings = flat(config)
    result = {
        "config": {name: value for name, value in settings.items() if name not in PLACES},
        "seed": settings["seed"],
        "versions": {name: version(name) for name in ("gan_from_scratch", "jax", "flax", "optax", "numpy")}
        | {"python": platform.python_version()},
        "device": f"{jax.devices()[0].device_kind}, {os.cpu_count()} cores",
        "seconds": round(time.perf_counter() - started, 1),
        "numbers": numbers,
    }
    with replacing(out / "result.json") as path:
        path.write_text(json.dumps(result, indent=2, default=str, allow_nan=False) + "\n")


def flat(config: Any) -> dict[str, Any]:
    """All settings of a Config by name, those of the dataclasses in it included."""
    settings = {}
    for field in fields(config):
        value = getattr(config, field.name)
        settings |= flat(value) if is_dataclass(value) else {field.name: value}
    return settings


def check_choices(config: Any) -> None:
    """Raise ValueError unless each field with a Literal type has one of its values."""
    for name, hint in get_type_hints(type(config)).items():
        if get_origin(hint) is Literal:
            check.one_of(name, getattr(config, name), get_args(hint))


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


def check_batch(batch: int, images: int) -> None:
    """Raise ValueError if the batch is larger than the data."""
    if batch > images:
        raise ValueError(f"batch is {batch}, but must be at most {images}, the number of images")


def finite_or_none(values: np.ndarray) -> list[float | None]:
    """For result.json, which has no infinities."""
    return [value if np.isfinite(value) else None for value in values.tolist()]


def save_figure(out: Path, name: str, figure) -> None:
    with replacing(out / name) as path:
        figure.savefig(path, format="png", dpi=150)


def progress_bar() -> Progress:
    """A bar with the newest numbers behind it, to be given a task with a field `numbers`."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[numbers]}"),
    )
