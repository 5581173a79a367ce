"""What a computation needs of this machine's memory, told from shapes before anything is allocated."""

import math
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import jax
from jax.extend import core

from gan_from_scratch import train

CGROUP = Path("/sys/fs/cgroup/memory.max")  # where a container's limit stands, if there is one


def check_memory(settings: str, compute: Callable, *arguments: Any) -> None:
    """Raise ValueError that says to lower the `settings` if compute(*arguments) needs more memory than there is.

    Arguments may be arrays or what jax.eval_shape gives for them; nothing is computed. A jitted function traces here
    what its first call would trace.
    """
    with _no_overflow(settings):
        needed = peak(jax.make_jaxpr(compute)(*arguments).jaxpr)
    refuse(settings, needed)


def check_training(settings: str, gan: train.GAN, sample_data: train.Sampler, seeds: int = 1) -> None:
    """Likewise for the GAN's state and a step of Algorithm 1, of so many seeds at once."""
    keys = jax.ShapeDtypeStruct((seeds,), jax.random.key(0).dtype)
    with _no_overflow(settings):
        states = jax.eval_shape(jax.vmap(lambda key: train.init(gan, key)), keys)
    refuse(settings, bytes_of(states))
    check_memory(settings, jax.vmap(lambda state, key: train.train_step(gan, state, sample_data, key)), states, keys)


def refuse(settings: str, needed: int) -> None:
    """Raise ValueError that says to lower the `settings` if so many bytes are more than there are."""
    there = available()
    if needed > there:
        raise ValueError(
            f"about {needed / 1e9:,.0f} GB of memory would be needed at once, but this machine has {there / 1e9:,.1f}: "
            f"choose a smaller {settings}"
        )


@contextmanager
def _no_overflow(settings: str) -> Iterator[None]:
    try:
        yield
    except OverflowError:
        raise ValueError(f"an array would be larger than any can be: choose a smaller {settings}") from None


def bytes_of(tree: Any) -> int:
    """Of all arrays in it, or of what jax.eval_shape gives for them."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def available() -> int:
    """Bytes that this process may have: of the device, or of the machine, of its container, of its own limits."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        stats = device.memory_stats() or {}
        if "bytes_limit" in stats:
            return stats["bytes_limit"]
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with suppress(OSError, ValueError):  # no container, or "max"
        limits.append(int(CGROUP.read_text()))
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        soft, _ = resource.getrlimit(kind)
        if soft != resource.RLIM_INFINITY:
            limits.append(soft)
    return min(limits)


def peak(jaxpr: core.Jaxpr) -> int:
    """Bytes that live at once, at most, while the operations run in their order and each array goes after its last use.

    XLA fuses operations, so that many arrays never exist, and keeps others longer; the order of magnitude is right.
    """
    last = {variable: len(jaxpr.eqns) for variable in jaxpr.outvars if isinstance(variable, core.Var)}
    for i, equation in enumerate(jaxpr.eqns):
        for variable in equation.invars:
            if isinstance(variable, core.Var):
                last[variable] = max(i, last.get(variable, 0))
    dying = {}
    for variable, i in last.items():
        dying.setdefault(i, []).append(variable)
    alive = highest = sum(map(size, [*jaxpr.invars, *jaxpr.constvars]))
    for i, equation in enumerate(jaxpr.eqns):
        alive += sum(map(size, equation.outvars))
        inner = max((peak(part) - sum(map(size, part.invars)) for part in inside(equation)), default=0)
        highest = max(highest, alive + max(0, inner))
        alive -= sum(map(size, dying.get(i, [])))
        alive -= sum(size(variable) for variable in equation.outvars if variable not in last)
    return highest


def inside(equation: core.JaxprEqn) -> Iterator[core.Jaxpr]:
    """The programs within one operation: a loop's body, the branches of a choice."""
    for leaf in jax.tree.leaves(
        list(equation.params.values()), is_leaf=lambda part: isinstance(part, core.Jaxpr | core.ClosedJaxpr)
    ):
        if isinstance(leaf, core.ClosedJaxpr):
            yield leaf.jaxpr
        elif isinstance(leaf, core.Jaxpr):
            yield leaf


def size(variable: Any) -> int:
    """Bytes of an array; 0 for what is none."""
    shape, dtype = getattr(variable.aval, "shape", ()), getattr(variable.aval, "dtype", None)
    return math.prod(shape) * getattr(dtype, "itemsize", 0)
