"""A small DCGAN for what another method is compared with."""

import time
from dataclasses import replace

import jax
import numpy as np
from jax import Array

from experiments.command.progress import progress_bar
from experiments.image_runs.gan import build
from experiments.image_runs.learn import CHUNK, chunk_of_steps
from experiments.image_runs.samples import settled
from experiments.image_runs.settings import DIGITS
from gan_from_scratch import train

WIDTH = 16  # channels: a quarter of mnist_dcgan's


def small(shape: tuple[int, int, int], noise_dim: int, steps: int) -> train.GAN:
    """mnist_dcgan's, but smaller, and with noise in one piece, N(0, I). ValueError if the memory does not do."""
    return build(replace(DIGITS, steps=steps, width=WIDTH, noise_dim=noise_dim, categories=0), shape)


def learnt(gan: train.GAN, images: np.ndarray, steps: int, key: Array) -> tuple[train.GANState, float]:
    """The state to sample from after so many steps on images uint8 (n, h, w, c), and the seconds they took.

    FloatingPointError if a parameter is not finite.
    """
    key_init, key_train, key_settle = jax.random.split(key, 3)
    started = time.perf_counter()
    with progress_bar() as bar:
        task = bar.add_task("GAN", total=steps, numbers="compiling")
        state, advance, data = train.init(gan, key_init), chunk_of_steps(gan, key_train, False), jax.device_put(images)
        for start in range(0, steps, CHUNK):
            n = min(CHUNK, steps - start)
            state, measured, sound = advance(state, data, n)
            if not sound:
                raise FloatingPointError(f"the GAN's training went non-finite by step {start + n}")
            told = f"D's loss {measured['loss_d'].mean():.2f}  G's {measured['loss_g'].mean():.2f}"
            bar.update(task, advance=n, numbers=told)
        seconds = round(time.perf_counter() - started, 1)
    return settled(gan, state, key_settle), seconds
