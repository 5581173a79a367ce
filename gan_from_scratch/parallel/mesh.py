"""Data parallelism by sharding: each batch is spread over the devices, and both players are on all of them.

A loss of Goodfellow's is a mean over the batch, and so is its gradient. Spread over N devices,

    mean over the batch = (sum over the batch) / batch = all-reduce of each device's sum, / batch

so the only thing that devices have to tell each other are sums: each player's gradient, BatchNorm's two moments (of the
whole batch, as on one device) and the metrics. Nobody writes them down. `jax.jit` compiles one program for the whole
mesh from the step in train.py and from what is said here, where the arrays lie: the state on every device
(`everywhere`) and the draws along their first axis (`Spread`). The draws themselves are the same for any number of
devices, because each number depends on the key and on its place in the array alone, whoever computes it.

The data set lies everywhere too: MNIST and CIFAR-10 are .05 and .15 GB. One that no device can hold lies
`along_first_axis`: `data.sampler` of it draws the same batches. XLA then tells all devices which rows a batch has, and
makes it by one all-reduce, to which each device gives those that it holds. `put` has each process read its own devices'
part alone, of a numpy.memmap for example.
"""

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Float, Key

from gan_from_scratch import check, train

AXIS = "batch"


def mesh(devices: int | None = None) -> Mesh:
    """One axis of so many devices, of all processes together; None: of all that there are.

    ValueError for more than there are, or for a number of which not every process gives its equal part.
    """
    there, processes = jax.devices(), jax.process_count()
    if devices is None:
        chosen = there
    else:
        check.positive_integer("devices", devices)
        if devices > len(there):
            raise ValueError(f"devices is {devices}, but must be at most {len(there)}, as many as there are")
        if devices % processes:
            raise ValueError(f"devices is {devices}, but must be a multiple of {processes}, the number of processes")
        of_each = [[device for device in there if device.process_index == i] for i in range(processes)]
        chosen = [device for own in of_each for device in own[: devices // processes]]
    # Auto: XLA finds out for every array inside the step how it is spread. Not jax.make_mesh, which on a TPU takes
    # blocks of chips alone.
    return Mesh(np.array(chosen), (AXIS,), axis_types=(AxisType.Auto,))


def everywhere(over: Mesh) -> NamedSharding:
    """Where an array lies that each device has as a whole."""
    return NamedSharding(over, PartitionSpec())


def along_first_axis(over: Mesh) -> NamedSharding:
    """Where an array lies of whose first axis each device has its own part."""
    return NamedSharding(over, PartitionSpec(AXIS))


@dataclass(frozen=True)
class Spread:
    """A sampler whose draws (n, ...) are spread over the devices of a mesh. n must be a multiple of their number."""

    sample: train.Sampler
    over: Mesh

    def __call__(self, key: Key[Array, ""], n: int) -> Float[Array, "n ..."]:
        return jax.lax.with_sharding_constraint(self.sample(key, n), along_first_axis(self.over))


def spread(gan: train.GAN, over: Mesh) -> train.GAN:
    """The GAN, for `train.train` on the mesh: its batches of noise are spread, as the data's must be with `Spread`."""
    return replace(gan, sample_noise=Spread(gan.sample_noise, over))


def check_spread(name: str, value: int, over: Mesh, packs_of: int = 1) -> None:
    """Raise ValueError unless `value` is a multiple of the number of devices, each of which gets whole packs."""
    if value % (over.size * packs_of):
        packs = f" times {packs_of}, the samples in a pack" if packs_of > 1 else ""
        raise ValueError(
            f"{name} is {value}, but must be a multiple of {over.size}, the number of devices{packs}: choose such a "
            f"number, or fewer devices"
        )


def spread_seeds(keys: Key[Array, " seeds"], devices: int | None = None) -> Key[Array, " seeds"]:
    """The keys of so many seeds, as many on each device; None: on the most devices with which that is possible.

    A `vmap` of train.init and train.train over them needs no more: whatever is made from them lies as they do, and
    seeds have nothing to tell each other. ValueError where their number is no multiple of `devices`.
    """
    if devices is None:
        devices = max(n for n in range(1, len(jax.devices()) + 1) if len(keys) % n == 0)
    over = mesh(devices)
    check_spread("seeds", len(keys), over)
    return jax.device_put(keys, along_first_axis(over))


def put(tree: Any, where: NamedSharding) -> Any:
    """Arrays that every process has as a whole, laid where `where` says: each process hands over its devices' part."""
    return jax.tree.map(lambda x: jax.make_array_from_callback(x.shape, where, lambda index: x[index]), tree)


def at_home(tree: Any) -> Any:
    """Arrays that lie everywhere, as this process has them on its own first device: to be used by it alone."""
    return jax.tree.map(lambda x: x.addressable_data(0), tree)
