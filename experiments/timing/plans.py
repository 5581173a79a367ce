"""How much benchmark device does: on an accelerator 8 minutes of it at most, on a CPU little, with --quick less."""

from dataclasses import dataclass
from itertools import product

from experiments.image_runs.learn import CHUNK
from experiments.timing.peaks import DTYPES

NETWORKS = ("mnist", "cifar10", "textbook")
BATCHES = (64, 2048, 256, 1024)  # the ends come first: where time runs out the middle is left out


@dataclass(frozen=True)
class Plan:
    """What is timed, how large, and for how long."""

    networks: tuple[str, ...]
    """Whose networks: mnist, cifar10 or textbook. The first two are DCGANs, whose convolutions are timed as well."""
    batches: tuple[int, ...]
    """Images in a batch of the DCGANs, in the order in which they are timed."""
    textbook_batches: tuple[int, ...]
    """Likewise of the textbook's networks, whose G does 220 times the DCGAN's arithmetic."""
    textbook_chunk: int
    """Steps of theirs in one call."""
    in_bfloat16: tuple[tuple[str, int], ...]
    """Networks and batches that are timed in bfloat16 as well."""
    compiled_at: int | None
    """The one batch at which torch.compile is timed, which takes half a minute each time. None: nowhere."""
    widest: int
    """Channels of the DCGANs' layers nearest to the image, at most."""
    layers_batch: int
    """Images in a batch of the single convolutions."""
    layers_seconds: float
    """How long each form of a convolution runs in a round. A step of one is short: this is many of them."""
    product_size: int
    """Rows and columns of the matrices whose product is timed."""
    copied: int
    """float32 numbers in the array whose copy is timed: more than any cache holds."""
    run_batch: int
    """Images in a batch of the short run."""
    run_dtype: str
    """Type of its matrix products."""
    run_steps: int
    """Its steps at most."""
    run_seconds: float
    """Its seconds at most, without compiling."""
    networks_until: float
    """Seconds from the command's start after which no further network is begun."""
    layers_until: float
    """Likewise no further convolution."""
    run_until: float
    """Likewise no further chunk of the short run."""


ACCELERATOR = Plan(
    networks=NETWORKS,
    batches=BATCHES,
    textbook_batches=(64, 256),  # a step at 256 is 8 TFLOP
    textbook_chunk=CHUNK,
    in_bfloat16=tuple(product(NETWORKS, BATCHES)),
    compiled_at=256,
    widest=2**20,  # whatever --width says
    layers_batch=256,
    layers_seconds=0.1,
    product_size=8192,  # 1.1 TFLOP: a millisecond or more on the fastest device that peaks.py knows
    copied=2**28,  # 1 GiB
    run_batch=256,
    run_dtype="bfloat16",
    run_steps=20_000,
    run_seconds=60,
    # A group that begins at the last moment compiles two programs and PyTorch's, for 100 s if things are slow; the run
    # and its samples take 90. That makes 440 at the most, of 480.
    networks_until=240,
    layers_until=340,
    run_until=440,
)
CPU = Plan(
    networks=NETWORKS,
    batches=(64, 128),
    textbook_batches=(2,),  # a step is 60 GFLOP: a second of one core
    textbook_chunk=1,
    in_bfloat16=(("mnist", 64),),  # no CPU that was tried is faster in it, so one row shows that it runs
    compiled_at=None,
    widest=16,
    layers_batch=16,  # at 64 a step of the library's takes up to 50 ms in a loop
    layers_seconds=0.1,
    product_size=1024,
    copied=2**25,  # 128 MiB
    run_batch=64,
    run_dtype="float32",
    run_steps=400,
    run_seconds=10,
    networks_until=150,
    layers_until=200,
    run_until=260,
)
QUICK = Plan(
    networks=("mnist",),  # to compile each of the others takes ten seconds; the short run has cifar10's
    batches=(8,),
    textbook_batches=(),
    textbook_chunk=1,
    in_bfloat16=(),
    compiled_at=None,
    widest=8,
    layers_batch=8,
    layers_seconds=0.02,
    product_size=256,
    copied=2**22,  # 16 MiB
    run_batch=8,
    run_dtype="float32",
    run_steps=2 * CHUNK,
    run_seconds=2,
    networks_until=40,
    layers_until=45,
    run_until=55,
)


def plan_for(accelerator: bool, quick: bool) -> Plan:
    """--quick is small wherever it runs."""
    return QUICK if quick else ACCELERATOR if accelerator else CPU


def dtypes_of(plan: Plan, network: str, batch: int) -> tuple[str, ...]:
    """Types of the matrix products in which a network is timed."""
    return DTYPES if (network, batch) in plan.in_bfloat16 else DTYPES[:1]
