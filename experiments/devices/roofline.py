"""How long a step takes at least on N devices, and how many are enough: computed, not measured.

On each of N devices a step of batch b takes the longer of its products' time and its traffic's (Williams et al. 2009):

    t(N) = max( b flops / (N peak), (b / N bytes for an image + bytes for parameters) / bandwidth ) + c(N)

and then the devices tell each other their sums. A ring sends each byte 2 (N - 1) / N times through every link, and each
of the all-reduces waits for its slowest message:

    c(N) = 2 (N - 1) / N bytes told / link + all-reduces latency,        c(1) = 0

Nothing is taken to overlap. The batch stays as it is, because another one is another algorithm: so what can be shared
out shrinks with N, and what is told does not.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.devices.work import Work

# Seconds of an all-reduce of a few numbers: none, which is a bound, and an assumption, of the order of such calls
# inside one machine.
LATENCIES = (0.0, 10e-6)
PRODUCT, COPY = 2048, 2**26  # rows of the matrices, and numbers, with which this machine is measured: beyond its caches
WORTH_IT = 0.1  # of a step's time that more devices have to save
TRIES = 5  # of which the fastest counts: what a device can do, whatever else it does


@dataclass(frozen=True)
class Device:
    """Of one device: products in FLOP/s, memory and link to its neighbours, one way, in bytes/s. None: it has none."""

    name: str
    peak: float
    bandwidth: float
    link: float | None
    bytes_each: int  # of the type of its products


# Dense products of bfloat16. NVIDIA's data sheets of the SXM cards, half of NVLink's 900 GB/s; Google's pages on
# TPU v5e and v6e, half of what they give for the links both ways.
NAMED = (
    Device("H100", 989e12, 3.35e12, 450e9, 2),
    Device("H200", 989e12, 4.8e12, 450e9, 2),
    Device("TPU v5e", 197e12, 0.819e12, 200e9, 2),
    Device("TPU v6e", 918e12, 1.638e12, 400e9, 2),
)


def this_machine() -> Device:
    """Measured: the first device's product of two float32 matrices, and its copy of an array."""
    a, x = jnp.ones((PRODUCT, PRODUCT), jnp.float32), jnp.ones(COPY, jnp.float32)
    product = fastest(jax.jit(lambda b: b @ a / PRODUCT), a)
    # Written where it was read: the system would give new memory page by page, which takes longer than the copy.
    copy = fastest(jax.jit(jnp.negative, donate_argnums=0), x)
    return Device("this machine", 2 * PRODUCT**3 / product, 2 * 4 * COPY / copy, None, 4)


def fastest(compute: Callable[[Array], Array], x: Array) -> float:
    """Seconds of x -> compute(x), which the next try begins with."""
    seconds = []
    x = jax.block_until_ready(compute(x))
    for _ in range(TRIES):
        started = time.perf_counter()
        x = jax.block_until_ready(compute(x))
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def seconds(
    work: Work, device: Device, batch: int, n: int, told: int, all_reduces: int, latency: float
) -> dict[str, float]:
    """t(n) of this file, and the two times of which the longer counts: products, traffic and telling."""
    products = batch * work.flops / (n * device.peak)
    traffic = (batch / n * work.bytes_for_an_image + work.bytes_for_parameters) / device.bandwidth
    telling = (2 * (n - 1) / n * told / device.link + all_reduces * latency) if n > 1 else 0.0
    return {"products": products, "traffic": traffic, "telling": telling, "step": max(products, traffic) + telling}


def enough(work: Work, device: Device, batch: int, told: int, all_reduces: int, latency: float) -> int:
    """Of 1, 2, 4, ... devices, up to one for each image, the first number to which no larger one saves a tenth."""
    numbers = 2 ** np.arange(int(np.log2(batch)) + 1)
    times = np.array([seconds(work, device, batch, int(n), told, all_reduces, latency)["step"] for n in numbers])
    return int(numbers[np.argmax(times * (1 - WORTH_IT) <= times.min())])
