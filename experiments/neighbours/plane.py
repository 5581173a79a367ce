"""Domains in the plane: one with every symmetry, one with none."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


class Domain(NamedTuple):
    sample: Callable[[Array, int], Array]  # (key, n) -> (n, 2)
    second_moment: np.ndarray  # E x x^T


GAUSSIAN = Domain(lambda key, n: jax.random.normal(key, (n, 2)), np.eye(2))

# A mixture that no rotation and no reflection but the identity leaves as it is: unequal parts, unequal sides. The noise
# is small beside the sides, and large enough that D's slope reaches from part to part.
MEANS, PARTS, NOISE = np.array([[2.0, 0.0], [-0.5, 1.2], [-1.0, -0.4]]), np.array([0.5, 0.3, 0.2]), 0.2


def three_gaussians(key: Array, n: int) -> Array:
    key_which, key_noise = jax.random.split(key)
    which = jax.random.choice(key_which, len(PARTS), (n,), p=jnp.asarray(PARTS))
    return jnp.asarray(MEANS, jnp.float32)[which] + NOISE * jax.random.normal(key_noise, (n, 2))


THREE_GAUSSIANS = Domain(three_gaussians, MEANS.T @ (PARTS[:, None] * MEANS) + NOISE**2 * np.eye(2))
