"""What benchmark device measures: networks by type and batch, their share of the device's peak, single convolutions."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from itertools import product
from typing import Any

import jax
import numpy as np

from experiments.command.progress import phase
from experiments.image_runs.gan import build
from experiments.image_runs.settings import DIGITS, FROGS, Training
from experiments.timing import layers
from experiments.timing.costs import bytes_of_a_step, flops_of_a_step, reached
from experiments.timing.images import CHUNK, in_pytorch, program, repeated
from experiments.timing.peaks import DTYPES, Peaks, measure, peaks_of
from experiments.timing.plans import Plan, dtypes_of
from experiments.timing.turns import Contender, timed
from gan_from_scratch import data

MADE_UP = 2_048  # images from which every batch is drawn: how many there are does not change a step's time
NO_MEMORY, NO_TIME = "out of memory", "no time was left"
# How XLA, PyTorch and command/memory.py say that memory does not suffice.
SIGNS_OF_NO_MEMORY = ("RESOURCE_EXHAUSTED", "out of memory", "of memory would be needed")

# What makes a contender, and tells the bytes of its step where XLA knows them.
Maker = Callable[[], tuple[Contender, float | None]]
Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Timing:
    """How often and how long each contender is timed, and what decides the draws."""

    rounds: int
    seconds: float
    seed: int


def accelerator() -> bool:
    return jax.default_backend() != "cpu"


def first_words(small: bool) -> str:
    """What the benchmark says about where it is."""
    kind = jax.devices()[0].device_kind
    if not accelerator():
        return f"no accelerator: JAX finds only a CPU ({kind}), a small version runs on the CPU"
    return f"accelerator: {kind}" + ", a small version" * small


def no_pytorch() -> str | None:
    """Why PyTorch is not timed, if it is not."""
    if not find_spec("torch"):
        return "not installed"
    import torch  # an optional dependency

    if accelerator() and not torch.cuda.is_available():
        return "it finds no GPU, and on the CPU it would be no comparison"


def setups(plan: Plan, width: int) -> list[Training]:
    """The networks of mnist_dcgan, of cifar_dcgan and of the textbook at each batch, in the order of the plan."""
    mnist, cifar10 = (Training(steps=1, width=width, hidden=hidden) for hidden in (DIGITS.hidden, FROGS.hidden))
    textbook = Training(steps=1, architecture="textbook", noise_dim=32, dropout=0.4)  # Chollet's
    found = []
    for i, batch in enumerate(plan.batches):
        found += [replace(mnist, batch=batch), replace(cifar10, batch=batch)]
        found += [replace(textbook, batch=batch) for batch in plan.textbook_batches[i : i + 1]]
    return [training for training in found if name_of(training) in plan.networks]


def name_of(training: Training) -> str:
    """Of its networks. Only mnist's have a hidden layer."""
    return "textbook" if training.architecture == "textbook" else "mnist" if training.hidden else "cifar10"


def data_of(name: str) -> str:
    """The data set that such networks are for."""
    return "mnist" if name == "mnist" else "cifar10"


def label_of(training: Training) -> str:
    width = "" if training.architecture == "textbook" else f", width {training.width}"
    return f"{name_of(training)}, batch {training.batch}{width}"


def check_plan(plan: Plan, width: int) -> None:
    """Raise ValueError if this machine has not the memory even for the first batch of each network."""
    for training in setups(replace(plan, batches=plan.batches[:1]), width):
        build(training, data.SHAPES[data_of(name_of(training))])


def growing(plan: Plan, timing: Timing, width: int, compiled: bool, started: float) -> Iterator[dict[str, Any]]:
    """All numbers so far, again and again: after the peaks, after each network, after each convolution.

    What no time is left for, since perf_counter's `started`, or no memory, is told in its row.
    """
    measured = measure(plan.product_size, plan.copied, timing.rounds, timing.seconds)
    peaks = peaks_of(jax.devices()[0].device_kind, jax.config.jax_default_matmul_precision, measured)
    lacking = no_pytorch()
    numbers = {
        "accelerator": accelerator(),
        "width": width,
        "plan": asdict(plan),
        "pytorch": None if lacking == "not installed" else version("torch"),
        "pytorch_left_out": lacking,
        "peaks": asdict(peaks),
        "measured": asdict(measured),
        "groups": {},
        "layers": {},
    }
    yield numbers
    pixels = {name: data.synthetic(name, MADE_UP)[0] for name in data.SHAPES}
    for training in setups(plan, width):
        label = label_of(training)
        if time.perf_counter() - started > plan.networks_until:
            numbers["groups"][label] = {"JAX": {"left_out": NO_TIME}}
        else:
            name = name_of(training)
            of_network = pixels[data_of(name)]
            variants = [] if lacking else variants_of_pytorch(plan, training, compiled)
            chunk = plan.textbook_chunk if name == "textbook" else CHUNK
            dtypes = dtypes_of(plan, name, training.batch)
            numbers["groups"][label] = rows_of(training, dtypes, chunk, of_network, variants, timing, peaks)
        yield numbers
    for label, layer, transposed in layers.groups([name for name in plan.networks if name in data.SHAPES], width):
        if time.perf_counter() - started > plan.layers_until:
            numbers["layers"][label] = {"library": {"left_out": NO_TIME}}
        else:
            try:
                numbers["layers"][label] = layers.milliseconds(
                    layer, transposed, plan.layers_batch, timing.rounds, plan.layers_seconds, timing.seed
                )
            except jax.errors.JaxRuntimeError as error:
                if not lacks_memory(error):
                    raise
                numbers["layers"][label] = {"library": {"left_out": NO_MEMORY}}
        yield numbers


