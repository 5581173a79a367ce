"""A pool of earlier translations (Zhu et al. 2017, section 4, after Shrivastava et al. 2017).

From it D sees what G made in earlier steps, and not only what it made last, so that the two do not chase each other.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

POOL = 50  # the paper's, for batches of one, of which a sample stays for 100 steps on average; of 32, for 3


class Pool(NamedTuple):
    """Places for samples, (size, ...), and how many of them are taken."""

    samples: Array
    count: Array


def empty_pool(sample: Array) -> Pool:
    """For POOL samples of this one's shape."""
    return Pool(jnp.zeros((POOL, *sample.shape)), jnp.zeros((), jnp.int32))


def pool_query(key: Array, pool: Pool, new: Array) -> tuple[Pool, Array]:
    """The pool afterwards, and as many samples as are new, to show D.

    One new sample after another: while there are places it takes one, and is shown. Then, with probability 1/2, it
    is shown; else it takes the place of one drawn at random, which is shown instead.
    """

    def query(pool: Pool, one: tuple[Array, Array]) -> tuple[Pool, Array]:
        key, sample = one
        key_place, key_exchange = jax.random.split(key)
        filling = pool.count < len(pool.samples)
        place = jnp.where(filling, pool.count, jax.random.randint(key_place, (), 0, len(pool.samples)))
        exchanged = ~filling & jax.random.bernoulli(key_exchange)
        old = pool.samples[place]
        samples = pool.samples.at[place].set(jnp.where(filling | exchanged, sample, old))
        return Pool(samples, pool.count + filling), jnp.where(exchanged, old, sample)

    return jax.lax.scan(query, pool, (jax.random.split(key, len(new)), new))
