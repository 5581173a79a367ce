"""What a device can do at most: by its vendor, or, where it is not known here, by a product and a copy on it."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from experiments.timing.turns import Contender, timed

DTYPES = ("float32", "bfloat16")
IN_ONE_CALL = 10  # products or copies: the way to the device, some 50 microseconds, then weighs nothing


@dataclass(frozen=True)
class Peaks:
    """FLOP/s of products by type, the memory's bytes per second, and who says so."""

    float32: float
    bfloat16: float
    bandwidth: float
    source: str


WHITE_PAPER = "NVIDIA H100 Tensor Core GPU Architecture, white paper"
H100_SHEET, H200_SHEET, A100_SHEET = (f"NVIDIA {name} Tensor Core GPU, data sheet" for name in ("H100", "H200", "A100"))
TPU_V5E, TPU_V6E = (f"Google Cloud TPU documentation, {name}" for name in ("v5e", "v6e"))
# Of dense products: where a data sheet has only the number with sparsity, half of it. float32 means what JAX computes
# such a product with unless it is told otherwise (docs.jax.dev, "Matmul precision"): TF32 on NVIDIA's tensor cores, not
# its far slower FP32 units; bfloat16 on a TPU. By whole names: a part of a GPU, which has
# "MIG" in its name, and a GH200 are others.
VENDORS = {
    "NVIDIA H100 80GB HBM3": Peaks(494.7e12, 989.4e12, 3.35e12, f"{WHITE_PAPER}, SXM5"),
    "NVIDIA H100 PCIe": Peaks(378e12, 756e12, 2.0e12, f"{WHITE_PAPER}, PCIe"),
    "NVIDIA H100 NVL": Peaks(417.5e12, 835.5e12, 3.9e12, f"{H100_SHEET}, NVL"),
    "NVIDIA H200": Peaks(494.5e12, 989.5e12, 4.8e12, f"{H200_SHEET}, SXM"),
    "NVIDIA H200 NVL": Peaks(417.5e12, 835.5e12, 4.8e12, f"{H200_SHEET}, NVL"),
    "NVIDIA A100-SXM4-40GB": Peaks(156e12, 312e12, 1.555e12, f"{A100_SHEET}, 40 GB SXM"),
    "NVIDIA A100-SXM4-80GB": Peaks(156e12, 312e12, 2.039e12, f"{A100_SHEET}, 80 GB SXM"),
    "NVIDIA A100-PCIE-40GB": Peaks(156e12, 312e12, 1.555e12, f"{A100_SHEET}, 40 GB PCIe"),
    "NVIDIA A100 80GB PCIe": Peaks(156e12, 312e12, 1.935e12, f"{A100_SHEET}, 80 GB PCIe"),
    "TPU v5 lite": Peaks(197e12, 197e12, 0.819e12, TPU_V5E),
    "TPU v5e": Peaks(197e12, 197e12, 0.819e12, TPU_V5E),
    "TPU v6 lite": Peaks(918e12, 918e12, 1.638e12, TPU_V6E),
    "TPU v6e": Peaks(918e12, 918e12, 1.638e12, TPU_V6E),
}


def peaks_of(kind: str, precision: str | None, measured: Peaks) -> Peaks:
    """The vendor's for a device of this name, or what was `measured`.

    The vendor's are for JAX's default `precision` of products, None or "default"; with another one float32 is computed
    by other units.
    """
    return VENDORS.get(kind, measured) if precision in (None, "default") else measured


def measure(n: int, numbers: int, rounds: int, seconds: float) -> Peaks:
    """By products of n x n matrices, and by the sum of 1 and an array of so many float32 numbers."""
    contenders = {dtype: product(n, dtype) for dtype in DTYPES} | {"bandwidth": copy(numbers)}
    speeds = {name: row["per_second"] for name, row in timed(contenders, rounds, seconds).items()}
    return Peaks(**speeds, source=f"measured here: a product of {n:,} x {n:,}, a copy of {4 * numbers / 1e6:,.0f} MB")


def product(n: int, dtype: str) -> Contender:
    """a b, (a b) b, ...: each step is 2 n^3 FLOPs."""
    # Divided by sqrt(n), b leaves the entries about as large as they were.
    a, b = (jax.random.normal(key, (n, n)) for key in jax.random.split(jax.random.key(0)))
    a, b = a.astype(dtype), (b / n**0.5).astype(dtype)
    repeated = jax.jit(lambda a, b: jax.lax.fori_loop(0, IN_ONE_CALL, lambda _, a: a @ b, a))
    return Contender(calls(lambda: repeated(a, b), IN_ONE_CALL), IN_ONE_CALL, 2 * n**3)


def copy(numbers: int) -> Contender:
    """Each step reads and writes so many float32 numbers."""
    x = jnp.zeros(numbers)
    repeated = jax.jit(lambda x: jax.lax.fori_loop(0, IN_ONE_CALL, lambda _, x: x + 1, x))
    return Contender(calls(lambda: repeated(x), IN_ONE_CALL), IN_ONE_CALL, 2 * x.nbytes)


def calls(call: Callable[[], object], steps_in_one: int) -> Callable[[int], None]:
    """run(steps) that calls as often as it takes, and waits for the last one."""

    def run(steps: int) -> None:
        for _ in range(steps // steps_in_one):
            result = call()
        jax.block_until_ready(result)

    return run
