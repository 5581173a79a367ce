"""--quick: the whole pipeline, smaller in every part."""

from dataclasses import replace
from typing import Any


def at_most(settings: Any, **limits: float) -> None:
    """In the __post_init__ of a frozen dataclass: no setting above its limit."""
    for name, value in _lowered(settings, limits).items():
        object.__setattr__(settings, name, value)


def smaller(settings: Any, **limits: float) -> Any:
    """A copy of a dataclass in which no setting is above its limit."""
    return replace(settings, **_lowered(settings, limits))


def _lowered(settings: Any, limits: dict[str, float]) -> dict[str, float]:
    return {name: min(getattr(settings, name), limit) for name, limit in limits.items()}
