"""How long a step takes on N devices, and how many are enough: an estimate, computed and not measured.

On each of N devices a step of batch b takes the longer of its products' time and its traffic's (Williams et al. 2009):

    t(N) = max( b flops / (N peak), (b / N bytes for an image + bytes for parameters) / bandwidth ) + c(N)

and then the devices tell each other their sums. A ring sends each byte 2 (N - 1) / N times through every link, and each
all-reduce takes some time that depends neither on its bytes nor, here, on N:

    c(N) = 2 (N - 1) / N bytes told / link + all-reduces latency,        c(1) = 0

Nothing is taken to overlap, and no cache to hold anything. The batch stays as it is, because another one is another
algorithm: so what can be shared out shrinks with N, and what is told does not.
"""

from dataclasses import dataclass

import numpy as np

from experiments.timing.work import Work

# Seconds of an all-reduce of a few numbers: none, which is a bound, and an assumption, of the order of such calls
# inside one machine.
LATENCIES = (0.0, 10e-6)
WORTH_IT = 0.1  # of a step's time that more devices have to save


@dataclass(frozen=True)
class Device:
    """Of one device: products in FLOP/s; memory, and links to its neighbours, one way, in bytes/s."""

    name: str
    peak: float
    bandwidth: float
    bytes_each: int  # of the type of its products
    link: float | None = None
    most: int = 1  # devices that such links join


def seconds(
    work: Work, device: Device, batch: int, n: int, told: int, all_reduces: int, latency: float
) -> dict[str, float]:
    """t(n) of this file, and the two times of which the longer counts: products, traffic and telling."""
    products = batch * work.flops / (n * device.peak)
    traffic = (batch / n * work.bytes_for_an_image + work.bytes_for_parameters) / device.bandwidth
    telling = (2 * (n - 1) / n * told / device.link + all_reduces * latency) if n > 1 else 0.0
    return {"products": products, "traffic": traffic, "telling": telling, "step": max(products, traffic) + telling}


def enough(work: Work, device: Device, batch: int, told: int, all_reduces: int, latency: float) -> int:
    """Of 1, 2, 4, ... devices, the first number to which no larger one saves a tenth.

    At most one for each image, and as many as the links join: beyond, a network would be in the way.
    """
    numbers = 2 ** np.arange(int(np.log2(min(batch, device.most))) + 1)
    times = np.array([seconds(work, device, batch, int(n), told, all_reduces, latency)["step"] for n in numbers])
    return int(numbers[np.argmax(times * (1 - WORTH_IT) <= times.min())])
