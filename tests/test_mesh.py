"""A GAN on several devices is the GAN on one: the same draws, the same steps, and nothing told but sums."""

import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from gan_from_scratch.distributions import Gaussian
from gan_from_scratch.parallel.mesh import Spread, check_spread, mesh, spread_seeds

# Four virtual devices, the 1-D GAN with BatchNorm in D, float64.
SCRIPT = """
import json
import jax, numpy as np, optax
from experiments.timing.collectives import collectives
from gan_from_scratch import data, networks, train
from gan_from_scratch.collapse.packing import Packed
from gan_from_scratch.parallel.mesh import (
    Spread, along_first_axis, at_home, everywhere, mesh, put, spread, spread_seeds,
)

def draw(key, n):  # float64: the arithmetic of a draw in float32 may be rounded elsewhere in another program
    return jax.random.normal(key, (n, 1))

# Adam divides a gradient by its size: of a bias before BatchNorm that is 0, and a tiny eps would let rounding count.
adam = optax.adam(1e-2, eps=1e-3)
gan = train.GAN(
    networks.Generator((8,)), Packed(networks.Discriminator((8, 8), batch_norm=True), 2),
    adam, adam, draw, batch=16,
)
key = jax.random.key(1)

def refusal(call, *arguments):
    try:
        return str(call(*arguments))
    except ValueError as error:
        return str(error)

def first(key):
    state = train.init(gan, key)
    return jax.tree.map(lambda leaf: leaf.astype(float) if leaf.dtype == np.float32 else leaf, state)

def trained(over):
    state = put(jax.device_get(first(jax.random.key(0))), everywhere(over))
    state, measured = train.train(spread(gan, over), state, Spread(draw, over), key, 20)
    home = at_home((state.g, state.d))
    return [len(leaf.devices()) for leaf in jax.tree.leaves(home)], jax.device_get(home), jax.device_get(measured)

def seeds(keys):
    states = jax.jit(jax.vmap(first))(keys)
    advance = jax.jit(jax.vmap(lambda state, key: train.train(gan, state, draw, key, 20)[0]))
    return advance(states, keys).g.params

rows = np.arange(64 * 300, dtype=np.uint8).reshape(64, 10, 10, 3)
draws = jax.jit(lambda key, rows: Spread(data.sampler(rows), mesh(4))(key, 8))
whole, parts = (put(rows, where(mesh(4))) for where in (everywhere, along_first_axis))
batches = [np.asarray(draws(key, each)).tobytes() for each in (whole, parts, jax.device_put(rows))]
told = collectives(draws.lower(key, parts).compile())

flat = lambda tree: np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)]).astype(float)
one, four = trained(mesh(1)), trained(mesh(4))
keys = jax.random.split(key, 6)
alone, shared = seeds(keys), seeds(spread_seeds(keys))
print(json.dumps({
    "apart": float(np.abs(flat(one[1:]) - flat(four[1:])).max()),
    "moved": float(np.abs(flat(four[1][0].params) - flat(first(jax.random.key(0)).g.params)).max()),
    "at_home": sorted({*four[0]}),
    "seeds_apart": float(np.abs(flat(alone) - flat(shared)).max()),
    "devices_of_seeds": sorted({len(leaf.sharding.device_set) for leaf in jax.tree.leaves(shared)}),
    "same_batches": len({*batches}) == 1,
    "read": sorted({shard.data.shape[0] for shard in parts.addressable_shards}),
    "told": told,
    "refusals": [refusal(mesh, 5), refusal(spread_seeds, keys, 4)],
    "three_of_four": mesh(3).size,
}))
"""


@pytest.fixture(scope="module")
def on_four() -> dict:
    flags = os.environ["XLA_FLAGS"] + " --xla_force_host_platform_device_count=4"
    environment = os.environ | {"XLA_FLAGS": flags, "JAX_ENABLE_X64": "1"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_training_on_four_devices_is_training_on_one(on_four):
    """BatchNorm sees the whole batch, and a pack's samples stay together."""
    assert on_four["moved"] > 0.05
    assert on_four["apart"] < 1e-12
    assert on_four["at_home"] == [1] and on_four["three_of_four"] == 3


def test_seeds_are_spread_over_as_many_devices_as_share_them(on_four):
    """Six seeds on four devices: two on each of three."""
    assert on_four["devices_of_seeds"] == [3]
    assert on_four["seeds_apart"] < 1e-12


def test_a_data_set_in_parts_gives_the_same_batches(on_four):
    """Each device holds a quarter of the rows; a batch and its indices are told, and the data set is not."""
    assert on_four["same_batches"] and on_four["read"] == [16]
    assert 0 < sum(size for *_, size in on_four["told"]) < 4 * 8 * 300 < 64 * 300


def test_what_cannot_be_shared_out_is_refused(on_four):
    assert on_four["refusals"] == [
        "devices is 5, but must be at most 4, as many as there are",
        "seeds is 6, but must be a multiple of 4, the number of devices: choose such a number, or fewer devices",
    ]
    for devices in (0, -1, True):
        with pytest.raises(ValueError, match=r"devices is .*, but must be a whole number of at least 1"):
            mesh(devices)
    over = mesh(1)
    check_spread("batch", 6, over, packs_of=3)
    with pytest.raises(ValueError, match=r"batch is 7, but .* devices times 3, the samples in a pack"):
        check_spread("batch", 7, over, packs_of=3)


def test_a_spread_sampler_draws_what_it_did():
    key, over = jax.random.key(3), mesh()
    sample = Gaussian(4, 1.25).sample
    assert np.asarray(Spread(sample, over)(key, 8)).tobytes() == np.asarray(sample(key, 8)).tobytes()
    assert hash(Spread(sample, over)) == hash(Spread(sample, over))
    assert spread_seeds(jax.random.split(key, 5)).shape == (5,)
