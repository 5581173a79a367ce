"""gradient_vanishing --data mnist: a DCGAN's G, frozen after some epochs, against a D that learns from scratch.

Arjovsky & Bottou 2017, Figure 2 (the saturating gradient's norm falls, in the best case by five orders of magnitude
after 4,000 steps of D) and Figure 3 (the other one's grows, and its variance with it).
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from experiments.command.progress import progress_bar
from experiments.image_runs.images import to_unit
from experiments.image_runs.learn import CHUNK, chunk_of_steps
from experiments.vanishing import both_gradients
from gan_from_scratch import losses, train

BATCHES = 16  # whose gradients are averaged, and between which the variance is taken


def frozen_after_epochs(
    gan: train.GAN, images: np.ndarray, epochs: tuple[int, ...], seeds: int, d_steps: int, seed: int
) -> list[dict]:
    """For each number of epochs a stage: see both_gradients.summary_of_stage."""
    per_epoch = len(images) // gan.batch
    total = epochs[-1] * per_epoch
    key_init, key_train, key_d = jax.random.split(jax.random.key(seed), 3)
    images = jax.device_put(images)
    advance = chunk_of_steps(gan, key_train, mirror=False)
    state = jax.jit(lambda key: train.init(gan, key))(key_init)
    follow = follower(gan)

    stages, done = [], 0
    with progress_bar() as bar:
        task = bar.add_task("DCGAN", total=total + d_steps * seeds * len(epochs), numbers="compiling")
        for epoch in epochs:
            while done < epoch * per_epoch:
                steps = min(CHUNK, epoch * per_epoch - done)
                state, _, sound = advance(state, images, steps)
                if not sound:
                    raise FloatingPointError(f"the DCGAN went non-finite before step {done + steps}")
                done += steps
                bar.update(task, advance=steps, numbers=f"G learns: epoch {done / per_epoch:.1f}")
            curves = []
            for i in range(seeds):
                key = jax.random.fold_in(jax.random.fold_in(key_d, epoch), i)
                bar.update(task, numbers=f"G frozen after {epoch} epochs, D's seed {i}")
                curves.append(follow(state, images, key, d_steps, lambda steps: bar.update(task, advance=steps)))
            stage = {name: np.stack([curve[name] for curve in curves]) for name in curves[0]}
            stages.append({"steps": epoch, "moments": np.array(both_gradients.moments_to_look_at(d_steps)), **stage})
    return stages


def follower(gan: train.GAN):
    """A function (state, images, key, d_steps, report) that trains a fresh D against the state's G.

    It returns for each thing that both_gradients measures its values (moments,).
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
        z = gan.sample_noise(key, BATCHES * gan.batch)
        return both_gradients.both_gradients(gan, state, z.reshape(BATCHES, gan.batch, -1))

    @jax.jit
    def fresh(state, key):
        return state._replace(d=train.init(gan, key).d)

    def follow(state, images, key, d_steps, report):
        key_d, key_look, key_steps = jax.random.split(key, 3)
        state = fresh(state, key_d)
        measured = [look(state, key_look)]
        for start, end in itertools.pairwise(both_gradients.moments_to_look_at(d_steps)):
            state = learn(state, images, key_steps, start, end)
            measured.append(look(state, key_look))
            report(end - start)
            if not all(jnp.isfinite(measured[-1][name]) for name in losses.GENERATOR_LOSSES):
                raise FloatingPointError(f"G's gradients went non-finite before step {end} of D")
        return {name: np.array([row[name] for row in measured], np.float64) for name in measured[0]}

    return follow
