"""A DCGAN's G, frozen after some epochs, against a D that learns from scratch.

Arjovsky & Bottou 2017, Figure 2 (the saturating gradient's norm falls, in the best case by five orders of magnitude
after 4,000 steps of D) and Figure 3 (the other one's grows, and its variance with it).
"""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from experiments.command.progress import progress_bar
from experiments.image_runs.images import to_unit
from experiments.image_runs.learn import CHUNK, chunk_of_steps
from experiments.vanishing import both_gradients
from gan_from_scratch import losses, train

BATCHES = 16  # whose gradients are averaged, and between which the variance is taken
LOUD = 0.01  # share of the fakes, those that have the most to say


def frozen_after_epochs(
    gan: train.GAN, images: np.ndarray, epochs: tuple[int, ...], seeds: int, d_steps: int, seed: int
) -> list[dict]:
    """For each number of epochs a stage: see both_gradients.summary_of_stage."""
    key_init, key_train, key_d = jax.random.split(jax.random.key(seed), 3)
    images = jax.device_put(images)
    state = at_the_start(gan, key_init)
    learn, follow = learner(gan, images, key_train), follower(gan)
    moments = both_gradients.moments_to_look_at(d_steps)

    stages = []
    with progress_bar() as bar:
        total = epochs[-1] * (len(images) // gan.batch) + d_steps * seeds * len(epochs)
        task = bar.add_task("DCGAN", total=total, numbers="compiling")

        def report(steps: int, numbers: str) -> None:
            bar.update(task, advance=steps, numbers=numbers)

        for before, epoch in itertools.pairwise((0, *epochs)):
            state = learn(state, before, epoch, report)
            told = partial(report, numbers=f"G frozen after {epoch} epochs")
            keys = [jax.random.fold_in(jax.random.fold_in(key_d, epoch), i) for i in range(seeds)]
            curves = [follow(state, images, key, moments, told)[1] for key in keys]
            stages.append({"steps": epoch, "moments": np.array(moments), **stacked(curves)})
    return stages


def at_the_start(gan: train.GAN, key: jax.Array) -> train.GANState:
    return jax.jit(lambda key: train.init(gan, key))(key)


def stacked(curves: list[dict]) -> dict[str, np.ndarray]:
    """The curves (moments,) of several Ds as arrays (seeds, moments)."""
    return {name: np.stack([curve[name] for curve in curves]) for name in curves[0]}


def learner(gan: train.GAN, images: jax.Array, key: jax.Array):
    """A function (state, before, after, report) that lets both players learn from one epoch to another."""
    advance = chunk_of_steps(gan, key, mirror=False)
    per_epoch = len(images) // gan.batch

    def learn(state, before, after, report):
        done = before * per_epoch
        while done < after * per_epoch:
            steps = min(CHUNK, after * per_epoch - done)
            state, _, sound = advance(state, images, steps)
            if not sound:
                raise FloatingPointError(f"the DCGAN went non-finite before step {done + steps}")
            done += steps
            report(steps, f"G learns: epoch {done / per_epoch:.1f}")
        return state

    return learn


def follower(gan: train.GAN):
    """A function (state, images, key, moments, report) that trains a fresh D against the state's G.

    It returns the last state, and for each thing that both_gradients and said_by_fakes measure its values (moments,).
    """

    @jax.jit
    def learn(state, images, key, start, end):
        def one_step(i, state):
            key_x, key_z, key_step = jax.random.split(jax.random.fold_in(key, i), 3)
            x = to_unit(images[jax.random.randint(key_x, (gan.batch,), 0, len(images))])
            return train.discriminator_step(gan, state, x, gan.sample_noise(key_z, gan.batch), key_step)[0]

        return jax.lax.fori_loop(start, end, one_step, state)

    @jax.jit
    def look(state, key):
        z = gan.sample_noise(key, BATCHES * gan.batch).reshape(BATCHES, gan.batch, -1)
        return both_gradients.both_gradients(gan, state, z) | said_by_fakes(judged(gan, state, z)[1])

    @jax.jit
    def fresh(state, key):
        return state._replace(d=train.init(gan, key).d)

    def follow(state, images, key, moments, report):
        key_d, key_look, key_steps = jax.random.split(key, 3)
        state = fresh(state, key_d)
        measured = [look(state, key_look)]
        for start, end in itertools.pairwise(moments):
            state = learn(state, images, key_steps, start, end)
            measured.append(look(state, key_look))
            report(end - start)
            if not all(jnp.isfinite(measured[-1][name]) for name in losses.GENERATOR_LOSSES):
                raise FloatingPointError(f"G's gradients went non-finite before step {end} of D")
        return state, {name: np.array([row[name] for row in measured], np.float64) for name in measured[0]}

    return follow


def judged(gan: train.GAN, state: train.GANState, z_batches: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Fakes (batches, batch, h, w, c) and D's logits on them, both as a training step sees them, batch by batch."""

    def of_batch(z):
        g, d = state.g, state.d
        x, _ = gan.generator.apply({"params": g.params, **g.stats}, z, train=True, mutable=list(g.stats))
        return x, gan.discriminator.apply({"params": d.params, **d.stats}, x, train=True, mutable=list(d.stats))[0]

    return jax.lax.map(of_batch, z_batches)


def said_by_fakes(logits: jax.Array) -> dict[str, jax.Array]:
    """The median D(G(z)), and the share of all that is said that the LOUD fakes with the highest say.

    The saturating gradient in theta is the mean of -D(G(z)) da/dtheta with D's logit a: D(G(z)) is a fake's say in it.
    """
    a = jnp.sort(logits.ravel(), descending=True)
    shares = jax.nn.softmax(jax.nn.log_sigmoid(a))  # D(G(z)) over their sum, where float32 takes each for 0 as well
    return {"median D(G(z))": jnp.median(jax.nn.sigmoid(a)), "loud share": shares[: max(1, round(LOUD * len(a)))].sum()}
