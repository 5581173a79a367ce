"""What the devices of a compiled program tell each other, read from its text."""

import re

import jax

from experiments.timing.costs import ARRAY, size

# An operation that returns one array or, in brackets, several.
COLLECTIVE = re.compile(
    r" = (?P<arrays>\S+|\(.*?\)) (?P<kind>all-reduce|all-gather|all-to-all|reduce-scatter|collective-\w+)(-start)?\("
)


def collectives(compiled: jax.stages.Compiled) -> list[tuple[str, list[str], int]]:
    """(kind, types of its arrays, bytes that it returns on each device), as written: one in a loop is there once."""
    found = [(match["kind"], ARRAY.findall(match["arrays"])) for match in COLLECTIVE.finditer(compiled.as_text())]
    return [(kind, sorted({array[0] for array in arrays}), sum(size(*array) for array in arrays))
            for kind, arrays in found]  # fmt: skip