def variants_of_pytorch(plan: Plan, training: Training, compiled: bool) -> list[tuple[bool, bool, bool]]:
    """(compiled, channels last, bfloat16), in bfloat16 where JAX is timed in it. None of the textbook's networks.

    Eager in all ways; compiled, where the plan has it, only with channels last, which PyTorch's documentation
    recommends for convolutions.
    """
    if name_of(training) == "textbook":
        return []
    halves = (False, True)[: len(dtypes_of(plan, name_of(training), training.batch))]
    eager = list(product((False,), (False, True), halves))
    return eager + [(True, True, half) for half in halves if compiled and training.batch == plan.compiled_at]


def rows_of(
    training: Training,
    dtypes: tuple[str, ...],
    chunk: int,
    pixels: np.ndarray,
    variants: list[tuple[bool, bool, bool]],
    timing: Timing,
    peaks: Peaks,
) -> Rows:
    """A row for each contender."""
    ours = {f"JAX, {dtype}": replace(training, dtype=dtype) for dtype in dtypes}
    makers = {name: partial(in_jax, settings, chunk, pixels, timing.seed) for name, settings in ours.items()}
    if variants:
        theirs = in_pytorch(training, pixels, timing.seed, variants)
        makers |= {name: partial(of_theirs, make) for name, make in theirs.items()}
    with phase(f"compiling {label_of(training)}"):
        fitting, left_out = those_that_fit(makers)
        # On a CPU float32's convolutions have fewer products than bfloat16's (convolution.py).
        shape = pixels.shape[1:]
        flops = {name: flops_of_a_step(build(ours[name], shape), shape) for name in ours if name in fitting}
    rows = timed({name: contender for name, (contender, _) in fitting.items()}, timing.rounds, timing.seconds)
    for name in ours.keys() & rows.keys():
        steps_per_second = rows[name]["per_second"] / training.batch
        rows[name] |= speeds(steps_per_second, flops[name], fitting[name][1], peaks, ours[name].dtype)
    if len(flops) == len(DTYPES):
        slow, fast = (rows[name] for name in ours)
        fast["times_float32"] = fast["per_second"] / slow["per_second"]
    return rows | left_out


def in_jax(training: Training, chunk: int, pixels: np.ndarray, seed: int) -> tuple[Contender, float]:
    """Chunks of an image run, and the bytes of a step."""
    gan = build(training, pixels.shape[1:])
    compiled = program(gan, pixels, seed, training.mirror, chunk)
    return repeated(compiled, chunk, gan.batch), bytes_of_a_step(compiled.compiled)


def of_theirs(make: Callable[[], Contender]) -> tuple[Contender, None]:
    """PyTorch's, step by step: it compiles no chunks, and where it is slow two of them would take their time."""
    return replace(make(), chunk=1), None


def those_that_fit(makers: dict[str, Maker]) -> tuple[dict[str, tuple[Contender, float | None]], Rows]:
    """What was made and has run one chunk, all of them at once in memory; and for each other one a row that says why.

    Only memory may be lacking for ours. PyTorch's may fail for reasons of their own: without a compiler, say.
    """
    fitting, left_out = {}, {}
    for name, make in makers.items():
        try:
            contender, its_bytes = make()
            contender.run(contender.chunk)
            fitting[name] = contender, its_bytes
        except Exception as error:
            if lacks_memory(error):
                left_out[name] = {"left_out": NO_MEMORY}
            elif name.startswith("PyTorch"):
                left_out[name] = {"left_out": f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"}
            else:
                raise
    return fitting, left_out


def lacks_memory(error: Exception) -> bool:
    return any(sign in str(error) for sign in SIGNS_OF_NO_MEMORY)


def speeds(steps_per_second: float, flops: float, its_bytes: float, peaks: Peaks, dtype: str) -> dict[str, float]:
    """Of a row of ours: its step's cost, and what of the device it has in use."""
    flops_per_second, share_of_peak = reached(steps_per_second, flops, getattr(peaks, dtype))
    bytes_per_second, share_of_bandwidth = reached(steps_per_second, its_bytes, peaks.bandwidth)
    return {
        "flops_of_a_step": flops,
        "bytes_of_a_step": its_bytes,
        "flops_per_second": flops_per_second,
        "share_of_peak": share_of_peak,
        "bytes_per_second": bytes_per_second,
        "share_of_bandwidth": share_of_bandwidth,
    }
