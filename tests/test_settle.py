"""The state to sample from: which batches settle its statistics, and on which keys."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_from_scratch import train
from gan_from_scratch.distributions import Uniform

NOISE = Uniform(-1.0, 1.0)


class Restless(nn.Module):
    """A player with everything that can move: parameters, BatchNorm statistics, dropout."""

    logit: bool

    @nn.compact
    def __call__(self, x, train):
        h = nn.Dense(6)(x)
        h = nn.BatchNorm(use_running_average=not train, momentum=0.9)(h)
        h = nn.Dropout(0.3, deterministic=not train)(nn.tanh(h))
        h = nn.Dense(1)(h)
        return h[:, 0] if self.logit else h


RESTLESS = train.GAN(Restless(False), Restless(True), optax.adam(1e-2), optax.adam(1e-2), NOISE.sample, batch=12)
KEY = jax.random.key(7)


def same(first, second) -> list[bool]:
    """For each leaf: equal to the last bit?"""
    return [
        np.asarray(a).tobytes() == np.asarray(b).tobytes()
        for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    ]


def test_bad_batches_are_named():
    with pytest.raises(ValueError, match="batches is 0"):
        train.settle(RESTLESS, train.init(RESTLESS, KEY), KEY, 0)


@pytest.mark.parametrize("batches_shown", [1, 3])
def test_settled_statistics_are_the_mean_of_what_the_batches_show(batches_shown):
    """Of fresh batches under the parameters as they are, all alike and nothing else: what was there is forgotten."""
    state, seen = train.init(RESTLESS, KEY), []

    def sample_noise(key, n):
        seen.append(NOISE.sample(key, n))
        return seen[-1]

    gan = dataclasses.replace(RESTLESS, sample_noise=sample_noise)
    far_off = state.g._replace(stats=jax.tree.map(lambda statistic: statistic + 1000, state.g.stats))
    with jax.disable_jit():
        settled = train.settle(gan, state._replace(g=far_off), KEY, batches_shown)
    kept = settled._replace(g=settled.g._replace(stats=state.g.stats))
    assert all(same(kept, state)), "nothing else changes"
    layer = state.g.params["Dense_0"]
    h = jnp.stack([z @ layer["kernel"] + layer["bias"] for z in seen])
    assert len({z.tobytes() for z in seen}) == batches_shown and h.shape == (batches_shown, gan.batch, 6)
    found = settled.g.stats["batch_stats"]["BatchNorm_0"]
    np.testing.assert_allclose(found["mean"], h.mean(axis=(0, 1)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["var"], h.var(axis=1).mean(axis=0), rtol=1e-4, atol=1e-5)


def test_no_two_draws_of_settle_share_a_key():
    state = train.init(RESTLESS, KEY)
    with jax.debug_key_reuse(True):
        jax.jit(lambda state, key: train.settle(RESTLESS, state, key, 2))(state, jax.random.key(1))


class MaskInStatistics(nn.Module):
    """Keeps as a running statistic what dropout left on in the last batch, one bit for each of 20 units."""

    @nn.compact
    def __call__(self, x, train):
        bits = self.variable("batch_stats", "bits", jnp.zeros, 20)
        if train:
            on = nn.Dropout(0.5, deterministic=False)(jnp.ones(20)) > 0
            bits.value = 0.9 * bits.value + 0.1 * on
        return x


def test_settles_noise_and_dropout_do_not_share_a_key():
    """`debug_key_reuse` does not see it, as Flax folds a name into dropout's key: here its mask shows the key."""
    keys = []

    def sample_noise(key, n):
        keys.append(key)
        return NOISE.sample(key, n)

    gan = dataclasses.replace(RESTLESS, generator=MaskInStatistics(), sample_noise=sample_noise)
    empty = {"batch_stats": {"bits": jnp.zeros(20)}}
    state = train.GANState(train.Player({}, empty, ()), train.Player({}, {}, ()), 0)
    with jax.disable_jit():
        found = train.settle(gan, state, KEY, 1).g.stats["batch_stats"]["bits"]
        _, shared = gan.generator.apply(empty, jnp.ones((2, 1)), train=True, rngs={"dropout": keys[0]}, mutable=True)
    assert len(keys) == 1
    np.testing.assert_allclose(found, found > 0.5, atol=1e-5)
    assert 0 < found.sum() < 20 and np.any((found > 0.5) != (shared["batch_stats"]["bits"] > 0.05))
