"""What a step of Algorithm 1 costs, by XLA's own analysis: FLOPs before it is compiled, bytes after.

FLOPs of the compiled program would not do. On a GPU most products and convolutions are calls of cuBLAS and cuDNN, of
which XLA counts -1 FLOP and -1 byte (jax-ml/jax#22249). Bytes before compiling would not do either: many arrays are
never written, because operations are fused. So FLOPs are those of the program as it is handed to the compiler, and to
the compiled program's bytes those of its library calls are added. XLA counts the body of a loop once, so a chunk of
steps costs what one step does; a test holds it to that.
"""

import math
import re
from functools import partial

import jax
import jax.numpy as jnp

from gan_from_scratch import train

ARRAY = re.compile(r"(pred|[a-z]+(\d+)\w*)\[([\d,]*)\]")  # f32[64,28,28,1]
CALL = re.compile(r" custom-call\((.*?)\), custom_call_target=")


def flops_of_a_step(gan: train.GAN, shape: tuple[int, int, int]) -> float:
    """Of a step on images of that shape: of its products above all, but every addition counts.

    A convolution's products with the zeros around an image, or between its pixels, do not. Nothing is computed.
    ValueError where JAX may not use the CPU: for no other device does it analyse what is not compiled.
    """
    try:
        cpu = jax.devices("cpu")[0]
    except RuntimeError:
        raise ValueError("JAX_PLATFORMS leaves the CPU out, but must name cpu too: FLOPs are counted there") from None
    key = jax.eval_shape(partial(jax.random.key, 0))
    state = jax.eval_shape(partial(train.init, gan), key)
    x = jax.ShapeDtypeStruct((gan.batch, *shape), jnp.float32)
    step = jax.jit(lambda state, x, key: train.train_step(gan, state, lambda key, n: x, key))
    with jax.default_device(cpu):
        return step.lower(state, x, key).cost_analysis()["flops"]


def bytes_of_a_step(compiled: jax.stages.Compiled) -> float:
    """Of all that the operations of a compiled chunk read and write, one by one: caches may spare the memory some."""
    return compiled.cost_analysis()["bytes accessed"] + bytes_of_calls(compiled.as_text())


def bytes_of_calls(program: str) -> int:
    """What library calls in the text of a compiled program read and write, and the byte each that XLA took off."""
    sizes, calls = {}, []
    for line in program.splitlines():
        name, defined, rest = line.partition(" = ")
        if defined and (array := ARRAY.search(rest)):
            sizes[name.split()[-1].lstrip("%")] = size(*array.groups())  # of several results the first is no scratch
        if found := CALL.search(line):
            calls.append((name.split()[-1].lstrip("%"), *re.findall(r"%([\w.-]+)", found[1])))
    return sum(1 + sum(sizes.get(array, 0) for array in call) for call in calls)


def size(kind: str, bits: str | None, axes: str) -> int:
    """Bytes of an array as XLA writes its type."""
    entries = math.prod(int(length) for length in axes.split(",") if length)
    return entries if kind == "pred" else math.ceil(entries * int(bits) / 8)


def reached(per_second: float, amount: float, peak: float) -> tuple[float, float]:
    """With `per_second` steps of some amount of work each: work per second, and its share of the peak."""
    return per_second * amount, per_second * amount / peak
