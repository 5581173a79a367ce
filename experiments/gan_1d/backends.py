"""Training of the 1-D GAN, chunk by chunk: all seeds at once in JAX, or one after another by hand in NumPy."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import numpy as np
from jax import Array

from experiments.gan_1d.build import HIDDEN, build
from experiments.gan_1d.settings import Settings
from gan_from_scratch import numpy_gan, remedies, train

CHUNKS = 120  # a run is compiled once and called this often; each call is a moment to look at


class Chunk(NamedTuple):
    """What training reports after some steps."""

    steps: int
    measured: dict[str, np.ndarray]  # (seeds, steps) for each metric; {} before the first step
    make: Callable[[np.ndarray], np.ndarray]  # noise (seeds, n, 1) to each seed's G(z) (seeds, n)
    d: Callable[[np.ndarray], np.ndarray]  # x (n,) to the first seed's D(x) (n,)


def chunk_sizes(steps: int) -> list[int]:
    """0 (the start), then equal chunks, then what is left over."""
    size = max(1, steps // CHUNKS)
    return [0] + [size] * (steps // size) + ([steps % size] if steps % size else [])


def in_jax(settings: Settings, units: numpy_gan.Units, keys: Array) -> Iterator[Chunk]:
    """All seeds at once: `vmap` over the states and keys of `train.train`. There is a key for each seed."""
    gan, sample_data = build(settings, units), settings.p_data().sample
    states = jax.jit(jax.vmap(lambda key: train.init(gan, jax.random.fold_in(key, 0))))(keys)
    run_keys = jax.vmap(lambda key: jax.random.fold_in(key, 1))(keys)
    train.check_sampler(gan, jax.tree.map(lambda leaf: leaf[0], states), sample_data, run_keys[0])

    advance = jax.jit(
        jax.vmap(lambda state, key, steps: train.train(gan, state, sample_data, key, steps), in_axes=(0, 0, None)),
        static_argnums=2,
    )

    @jax.jit
    @jax.vmap
    def generate(state, z):
        return train.generate(gan, state._replace(g=remedies.averaged(state.g)), z)[:, 0]

    @jax.jit
    def probability(states, x):
        first = jax.tree.map(lambda leaf: leaf[0], states)
        return jax.nn.sigmoid(train.discriminate(gan, first, x[:, None]))

    for steps in chunk_sizes(settings.steps):
        measured = {}
        if steps:
            states, measured = advance(states, run_keys, steps)
        yield Chunk(
            steps,
            jax.device_get(measured),
            lambda z, states=states: np.asarray(generate(states, z)),
            lambda x, states=states: np.asarray(probability(states, x)),
        )


def in_numpy(settings: Settings, units: numpy_gan.Units, seed: int, seeds: int) -> Iterator[Chunk]:
    """The seeds in turn, a chunk each, by numpy_gan.train_step. There one step of G follows those of D."""
    p_data, p_z = settings.p_data(), settings.p_z()
    constants = constants_in_numpy(settings, units)
    widths = (1, *HIDDEN, 1)
    generators = [np.random.default_rng([seed, i]) for i in range(seeds)]
    states = [numpy_gan.init(numpy_gan.init_mlp(r, widths), numpy_gan.init_mlp(r, widths)) for r in generators]

    def draw(rng: np.random.Generator, distribution, *shape: int) -> np.ndarray:
        # Inverse-transform sampling; half a float32 step off 0 and 1 keeps unbounded quantiles finite.
        u = np.clip(rng.uniform(size=shape), 2.0**-24, 1 - 2.0**-24)
        return np.asarray(distribution.quantile(u), np.float64)

    for steps in chunk_sizes(settings.steps):
        rows = []
        for i, rng in enumerate(generators):
            data = draw(rng, p_data, steps, settings.k, settings.batch, 1) if steps else ()
            noise = draw(rng, p_z, steps, settings.k + 1, settings.batch, 1) if steps else ()
            row = []
            for x, z_batches in zip(data, noise, strict=True):
                states[i], measured = numpy_gan.train_step(constants, states[i], x, z_batches[:-1], z_batches[-1])
                row.append(measured)
            rows.append(row)
        names = rows[0][0] if steps else ()

        def make(z, now=tuple(states)):
            of_each = zip(now, z, strict=True)
            return np.stack([numpy_gan.generate(state.average_g, z, units)[:, 0] for state, z in of_each])

        def d(x, now=tuple(states)):
            return numpy_gan.sigmoid(numpy_gan.discriminate(now[0].params_d, x[:, None], units))

        yield Chunk(steps, {name: np.array([[m[name] for m in row] for row in rows]) for name in names}, make, d)


def constants_in_numpy(settings: Settings, units: numpy_gan.Units) -> numpy_gan.Settings:
    """The settings as numpy_gan takes them: the rates, for example, as functions of the steps so far."""

    def rate(start: float, updates: int):
        return lambda count: start * max(0.0, 1 - count / updates) if settings.decay else start

    return numpy_gan.Settings(
        rate_g=rate(settings.rate_g, settings.steps),
        rate_d=rate(settings.rate_d, settings.steps * settings.k),
        b1=settings.b1,
        b2=settings.b2,
        loss=settings.loss,
        r1=settings.r1 * units.scale**2,
        average=settings.average,
        units=units,
    )
