"""k-means by Lloyd's algorithm: centres of a set of images, each the mean of the images nearest to it."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

PART = 1_000  # points whose distances to all centres are in memory at a time: 40 MB for 10,000 centres


def centres(
    points: Float[np.ndarray, "n d"], k: int, rounds: int, tell: Callable[[int], None] = lambda round: None
) -> Float[np.ndarray, "k d"]:
    """From k of the points, drawn without return: so many rounds of nearest centres and then their points' means."""
    if not 0 < k <= len(points):
        raise ValueError(f"k is {k}, but must be at least 1 and at most {len(points)}, the number of points")
    found = points[np.random.default_rng(0).permutation(len(points))[:k]].astype(np.float32)
    for round in range(rounds):
        sums, counts = np.zeros(found.shape), np.zeros(k)
        for start in range(0, len(points), PART):
            part = points[start : start + PART].astype(np.float32)
            of_part = nearest(part, found)
            np.add.at(counts, of_part, 1)
            sums += np.asarray(jax.ops.segment_sum(jnp.asarray(part), of_part, k))
        # A centre to which no point is nearest stays where it is.
        found = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], found).astype(np.float32)
        tell(round + 1)
    return found


@jax.jit
def nearest(points: Array, centres: Array) -> Array:
    """Of each point the nearest centre's place."""
    return jnp.argmin(jnp.sum(centres**2, axis=1) - 2 * points @ centres.T, axis=1)
