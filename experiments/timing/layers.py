"""The convolutions of the DCGANs, each by the library and in our forms: forward and the gradient in both arguments.

Each is timed inside a compiled loop, as in training: there XLA's library on a CPU is slower than outside.
"""

from collections.abc import Iterable
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import jax
from jax import Array

from experiments.timing.peaks import DTYPES, calls
from experiments.timing.turns import Contender, timed
from gan_from_scratch import data
from gan_from_scratch.images import convolution, winograd
from gan_from_scratch.images.networks import image_levels

KERNEL, STRIDE, PADDING = 4, 2, 1  # of every convolution in a DCGAN: networks.Convolution's defaults
IN_ONE_CALL = 10  # steps: a small layer's is shorter than the way to a GPU
# Each adds so little to x and K that neither leaves its range in any number of steps.
RATE = 1e-6
FORWARD = {
    "library": convolution.convolve_by_library,
    "patches": convolution.convolve_by_patches,
    "tiles": winograd.convolve_by_tiles,
}
TRANSPOSED = {
    "library": convolution.convolve_transposed_by_library,
    "patches": convolution.convolve_transposed_by_patches,
    "tiles": winograd.convolve_transposed_by_tiles,
}


class Layer(NamedTuple):
    """D's from (size, size, c_in) to (size / 2, size / 2, c_out), and G's, which goes the other way."""

    size: int
    c_in: int
    c_out: int


def layers_of(size: int, channels: int, width: int) -> list[Layer]:
    """Those of the DCGAN for such images, from the image on."""
    _, levels = image_levels(size)
    widths = [channels] + [width * 2**level for level in range(levels)]
    return [Layer(size // 2**level, *pair) for level, pair in enumerate(pairwise(widths))]


def groups(names: Iterable[str], width: int) -> list[tuple[str, Layer, bool]]:
    """Each layer of D and of G of these data sets' DCGANs: in words, and whether it is transposed."""
    found = []
    for name in names:
        size, _, channels = data.SHAPES[name]
        for layer in layers_of(size, channels, width):
            larger = f"{layer.size} x {layer.size} x {layer.c_in}"
            smaller = f"{layer.size // 2} x {layer.size // 2} x {layer.c_out}"
            found += [(f"{name} D, {larger} to {smaller}", layer, False)]
            found += [(f"{name} G, {smaller} to {larger}", layer, True)]
    return found


def milliseconds(
    layer: Layer, transposed: bool, batch: int, rounds: int, seconds: float, seed: int
) -> dict[str, dict[str, float]]:
    """Of a step of every form in every type where it serves: the median, the range, and how often the library's."""
    contenders = {}
    for dtype in DTYPES:
        for name, form in (TRANSPOSED if transposed else FORWARD).items():
            x, kernel = arguments(layer, transposed, batch, dtype, seed)
            if name != "tiles" or convolution.tiles_serve(kernel, STRIDE):
                call = partial(descent, partial(form, stride=STRIDE, padding=PADDING), x, kernel)
                contenders[f"{name}, {dtype}"] = Contender(calls(call, IN_ONE_CALL), IN_ONE_CALL)
    rows = timed(contenders, rounds, seconds)
    return {
        name: {
            "milliseconds": 1e3 / row["per_second"],
            "fastest_round": 1e3 / row["fastest_round"],
            "slowest_round": 1e3 / row["slowest_round"],
            "times_library": row["per_second"] / rows[f"library, {name.rpartition(', ')[2]}"]["per_second"],
        }
        for name, row in rows.items()
    }


def arguments(layer: Layer, transposed: bool, batch: int, dtype: str, seed: int) -> tuple[Array, Array]:
    """x (batch, h, w, channels) and the kernel (c_out, k, k, c_in), which both directions share."""
    key_x, key_kernel = jax.random.split(jax.random.key(seed))
    size, channels = (layer.size // 2, layer.c_out) if transposed else (layer.size, layer.c_in)
    x = jax.random.normal(key_x, (batch, size, size, channels), dtype)
    return x, 0.02 * jax.random.normal(key_kernel, (layer.c_out, KERNEL, KERNEL, layer.c_in), dtype)


@partial(jax.jit, static_argnames="form")
def descent(form, x: Array, kernel: Array) -> tuple[Array, Array]:
    """Steps down |y|^2 / 2 in x and in K, where y = form(x, K): there y and both gradients are needed in full."""

    def step(_, arguments):
        y, pull = jax.vjp(form, *arguments)
        return tuple(argument - RATE * slope for argument, slope in zip(arguments, pull(y), strict=True))

    return jax.lax.fori_loop(0, IN_ONE_CALL, step, (x, kernel))
