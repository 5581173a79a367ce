"""Bad input ends in one sentence that names the argument, its value and what is allowed."""

import math
from collections.abc import Collection
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

FLOAT32_MAX = float(np.finfo(np.float32).max)


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


def rate(name: str, value: float | int) -> None:
    """Raise ValueError unless 0 < `value` <= 1: Adam moves each weight by about its rate in a step."""
    if not 0 < value <= 1:
        raise ValueError(f"{name} is {value}, but must be above 0 and at most 1")


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


def hashable(name: str, value: Any) -> None:
    """Raise ValueError unless `value` has a hash."""
    try:
        hash(value)
    except TypeError:
        shown = repr(value)
        shown = f"{type(value).__name__}(...)" if "\n" in shown else shown
        raise ValueError(
            f"{name} is {shown}, but must be hashable, so that a compiled function can depend on it: write tuples for"
            " lists"
        ) from None


def drawn(x: Any, again: Any = None) -> Any:
    """The batch x that sample_data drew, if it follows the key.

    ValueError if it is a NumPy array, which every step of a compiled loop would see again, or is equal to `again`,
    drawn with another key.
    """
    if isinstance(x, np.ndarray) or (again is not None and np.array_equal(x, again)):
        raise ValueError(
            "sample_data gives the same batch for two keys, but each step needs a draw of its own: draw with jax.random"
            " from the key, or use data.sampler(array)"
        )
    return x


def same_shape(**arrays: Any) -> None:
    """Raise ValueError unless all the arrays, given by name, have one shape."""
    shapes = {name: np.shape(array) for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{name} has shape {shape}" for name, shape in shapes.items())
        raise ValueError(f"{listed}, but they must have the same shape")


def below_overflow(largest: float | int, **values: Any) -> None:
    """Raise ValueError unless float32 holds `largest`, the size that draws with these parameters may reach."""
    if largest >= FLOAT32_MAX:
        listed = " and ".join(f"{name} is {value}" for name, value in values.items())
        raise ValueError(f"{listed}, but draws must stay below float32's largest number, {FLOAT32_MAX:.1e}")


def all_finite(name: str, array: Any) -> None:
    """Raise ValueError unless `array` has entries and all of them are finite."""
    array = np.asarray(array)
    if array.size == 0:
        raise ValueError(f"{name} is empty, but must hold at least one number")
    bad = ~np.isfinite(array)
    if bad.any():
        raise ValueError(f"{name} holds {array[bad][0]} ({bad.sum()} of {array.size}), but every number must be finite")
