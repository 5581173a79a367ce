"""--quick: the whole pipeline, smaller in every part."""

import os
from dataclasses import replace
from typing import Any

# XLA's LLVM at -O2 instead of -O3: a few steps wait less for code that is a little slower.
COMPILE_SOONER = "--xla_backend_optimization_level=2"


def compile_sooner() -> None:
    """In this process and those that it starts, if JAX is not imported yet. What XLA_FLAGS says already wins."""
    os.environ["XLA_FLAGS"] = f"{COMPILE_SOONER} {os.environ.get('XLA_FLAGS', '')}"


def at_most(settings: Any, **limits: float) -> None:
    """In the __post_init__ of a frozen dataclass: no setting above its limit."""
    for name, value in _lowered(settings, limits).items():
        object.__setattr__(settings, name, value)


def smaller(settings: Any, **limits: float) -> Any:
    """A copy of a dataclass in which no setting is above its limit."""
    return replace(settings, **_lowered(settings, limits))


def _lowered(settings: Any, limits: dict[str, float]) -> dict[str, float]:
    return {name: min(getattr(settings, name), limit) for name, limit in limits.items()}
