"""L-BFGS on the pixels of a picture, in compiled pieces that tell how far they are."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
from jax import Array

OPTIMIZER = optax.lbfgs(memory_size=20)  # slopes that stand for the curvature; optax's 10 were not compared
CHUNK = 10  # steps in one compiled call

Loss = Callable[..., Array]  # (x, *given) -> a number


@partial(jax.jit, static_argnames="loss")
def descend(loss: Loss, x: Array, memory: Any, given: tuple) -> tuple[tuple[Array, Any], Array]:
    """x and L-BFGS's memory after CHUNK of its steps down loss(x, *given), and the loss before each."""

    def of_picture(x):
        return loss(x, *given)

    def step(carry, _):
        x, memory = carry
        # Both are known already: the last line search ended here.
        value, slope = optax.value_and_grad_from_state(of_picture)(x, state=memory)
        update, memory = OPTIMIZER.update(slope, memory, x, value=value, grad=slope, value_fn=of_picture)
        return (optax.apply_updates(x, update), memory), value

    return jax.lax.scan(step, (x, memory), length=CHUNK)


def optimised(
    loss: Loss, x: Array, given: tuple, steps: int, tell: Callable[[list[float]], None]
) -> tuple[Array, list[float]]:
    """The picture after so many steps, rounded up to whole calls, and the loss before each and in the end.

    `tell` is called with the losses so far. FloatingPointError where one is not finite.
    """
    memory, losses = OPTIMIZER.init(x), []
    for _ in range(0, steps, CHUNK):
        (x, memory), values = descend(loss, x, memory, given)
        losses += values.tolist()
        if not np.isfinite(losses).all():
            raise FloatingPointError(f"the loss became {losses[-1]} within {len(losses)} steps: lower the weights")
        tell(losses)
    losses.append(float(jax.jit(loss)(x, *given)))
    if not np.isfinite(losses[-1]):
        raise FloatingPointError(f"the loss became {losses[-1]} after {len(losses) - 1} steps: lower the weights")
    return x, losses
