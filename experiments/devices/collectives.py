"""What the devices of a compiled program tell each other, read from its text."""

import re
from math import prod

import jax

# An array in a program's text, such as f32[8,48]{1,0}, and an operation that returns one or, in brackets, several.
ARRAY = re.compile(r"\b(pred|[subf]\w*\d+)\[([\d,]*)\]")
COLLECTIVE = re.compile(
    r" = (?P<arrays>\S+|\(.*?\)) (?P<kind>all-reduce|all-gather|all-to-all|reduce-scatter|collective-\w+)(-start)?\("
)


def collectives(compiled: jax.stages.Compiled) -> list[tuple[str, int]]:
    """(kind, bytes that it returns on each device) of each, as written: one in a loop is there once."""
    found = COLLECTIVE.finditer(compiled.as_text())
    return [(match["kind"], sum(map(size, ARRAY.findall(match["arrays"])))) for match in found]


def size(array: tuple[str, str]) -> int:
    """Bytes of ("f32", "8,48"). XLA calls booleans pred and integers by their sign and bits."""
    kind, shape = array
    bits = 8 if kind == "pred" else int(re.search(r"\d+", kind)[0])
    return bits // 8 * prod(int(n) for n in shape.split(",") if n)
