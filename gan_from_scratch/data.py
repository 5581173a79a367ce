"""Arrays of your own to learn from; and MNIST, CIFAR-10 and made-up images, handed on from images/data.py.

`sampler(images)` is what `train.train` takes as `sample_data`.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Key, Num

from gan_from_scratch import check, train
from gan_from_scratch.images.data import CLASSES, SHAPES, SPLITS, Dataset, cifar10, mnist, of_classes, synthetic

__all__ = ["CLASSES", "SHAPES", "SPLITS", "Dataset", "cifar10", "mnist", "of_classes", "sampler", "synthetic"]


def sampler(array: Num[ArrayLike, "n ..."]) -> train.Sampler:
    """(key, batch) -> float32 (batch, ...): rows of the array, drawn with replacement, each as likely as any other.

    The array has shape (n, dim), points, or (n, h, w, c), images. Bytes (uint8) go from 0, ..., 255 to [-1, 1], the
    range of the tanh in which G's images end; all other numbers stay as they are. ValueError for fewer than two axes,
    for no rows, for anything but real numbers that float32 holds.

    A program that is compiled with the sampler contains the array, once: 60 MB cost 3 s of compiling and .3 GB of
    memory on 2 CPU cores. A compiled function that has it as an argument contains none, and its numbers go unchecked:

        advance = jax.jit(lambda state, array, key: train.train(gan, state, data.sampler(array), key, 100))
    """
    rows = array if isinstance(array, jax.Array) else np.asarray(array)
    if rows.ndim < 2:
        raise ValueError(f"array has shape {rows.shape}, but must have shape (n, dim) or (n, h, w, c)")
    if not any(jnp.issubdtype(rows.dtype, kind) for kind in (jnp.floating, jnp.integer)):
        raise ValueError(f"array has type {rows.dtype}, but must hold real numbers")
    pixels = rows.dtype == np.uint8
    with np.errstate(over="ignore"):
        rows = jnp.array(rows, np.uint8 if pixels else np.float32)  # a copy, the same one in every draw
    if not isinstance(rows, jax.core.Tracer):
        check.all_finite("array (as float32)", rows)

    def sample(key: Key[Array, ""], n: int) -> Float[Array, "n ..."]:
        check.positive_integer("n", n)
        x = rows[jax.random.randint(key, (n,), 0, len(rows))]
        return x.astype(jnp.float32) / 127.5 - 1 if pixels else x

    return sample
