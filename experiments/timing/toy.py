"""The contenders of benchmark toy: a step of the 1-D GAN with the defaults of goodfellow_1d."""

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec

import jax
import numpy as np

from experiments.command.memory import check_training
from experiments.gan_1d.backends import CHUNKS, constants_in_numpy
from experiments.gan_1d.build import HIDDEN, build
from experiments.gan_1d.settings import Settings
from experiments.timing.turns import Contender
from gan_from_scratch import numpy_gan, train


def contenders(seed: int, seeds: int, compiled: bool) -> dict[str, Contender]:
    """Steps of Algorithm 1 per second with the defaults of goodfellow_1d."""
    settings = Settings()
    gan = build(settings, numpy_gan.Units(settings.mean, settings.std))
    check_training("seeds", gan, settings.p_data().sample, seeds)
    found = {
        "NumPy, by hand": Contender(numpy_steps(settings, seed), CHUNK),
        "JAX, 1 seed": Contender(jax_steps(settings, seed, 1), CHUNK),
        f"JAX, {seeds} seeds": Contender(jax_steps(settings, seed, seeds), CHUNK, seeds),
        "JAX, 1 seed, nothing drawn": Contender(jax_steps(settings, seed, 1, drawn=False), CHUNK),
    }
    if find_spec("torch"):
        from experiments.timing import torch_toy  # PyTorch is an optional dependency

        found["PyTorch, eager"] = Contender(torch_toy.steps(settings, seed), CHUNK)
        if compiled:
            found["PyTorch, compiled"] = Contender(torch_toy.steps(settings, seed, compiled=True), CHUNK)
        found[f"torch.func, {seeds} seeds"] = Contender(torch_toy.steps(settings, seed, seeds=seeds), CHUNK, seeds)
    return found


CHUNK = Settings().steps // CHUNKS  # steps that goodfellow_1d compiles into one call


def numpy_steps(settings: Settings, seed: int) -> Callable[[int], object]:
    """numpy_gan.train_step with NumPy's own generator for noise and data."""
    rng = np.random.default_rng(seed)
    widths = (1, *HIDDEN, 1)
    units = numpy_gan.Units(settings.mean, settings.std)
    start = numpy_gan.init(numpy_gan.init_mlp(rng, widths), numpy_gan.init_mlp(rng, widths))
    constants = constants_in_numpy(settings, units)

    def run(steps: int):
        state = start
        for _ in range(steps):
            data = rng.normal(settings.mean, settings.std, size=(settings.k, settings.batch, 1))
            noise = rng.uniform(-1, 1, size=(settings.k + 1, settings.batch, 1))
            state, _ = numpy_gan.train_step(constants, state, data, noise[:-1], noise[-1])
        return state

    return run


def jax_steps(settings: Settings, seed: int, seeds: int, drawn: bool = True) -> Callable[[int], object]:
    """train.train as goodfellow_1d calls it, one chunk after another.

    With `drawn` False each step sees the same data and noise: what is then spared is the price of random numbers.
    """
    gan = build(settings, numpy_gan.Units(settings.mean, settings.std))
    sample = settings.p_data().sample
    if not drawn:
        x, z = sample(jax.random.key(seed), gan.batch), gan.sample_noise(jax.random.key(seed), gan.batch)
        sample, gan = lambda key, n: x, replace(gan, sample_noise=lambda key, n: z)
    keys = jax.random.split(jax.random.key(seed), seeds)
    start = jax.jit(jax.vmap(lambda key: train.init(gan, key)))(keys)
    advance = jax.jit(jax.vmap(lambda state, key: train.train(gan, state, sample, key, CHUNK)))

    def run(steps: int):
        state = start
        for _ in range(steps // CHUNK):
            state, _ = advance(state, keys)
        return jax.block_until_ready(state)

    return run
