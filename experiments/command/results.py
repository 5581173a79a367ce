"""What a command leaves: result.json, and pictures."""

import json
import os
import platform
import time
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.command.folder import replacing

# Fields of a Config that say where files lie, or where processes meet: no part of a result.
PLACES = ("out", "data_dir", "cache", "runs", "coordinator", "process")


def save_result(out: Path, config: Any, started: float, numbers: dict) -> None:
    """Write result.json: what was run, on what, how long (since perf_counter's `started`), and what came out."""
    settings = flat(config)
    devices = f"{jax.device_count()} x " if jax.device_count() > 1 else ""
    result = {
        "config": {name: value for name, value in settings.items() if name not in PLACES},
        "seed": settings["seed"],
        "versions": {name: version(name) for name in ("gan_from_scratch", "jax", "flax", "optax", "numpy")}
        | {"python": platform.python_version()},
        "device": f"{devices}{jax.devices()[0].device_kind}, {os.cpu_count()} cores",
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


def counted(n: int, what: str) -> str:
    """1 seed, 2,000 seeds."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def times(factor: float) -> str:
    """× 0.97; × 0.0041, where two decimals would show little."""
    return f"× {factor:.2f}" if factor >= 0.1 else f"× {factor:.2g}"


def finite_or_none(values: np.ndarray) -> list[float | None]:
    """For result.json, which has no infinities."""
    return [value if np.isfinite(value) else None for value in values.tolist()]


def save_figure(out: Path, name: str, figure) -> None:
    with replacing(out / name) as path:
        figure.savefig(path, format="png", dpi=150)
