"""Panel c of gradient_vanishing: the 1-D GAN's G, frozen, against a D that learns from scratch."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.gan_1d.build import build
from experiments.gan_1d.settings import Settings
from experiments.vanishing import both_gradients
from gan_from_scratch import losses, train
from gan_from_scratch.distributions import Gaussian
from gan_from_scratch.numpy_gan import Units

BATCHES = 64  # whose gradients are averaged, and between which the variance is taken


def plain_gan(mean: float, batch: int, k: int | None, loss: str) -> tuple[train.GAN, Gaussian]:
    """The 1-D GAN without any remedy, in raw units: it has to find the place of the data by itself. And its p_data."""
    settings = Settings(mean=mean, k=k, loss=loss, batch=batch, r1=0.0, average=0.0, decay=False, standardize=False)
    return build(settings, Units()), settings.p_data()


def frozen_generator(mean: float, batch: int, steps: int, d_steps: int, fresh_d: float, keys: jax.Array) -> dict:
    """Train the GAN for some steps, freeze G, give it a fresh D, and follow both gradients for d_steps of D.

    The fresh D's weights are multiplied by fresh_d. `keys` has one for each seed.
    """
    gan, data = plain_gan(mean, batch, None, "nonsaturating")

    @jax.jit
    @jax.vmap
    def prepare(key):
        state = train.init(gan, jax.random.fold_in(key, 0))
        if steps:
            state, _ = train.train(gan, state, data.sample, jax.random.fold_in(key, 1), steps)
        fresh = train.init(gan, jax.random.fold_in(key, 2)).d
        flat = jax.tree.map(lambda w: fresh_d * w, fresh.params)
        return state._replace(d=fresh._replace(params=flat))

    def one_step(i, state, key):
        key_x, key_z, key_step = jax.random.split(jax.random.fold_in(key, i), 3)
        x, z = data.sample(key_x, gan.batch), gan.sample_noise(key_z, gan.batch)
        return train.discriminator_step(gan, state, x, z, key_step)[0]

    @jax.jit  # with the range of steps as an argument, so that all chunks are one compiled function
    def learn(state, keys, start, end):
        def of_one_seed(state, key):
            return jax.lax.fori_loop(start, end, lambda i, state: one_step(i, state, key), state)

        return jax.vmap(of_one_seed)(state, keys)

    @jax.jit
    @jax.vmap
    def look(state, key):
        z = gan.sample_noise(jax.random.fold_in(key, 3), BATCHES * gan.batch)
        return both_gradients.both_gradients(gan, state, z.reshape(BATCHES, gan.batch, -1)) | {
            "bound": bound(gan, state, z)
        }

    state = prepare(keys)
    d_keys = jax.vmap(lambda key: jax.random.fold_in(key, 4))(keys)
    moments = both_gradients.moments_to_look_at(d_steps)
    measured = [look(state, keys)]
    for start, end in itertools.pairwise(moments):
        state = learn(state, d_keys, start, end)
        measured.append(look(state, keys))
        if not all(jnp.isfinite(measured[-1][name]).all() for name in losses.GENERATOR_LOSSES):
            raise FloatingPointError(f"G's gradients went non-finite before step {end} of D, with G from step {steps}")
    curves = {name: np.stack([np.asarray(row[name], np.float64) for row in measured], axis=1) for name in measured[0]}
    x = jax.vmap(lambda state: train.generate(gan, state, jnp.linspace(-1, 1, 1001)[:, None]))(state)
    return {"steps": steps, "moments": np.array(moments), "x": np.asarray(x), **curves}


def bound(gan: train.GAN, state: train.GANState, z: jax.Array) -> jax.Array:
    """M eps / (1 - eps), which the saturating gradient's norm cannot exceed. Arjovsky & Bottou 2017, Theorem 2.4.

    eps is the largest |D - D*| + |dD/dx| on G's samples, with D* = 0 there, and M^2 the mean squared norm of
    dG(z)/dparams_g. What the proof needs of D* it needs on G's samples alone. Infinite where eps is 1 or more.
    """

    def d(x):
        return jax.nn.sigmoid(train.discriminate(gan, state, x[None])[0])

    def make(params_g, z):
        return gan.generator.apply({"params": params_g, **state.g.stats}, z[None], train=False)[0, 0]

    x = train.generate(gan, state, z)
    eps = jnp.max(jax.vmap(d)(x) + jnp.linalg.norm(jax.vmap(jax.grad(d))(x), axis=1))
    # In pieces: all Jacobians of a large batch at once would take gigabytes.
    squares = jax.lax.map(lambda z: optax.tree.norm(jax.grad(make)(state.g.params, z)) ** 2, z, batch_size=1024)
    m = jnp.sqrt(jnp.mean(squares))
    return jnp.where(eps < 1, m * eps / jnp.maximum(1 - eps, jnp.finfo(eps.dtype).tiny), jnp.inf)


def summary(stage: dict) -> dict:
    """What both gradients did, where G's samples lie, and how close the saturating norm comes to its bound."""
    numbers = both_gradients.summary_of_stage(stage) | {"g_samples_mean": float(np.mean(stage["x"]))}
    # Where the bound underflows the norm is 0 as well.
    bound = np.where(stage["bound"] > 0, stage["bound"], np.inf)
    for seed, ratio in zip(numbers["seeds"], (stage["saturating"] / bound).max(axis=1).tolist(), strict=True):
        seed["saturating_over_bound_at_most"] = ratio
    return numbers
