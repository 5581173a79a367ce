"""What the devices of a compiled program tell each other, read from its text."""

import re

import jax

from experiments.timing.costs import ARRAY, size

# An operation that returns one array or, in brackets, several.
COLLECTIVE = re.compile(
    r" = (?P<arrays>\S+|\(.*?\)) (?P<kind>all-reduce|all-gather|all-to-all|reduce-scatter|collective-\w+)(-start)?\("
)


def collectives(compiled: jax.stages.Compiled) -> list[tuple[str, int]]:
    """(kind, bytes that it returns on each device) of each, as written: one in a loop is there once."""
    found = COLLECTIVE.finditer(compiled.as_text())
    return [(match["kind"], sum(size(*array) for array in ARRAY.findall(match["arrays"]))) for match in found]
