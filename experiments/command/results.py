"""Where a command writes: its folder, its pictures, and result.json. No file is ever half new."""

import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np

PLACES = ("out", "data_dir", "cache")  # fields of a Config that say where files lie: no part of a result
FILES, FOLDERS = {".json", ".png", ".gif", ".npz"}, {"checkpoints", "png"}  # what commands write


def prepare_folder(out: Path) -> None:
    """Make the folder, or raise ValueError with the reason why results cannot be written there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
        blocked = [path for path in sorted(out.iterdir()) if path.suffix in FILES and path.is_dir()]
        blocked += [out / name for name in sorted(FOLDERS) if (out / name).is_file()]
    except OSError as error:
        reason = "there is a file of that name or on the way to it"
        if not isinstance(error, FileExistsError | NotADirectoryError):
            reason = error.strerror
        raise ValueError(f"--out is {out}, but must be a folder that can be written to: {reason}") from None
    if blocked:
        raise ValueError(f"--out is {out}, but {blocked[0].name} in it is in the way of what is written there")


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


def finite_or_none(values: np.ndarray) -> list[float | None]:
    """For result.json, which has no infinities."""
    return [value if np.isfinite(value) else None for value in values.tolist()]


def save_figure(out: Path, name: str, figure) -> None:
    with replacing(out / name) as path:
        figure.savefig(path, format="png", dpi=150)
