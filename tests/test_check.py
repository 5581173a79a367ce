"""Each check accepts what it says and names what it refuses."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest

from gan_from_scratch import check


@pytest.mark.parametrize(
    ("function", "good", "bad"),
    [
        (check.positive_integer, [1, 7, np.int32(3)], [0, -1, 1.0, True, "3", None, math.nan]),
        (check.nonnegative_integer, [0, 7, np.int32(3)], [-1, 0.0, False, "3", None]),
        (check.seed, [0, 7, 2**32 - 1], [-1, 0.0, False, 2**32]),
        (check.finite, [0, -1.5], [math.nan, math.inf, -math.inf]),
        (check.positive, [1e-9, 3], [0, -1, math.nan, math.inf]),
        (check.nonnegative, [0, 3], [-1e-9, math.nan, math.inf]),
        (check.fraction, [0, 0.5, 0.999], [-0.1, 1, math.nan]),
        (check.all_finite, [np.zeros(3)], [np.array([]), np.array([1, np.nan])]),
    ],
)
def test_numbers(without_shape_checks, function, good, bad):
    for value in good:
        function("rate", value)
    for value in bad:
        with pytest.raises(ValueError, match=r"^rate (is|holds) .* but (must|every)"):
            function("rate", value)


def test_one_of():
    check.one_of("loss", "a", {"a", "b"})
    with pytest.raises(ValueError, match="loss is 'c', but must be one of a, b"):
        check.one_of("loss", "c", {"b", "a"})


@dataclass
class Chosen:
    loss: Literal["a", "b"]
    name: str = "anything"


def test_choices():
    check.choices(Chosen("a"))
    with pytest.raises(ValueError, match="loss is 'c', but must be one of a, b"):
        check.choices(Chosen("c"))


def test_same_shape():
    check.same_shape(p=np.zeros(3), q=np.ones(3))
    with pytest.raises(ValueError, match=r"p has shape \(3,\), q has shape \(3, 1\)"):
        check.same_shape(p=np.zeros(3), q=np.zeros((3, 1)))
