"""The rows of mode_collapse: one GAN, and what each method changes of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from gan_from_scratch import losses, networks, remedies, train
from gan_from_scratch.collapse.fourier import FourierFeatures
from gan_from_scratch.collapse.minibatch import BatchDiscriminator, MinibatchDiscrimination
from gan_from_scratch.collapse.pacgan import PacDiscriminator, PacGenerator
from gan_from_scratch.collapse.packing import Packed
from gan_from_scratch.collapse.unrolled import Unrolled
from gan_from_scratch.distributions import Mixture

HIDDEN = (128, 128, 128)
BATCH = 120  # as many packs of 2, 3 or 4 as there are
RATE = 1e-3  # of both players' Adam, falling to 0 over the run
MOMENTUM = 0.9  # Adam's default b1, with which the plain GAN collapses here
EPS_ROOT = 1e-12  # under Adam's root, which Unrolled differentiates and which has no slope at 0
PIECE = 5.0  # in z, the coordinate of the piece drawn: well above draws of N(0, 1)
GAMMA = 0.1  # of R1 and R2, in standard units
PIECES = 256  # of our noise: many for each mode, so that their shares come out even, and no bridge within a mode shows
OCTAVES = 5  # of waves in front of D: the shortest is about as long as a mode of the ring is wide


@dataclass(frozen=True)
class Noise:
    """N(0, I_2); with `pieces` beside it which of so many was drawn, so that G need not be continuous across them."""

    pieces: int = 0

    def __call__(self, key: Array, n: int) -> Array:
        key_normal, key_piece = jax.random.split(key)
        z = jax.random.normal(key_normal, (n, 2))
        if not self.pieces:
            return z
        piece = jax.random.randint(key_piece, (n,), 0, self.pieces)
        return jnp.concatenate([z, PIECE * jax.nn.one_hot(piece, self.pieces)], axis=1)


@dataclass(frozen=True)
class Method:
    """A row's name in tables, and what it makes of the plain GAN on a mixture whose coordinates have that scale."""

    title: str
    changed: Callable[[train.GAN, Mixture, float], train.GAN]
    momentum: float = MOMENTUM
    average: float = 0.0  # memory of the running average of G's parameters; 0: none
    fixed: int = 0  # samples drawn once, to learn from; 0: fresh ones in each step


def scale_of(data: Mixture) -> float:
    """The standard deviation of a coordinate: the players work in these units."""
    return float(np.sqrt(data.means.var(axis=0).mean() + data.std**2))


def build(name: str, data: Mixture, steps: int) -> train.GAN:
    """The GAN of a row, for a run of so many steps."""
    scale, method = scale_of(data), METHODS[name]
    optimizer_g = adam(steps, method.momentum)
    if method.average:
        optimizer_g = optax.chain(optimizer_g, remedies.average_parameters(method.average))
    plain = train.GAN(
        generator=networks.Generator(HIDDEN, dim=2, scale=scale),
        discriminator=networks.Discriminator(HIDDEN, scale=scale),
        optimizer_g=optimizer_g,
        optimizer_d=adam(steps, method.momentum),
        sample_noise=Noise(),
        batch=BATCH,
    )
    gan = method.changed(plain, data, scale)
    if gan.k > 1:
        gan = replace(gan, optimizer_d=adam(steps * gan.k, method.momentum))  # both rates fall to 0 at the end
    return gan


def sampler(name: str, data: Mixture, key: Array) -> train.Sampler:
    """What draws the data of a row."""
    fixed = METHODS[name].fixed
    if not fixed:
        return data.sample
    points = data.sample(key, fixed)
    return lambda key, n: points[jax.random.randint(key, (n,), 0, fixed)]


def adam(updates: int, momentum: float) -> optax.GradientTransformation:
    return optax.adam(optax.linear_schedule(RATE, 0.0, updates), b1=momentum, b2=0.99, eps_root=EPS_ROOT)


def same(gan: train.GAN, data: Mixture, scale: float) -> train.GAN:
    return gan


def saturating(gan: train.GAN, data: Mixture, scale: float) -> train.GAN:
    return replace(gan, loss_g=losses.generator_loss_saturating)


def more_steps(gan: train.GAN, data: Mixture, scale: float) -> train.GAN:
    return replace(gan, k=5)


def packed(samples: int, gan: train.GAN, data: Mixture, scale: float) -> train.GAN:
    return replace(gan, discriminator=Packed(gan.discriminator, samples))


def minibatch(gan: train.GAN, data: Mixture, scale: float) -> train.GAN:
    across = MinibatchDiscrimination(kernels=20, dim=5)
    return replace(gan, discriminator=BatchDiscriminator(HIDDEN, across, scale=scale))


def unrolled(gan: train.GAN, data: Mixture, scale: float) -> train.GAN:
    return replace(gan, step_g=Unrolled(5))


def penalised(gan: train.GAN, data: Mixture, scale: float) -> train.GAN:
    return replace(gan, penalties=(remedies.R1(GAMMA * scale**2),))


def relativistic(gan: train.GAN, data: Mixture, scale: float) -> train.GAN:
    both = (remedies.R1(GAMMA * scale**2), remedies.R2(GAMMA * scale**2))
    return replace(gan, loss_g=remedies.relativistic, loss_d=remedies.relativistic, penalties=both)


def ours(pieces: int | None, gan: train.GAN, data: Mixture, scale: float) -> train.GAN:
    """Relativistic with R1 and R2, waves in front of D, and noise in `pieces`.

    None: as many as there are modes.
    """
    gan = relativistic(gan, data, scale)
    noise = Noise(len(data.means) if pieces is None else pieces)
    discriminator = FourierFeatures(networks.Discriminator(HIDDEN), OCTAVES, scale)
    return replace(gan, sample_noise=noise, discriminator=discriminator)


def pacgan(gan: train.GAN, data: Mixture, scale: float) -> train.GAN:
    """PacGAN's players, packs, optimizers and batch (Lin et al. 2018, section 4.1); its 400,000 steps are not ours."""
    optimizer = optax.adam(1e-4, b1=0.8)
    return replace(
        gan, generator=PacGenerator(), discriminator=Packed(PacDiscriminator(), 2), optimizer_g=optimizer,
        optimizer_d=optimizer, batch=100,
    )  # fmt: skip


METHODS = {
    "gan": Method("GAN", same),
    "saturating": Method("GAN, saturating loss", saturating),
    "k5": Method("GAN, k = 5", more_steps),
    "no-momentum": Method("GAN, Adam without momentum", same, 0.0),
    "packing-2": Method("packing, 2 samples", partial(packed, 2)),
    "packing-4": Method("packing, 4 samples", partial(packed, 4)),
    "pacgan": Method("packing, 2 samples, as PacGAN's authors", pacgan, fixed=100_000),
    "minibatch": Method("minibatch discrimination", minibatch),
    "unrolled-5": Method("unrolled, 5 steps", unrolled),
    "r1": Method("R1", penalised),
    "relativistic": Method("relativistic, R1 + R2", relativistic),
    "ours": Method("ours, noise N(0, I)", partial(ours, 0), 0.0),
    "ours-modes": Method("ours, noise that knows the number of modes", partial(ours, None), 0.0),
    "ours-average": Method(f"ours, noise in {PIECES} pieces, an average of G", partial(ours, PIECES), 0.0, 0.999),
    "ours-pieces": Method(f"ours, noise in {PIECES} pieces", partial(ours, PIECES), 0.0),
}
