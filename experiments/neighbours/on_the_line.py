"""The exact case of conditional GANs: two classes on the line, learnt by many seeds at once."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from experiments.image_runs.gan import sampler_of_noise
from gan_from_scratch import networks, remedies, train
from gan_from_scratch.neighbours.conditional import Auxiliary, Labelled, LineFeatures, Projection, joined, parted

SAMPLES = 20_000  # of each G: the standard deviation of a class is then known to .007
HIDDEN, BATCH, R1 = (64, 64), 256, 0.1  # no others were tried but R1 0 and .3
RATE, B1, B2 = 1e-3, 0.5, 0.99  # Adam's, of both players; no others were tried
MEMORY, NOISE = 0.999, 4  # of the average of G; coordinates of noise beside the class. No others were tried


def two_classes(m: float | Array, key: Array, n: int) -> Array:
    """x ~ N(-m, 1) of class 0 and N(m, 1) of class 1, both as likely, with y behind it: (n, 3)."""
    key_class, key_x = jax.random.split(key)
    y = jax.random.randint(key_class, (n,), 0, 2)
    x = m * (2 * y[:, None] - 1) + jax.random.normal(key_x, (n, 1))
    return joined(x, jax.nn.one_hot(y, 2))


@dataclass(frozen=True)
class SlopeInX:
    """R1 on a, in x: of a D with two outputs the first, and not in the coordinates that carry y."""

    gamma: float

    def __call__(self, seen: train.Seen, key: Array) -> Array:
        x, y = parted(seen.x, 2)
        a = lambda x: seen.logits_of(joined(x, y)).reshape(len(x), -1)[:, 0]  # noqa: E731
        return self.gamma * remedies.r1_penalty(a, x)


def build(way: str, steps: int) -> train.GAN:
    """The GAN of the exact case."""
    rate = optax.linear_schedule(RATE, 0.0, steps)
    adam = optax.adam(rate, b1=B1, b2=B2)
    features = LineFeatures(HIDDEN)
    return train.GAN(
        generator=Labelled(networks.Generator(HIDDEN), 2),
        discriminator={
            "concatenated": networks.Discriminator(HIDDEN),
            "projection": Projection(features, 2),
            "AC-GAN": Auxiliary(features, 2),
        }[way],
        optimizer_g=optax.chain(adam, remedies.average_parameters(MEMORY)),
        optimizer_d=adam,
        sample_noise=sampler_of_noise("gaussian", 2 + NOISE, 2),
        batch=BATCH,
        penalties=(SlopeInX(R1),),
    )


def learnt(gan: train.GAN, m: tuple[float, ...], keys: list[Array], steps: int) -> Array:
    """What G makes in the end, for each m and each seed: (m, seeds, SAMPLES, 3). All learn at once."""
    of_seeds = jax.vmap(partial(_learnt, gan, steps), in_axes=(None, 0))
    return jax.jit(jax.vmap(of_seeds, in_axes=(0, None)))(jnp.array(m), jnp.stack(keys))


def _learnt(gan: train.GAN, steps: int, m: Array, key: Array) -> Array:
    key_init, key_train, key_z = jax.random.split(key, 3)
    state, _ = train.train(gan, train.init(gan, key_init), partial(two_classes, m), key_train, steps)
    return train.generate(gan, state._replace(g=remedies.averaged(state.g)), gan.sample_noise(key_z, SAMPLES))


def judged(xy: Array) -> dict[str, float]:
    """Standard deviation in each class and over both, and how often the sign is the class's."""
    x, y = (np.asarray(part, np.float64) for part in parted(xy, 2))
    x, first = x[:, 0], y[:, 0] > 0
    return {
        "std": [float(x[first].std()), float(x[~first].std())],
        "whole_std": float(x.std()),
        "sign_agrees": float(np.mean((x < 0) == first)),
    }
