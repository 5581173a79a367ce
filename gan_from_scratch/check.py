"""Bad input ends in one sentence that names the argument, its value and what is allowed."""

import math
from collections.abc import Collection
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np


def positive_integer(name: str, value: int) -> None:
    """Raise ValueError unless `value` is a whole number of at least 1. True is no number."""
    _whole_number(name, value, 1)


def nonnegative_integer(name: str, value: int) -> None:
    """Raise ValueError unless `value` is a whole number of at least 0. False is no number."""
    _whole_number(name, value, 0)


def _whole_number(name: str, value: int, lowest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < lowest:
        raise ValueError(f"{name} is {value!r}, but must be a whole number of at least {lowest}")


def seed(name: str, value: int) -> None:
    """Raise ValueError unless `value` is a whole number from 0 to 2^32 - 1, as every random generator here takes."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < 2**32:
        raise ValueError(f"{name} is {value!r}, but must be a whole number of at least 0 and below 2^32")


def finite(name: str, value: float | int) -> None:
    """Raise ValueError unless `value` is a finite number."""
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}, but must be a finite number")


def positive(name: str, value: float | int) -> None:
    """Raise ValueError unless `value` is a finite number above 0."""
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} is {value}, but must be a finite number above 0")


def nonnegative(name: str, value: float | int) -> None:
    """Raise ValueError unless `value` is a finite number of at least 0."""
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} is {value}, but must be a finite number of at least 0")


def fraction(name: str, value: float | int) -> None:
    """Raise ValueError unless 0 <= `value` < 1."""
    if not 0 <= value < 1:
        raise ValueError(f"{name} is {value}, but must be at least 0 and below 1")


def one_of(name: str, value: str, allowed: Collection[str]) -> None:
    """Raise ValueError unless `value` is one of the `allowed` names."""
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, but must be one of {', '.join(sorted(allowed))}")


def choices(config: Any) -> None:
    """Raise ValueError unless each field of the dataclass with a Literal type has one of its values."""
    for name, hint in get_type_hints(type(config)).items():
        if get_origin(hint) is Literal:
            one_of(name, getattr(config, name), get_args(hint))


def same_shape(**arrays: Any) -> None:
    """Raise ValueError unless all the arrays, given by name, have one shape."""
    shapes = {name: np.shape(array) for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{name} has shape {shape}" for name, shape in shapes.items())
        raise ValueError(f"{listed}, but they must have the same shape")


def all_finite(name: str, array: Any) -> None:
    """Raise ValueError unless `array` has entries and all of them are finite."""
    array = np.asarray(array)
    if array.size == 0:
        raise ValueError(f"{name} is empty, but must hold at least one number")
    bad = ~np.isfinite(array)
    if bad.any():
        raise ValueError(f"{name} holds {array[bad][0]} ({bad.sum()} of {array.size}), but every number must be finite")
