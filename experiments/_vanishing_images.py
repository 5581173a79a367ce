"""gradient_vanishing --data mnist: a DCGAN's G, frozen after some epochs, against a D that learns from scratch.

Arjovsky & Bottou 2017, Figure 2 (the saturating gradient's norm falls, in the best case by five orders of magnitude
after 4,000 steps of D) and Figure 3 (the other one's grows, and its variance with it).
"""

import itertools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.progress import Progress

from experiments import _both_gradients, _dcgan, _draw_vanishing, _script, classifier
from gan_from_scratch import losses, train

BATCHES = 16  # whose gradients are averaged, and between which the variance is taken


def main(config: Any) -> None:
    """Train, freeze, measure, draw, save. `config` is gradient_vanishing's."""
    started = time.perf_counter()
    source = classifier.Config(data="mnist", data_dir=config.data_dir, synthetic=config.synthetic)
    images, _ = classifier.images_of(source, "train")
    _script.check_batch(config.batch, len(images))
    _script.prepare_folder(config.out)
    with _script.progress_bar() as bar:
        stages = frozen_after_epochs(config, images, bar)
    picture = _draw_vanishing.epochs(stages)
    _script.save_figure(config.out, "stages.png", picture)
    numbers = [_both_gradients.summary_of_stage(stage) for stage in stages]
    _script.save_result(config.out, config, started, {"mnist": numbers})
    report(numbers, config)


def frozen_after_epochs(config: Any, images: np.ndarray, bar: Progress) -> list[dict]:
    """For each number of epochs a stage: see _both_gradients.summary_of_stage."""
    per_epoch = len(images) // config.batch
    total = config.epochs[-1] * per_epoch
    # G without an average: the paper's DCGAN, whose newest parameters are frozen.
    training = _dcgan.Training(steps=total, batch=config.batch, width=config.width, average=0.0)
    gan = _dcgan.build(training, images.shape[1:])
    key_init, key_train, key_d = jax.random.split(jax.random.key(config.seed), 3)
    images = jax.device_put(images)
    advance = _dcgan.chunk_of_steps(gan, key_train, training.mirror)
    state = jax.jit(lambda key: train.init(gan, key))(key_init)
    follow = follower(gan)

    stages, done = [], 0
    task = bar.add_task("DCGAN", total=total + config.d_steps * config.seeds * len(config.epochs), numbers="compiling")
    for epochs in config.epochs:
        while done < epochs * per_epoch:
            steps = min(_dcgan.CHUNK, epochs * per_epoch - done)
            state, _, sound = advance(state, images, steps)
            if not sound:
                raise FloatingPointError(f"the DCGAN went non-finite before step {done + steps}")
            done += steps
            bar.update(task, advance=steps, numbers=f"G learns: epoch {done / per_epoch:.1f}")
        curves = []
        for seed in range(config.seeds):
            key = jax.random.fold_in(jax.random.fold_in(key_d, epochs), seed)
            bar.update(task, numbers=f"G frozen after {epochs} epochs, D's seed {seed}")
            curves.append(follow(state, images, key, config.d_steps, lambda steps: bar.update(task, advance=steps)))
        moments = np.array(_both_gradients.moments_to_look_at(config.d_steps))
        stages.append(
            {"steps": epochs, "moments": moments, **{name: np.stack([c[name] for c in curves]) for name in curves[0]}}
        )
    return stages


def follower(gan: train.GAN):
    """A function (state, images, key, d_steps, report) that trains a fresh D against the state's G.

    It returns for each thing that both_gradients measures its values (moments,).
    """

    @jax.jit
    def learn(state, images, key, start, end):
        def one_step(i, state):
            key_x, key_z, key_step = jax.random.split(jax.random.fold_in(key, i), 3)
            x = classifier.to_unit(images[jax.random.randint(key_x, (gan.batch,), 0, len(images))])
            return train.discriminator_step(gan, state, x, gan.sample_noise(key_z, gan.batch), key_step)[0]

        return jax.lax.fori_loop(start, end, one_step, state)

    @jax.jit
    def look(state, key):
        z = gan.sample_noise(key, BATCHES * gan.batch)
        return _both_gradients.both_gradients(gan, state, z.reshape(BATCHES, gan.batch, -1))

    @jax.jit
    def fresh(state, key):
        return state._replace(d=train.init(gan, key).d)

    def follow(state, images, key, d_steps, report):
        key_d, key_look, key_steps = jax.random.split(key, 3)
        state = fresh(state, key_d)
        measured = [look(state, key_look)]
        for start, end in itertools.pairwise(_both_gradients.moments_to_look_at(d_steps)):
            state = learn(state, images, key_steps, start, end)
            measured.append(look(state, key_look))
            report(end - start)
            if not all(jnp.isfinite(measured[-1][name]) for name in losses.GENERATOR_LOSSES):
                raise FloatingPointError(f"G's gradients went non-finite before step {end} of D")
        return {name: np.array([row[name] for row in measured], np.float64) for name in measured[0]}

    return follow


def report(numbers: list[dict], config: Any) -> None:
    """The headline numbers, the paper's beside them."""
    print(f"MNIST, G frozen, {config.seeds} fresh Ds of {config.d_steps:,} steps each; results in {config.out}")
    print(
        f"{'epochs of G':>12}{'saturating norm falls: orders':>32}{'from its peak':>15}{'other norm, end / peak':>24}"
    )
    for stage in numbers:
        seeds = {key: [seed[key] for seed in stage["seeds"]] for key in stage["seeds"][0]}
        cells = [
            "to 0" if None in seeds[key] else f"{np.median(seeds[key]):.1f}"
            for key in ("orders_from_start_to_lowest", "orders_from_peak")
        ]
        growth = f"{np.median(seeds['nonsaturating_growth_since_peak']):.2f}"
        print(f"{stage['g_trained_for']:>12}{cells[0]:>32}{cells[1]:>15}{growth:>24}")
    print("Arjovsky & Bottou's Figure 2: 5 orders in the best case after 4,000 steps of D")
