"""One run on one device and on several: whether the draws are the same, and how far the parameters are apart.

Sums of float32 depend on their order, and several devices add in another one than a single device does. The game then
amplifies the difference: what is the same up to rounding after a step need not be after hundreds.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh

from experiments.image_runs.gan import build
from experiments.image_runs.learn import chunk_of_steps
from experiments.image_runs.settings import DIGITS, Training
from gan_from_scratch import data, train
from gan_from_scratch.parallel.mesh import Spread, at_home, everywhere, mesh, put

IMAGES = 320  # made-up images to learn from
ROUNDS = {"float64": (1, 20), "float32": (1, 20, 200)}  # steps after which the runs are compared


def at_hand(devices: int) -> int:
    """So many devices of this machine, or the largest power of 2 that there is; on a CPU virtual ones, if JAX has not
    begun yet.

    ValueError for a single one.
    """
    with suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", devices)
    if (there := len(jax.devices())) < 2:
        raise ValueError(
            f"devices is {devices}, but this process has a single {jax.default_backend()}: JAX_PLATFORMS=cpu makes "
            "virtual ones in a process of its own"
        )
    return min(devices, 2 ** (there.bit_length() - 1))


def networks(batch: int, width: int) -> dict[str, Training]:
    """mnist_dcgan's, smaller, with every random draw that a step can make; and one in which no logit meets another."""
    usual = replace(DIGITS, batch=batch, width=width, hidden=2 * width, dropout=0.3, shift=2)
    return {
        "BatchNorm, dropout, shifts": usual,
        "R1, no BatchNorm in D, dropout, shifts": replace(usual, batch_norm=False, r1=1.0),
    }


def compare(
    training: Training, size: int, seed: int, devices: int, rounds: dict[str, tuple[int, ...]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """For each type of `rounds`: how far the parameters on so many devices are from those on one device."""
    images = middle_of_digits(size, seed)
    for dtype, steps in rounds.items():
        with jax.enable_x64(dtype == "float64"):
            gan = build(training, images.shape[1:])
            if dtype == "float64":
                gan = in_float64(gan)
            ends = [run(gan, images, seed, mesh(n), steps) for n in (1, devices)]
        found = {
            str(step): {"norm_of_difference": float(np.linalg.norm(one - other)), "norm": float(np.linalg.norm(one))}
            for step, one, other in zip(steps, *ends, strict=True)
        }
        yield dtype, found


def in_float64(gan: train.GAN) -> train.GAN:
    """With networks that compute in float64; Shifted, around D, has no type of its own."""
    inner = gan.discriminator.discriminator.clone(dtype=jnp.float64)
    return replace(
        gan,
        generator=gan.generator.clone(dtype=jnp.float64),
        discriminator=gan.discriminator.clone(discriminator=inner),
    )


def run(gan: train.GAN, images: np.ndarray, seed: int, over: Mesh, rounds: tuple[int, ...]) -> list[np.ndarray]:
    """Both players' parameters as one vector, after each number of steps."""
    state, images, step = one_step(gan, images, seed, over)
    params = []
    for done in range(1, rounds[-1] + 1):
        # One at a time: steps that wait for each other's all-reduces can take all threads of a CPU, and stand still.
        state, _, _ = jax.block_until_ready(step(state, images))
        if done in rounds:
            home = at_home((state.g.params, state.d.params))
            params.append(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(home)]).astype(float))
    return params


def one_step(
    gan: train.GAN, images: np.ndarray, seed: int, over: Mesh
) -> tuple[train.GANState, Array, jax.stages.Compiled]:
    """A state, the images and a compiled step of an image run, on the mesh."""
    float64 = jax.config.jax_enable_x64

    def first(key):
        state = train.init(gan, key)
        return jax.tree.map(lambda x: x.astype(float) if float64 and x.dtype == jnp.float32 else x, state)

    state = jax.jit(first, out_shardings=everywhere(over))(jax.random.key(seed))
    images = put(images, everywhere(over))
    return state, images, chunk_of_steps(gan, jax.random.key(seed + 1), True, over).lower(state, images, 1).compile()


def middle_of_digits(size: int, seed: int) -> np.ndarray:
    """IMAGES made-up digits uint8 (n, size, size, 1)."""
    images, _ = data.synthetic("mnist", IMAGES, seed)
    start = (images.shape[1] - size) // 2
    return images[:, start : start + size, start : start + size]


def same_draws(training: Training, size: int, seed: int, devices: int) -> bool:
    """Whether noise and images are the same bits on 1, 2, 4, ... devices, up to so many, a power of 2."""
    pixels, key = middle_of_digits(size, seed), jax.random.key(seed)
    gan = build(training, pixels.shape[1:])
    found = []
    for n in (2**i for i in range(devices.bit_length())):
        draws = [Spread(sample, mesh(n)) for sample in (gan.sample_noise, data.sampler(pixels))]
        found.append([np.asarray(jax.jit(partial(draw, n=training.batch))(key)).tobytes() for draw in draws])
    return all(each == found[0] for each in found)


def compiled_step(name: str, training: Training, seed: int, devices: int) -> jax.stages.Compiled:
    """Of an image run on the data set `name`, for so many devices."""
    images, _ = data.synthetic(name, IMAGES, seed)
    *_, step = one_step(build(training, images.shape[1:]), images, seed, mesh(devices))
    return step
