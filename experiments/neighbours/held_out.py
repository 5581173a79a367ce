"""A texture beside what is held against its imitation, judged on networks on which nothing was optimised."""

from collections.abc import Callable, Sequence

import jax
import numpy as np
from jax import Array

TEXTURE, SECOND = "texture", "second draw"


def draws(process: Callable[[Array, int], Array], size: int, key: Array) -> dict[str, Array]:
    """A texture, another of the same process, and white noise, from which what is optimised starts."""
    key_first, key_second, key_noise = jax.random.split(key, 3)
    return {
        TEXTURE: process(key_first, size),
        SECOND: process(key_second, size),
        "white noise": jax.random.uniform(key_noise, (size, size, 3)),
    }


def judged(
    loss: Callable[..., Array], pictures: dict[str, Array], givens: Sequence[tuple]
) -> dict[str, dict[str, list[float]]]:
    """Of each picture but the texture loss(x, *given), with each of the `givens`; and its multiple of a second draw's.

    At a multiple of 1 the picture is as far from the texture as that other draw of it.
    """
    of_picture = jax.jit(loss)
    losses = {name: [float(of_picture(x, *of)) for of in givens] for name, x in pictures.items() if name != TEXTURE}
    return {"losses": losses, "multiples": {n: np.divide(of, losses[SECOND]).tolist() for n, of in losses.items()}}
