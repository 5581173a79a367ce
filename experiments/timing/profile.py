"""Where the time of a compiled chunk of training goes: what is not a product, and how it divides.

XLA's own profiler tells how long each operation of the compiled program took, on whichever thread; the program's text
tells from which line of ours it comes.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jax

PRODUCTS = re.compile(r"(ynn_fusion|dot|dot_general|matmul|custom-call)[.\d]*$")  # as XLA:CPU calls matrix products
PLACES = {  # in an operation's name, in this order
    r"/norm_": "BatchNorm",
    r"/(down|up)_\d+/": "copies and sums around the convolutions' products",
    r"jvp\(DCGAN": "activations, losses and the rest of the networks",
}
REST = "optimizers, the average of G, draws"


def shares(compiled: jax.stages.Compiled, run: Callable[[], object]) -> dict[str, float]:
    """What share of the time of all operations in `run`, which calls the program once, falls to each kind of them.

    Several threads work at once, so shares of this sum are not shares of the time on a clock. Empty where the profiler
    tells no operations.
    """
    origin = {}
    for line in compiled.as_text().splitlines():
        defined = re.match(r"\s*(?:ROOT )?%?([\w.-]+) = ", line)
        if defined:
            named = re.search(r'op_name="([^"]*)"', line)
            origin[defined.group(1)] = named.group(1) if named else ""
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            jax.block_until_ready(run())
        traces = [jax.profiler.ProfileData.from_file(str(path)) for path in Path(folder).rglob("*.xplane.pb")]
    events = (event for trace in traces for plane in trace.planes for line in plane.lines for event in line.events)
    seconds = Counter()
    for event in events:
        if event.name in origin:
            seconds[kind(event.name, origin[event.name])] += event.duration_ns
    total = sum(seconds.values())
    return {name: round(spent / total, 3) for name, spent in seconds.most_common()}


def kind(operation: str, origin: str) -> str:
    if PRODUCTS.match(operation):
        return "matrix products"
    return next((name for place, name in PLACES.items() if re.search(place, origin)), REST)
