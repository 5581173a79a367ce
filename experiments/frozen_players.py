"""What goes wrong when D is not frozen in G's step: three runs from one start (by default about 1 minute).

Writes frozen_players.png and result.json. G's step in each run:

    algorithm 1    D frozen: parameters and BatchNorm statistics stay
    unfrozen       G's loss moves D too, as when one optimizer holds both players' parameters
    drifting       D's parameters stay, its BatchNorm statistics do not

First G alone steps, then the whole of Algorithm 1 is run. What D learns when G's loss, the non-saturating one, moves
it too can be written down: where each step of D comes with w steps of G, each D(x) climbs
p_data log D + p_g log(1 - D) + w p_g log D, and the maximum is no longer Proposition 1's but

    D_w = (p_data + w p_g) / (p_data + (1 + w) p_g),

which is 1 without D's own steps (w -> infinity), (1 + w) / (2 + w) where p_g = p_data and never below w / (1 + w): D
learns to call fakes real. Its ratio of densities is squeezed into that range, and G's slope -(1 - D) with it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.memory import check_training, refuse
from experiments.command.progress import phase, progress_bar
from experiments.command.quick import at_most
from experiments.command.results import save_figure, save_result
from experiments.gan_1d.build import HIDDEN, even_levels
from experiments.gan_1d.build import build as build_gan
from experiments.gan_1d.settings import Settings
from experiments.pictures import frozen as pictures
from gan_from_scratch import check, losses, metrics, networks, numpy_gan, train
from gan_from_scratch.parallel.mesh import spread_seeds

WRITES = ("frozen_players.png", "result.json")
PREPARED = 200  # steps of Algorithm 1 before G alone steps: D has begun to tell
LOOKS = 40  # at D and at G's samples in each act
QUANTILES = 2000  # evenly spaced ones of p_data and p_z, on which both are judged


@dataclass(frozen=True)
class Config:
    """The GAN of goodfellow_1d with --k 1 --r1 0 --average 0 --no-decay, and with BatchNorm in D."""

    seed: int = 0
    """Decides every draw."""
    out: Path = Path("runs/frozen_players")
    """Folder for the results."""
    seeds: int = 16
    """Starts; each run has all of them."""
    g_steps: int = 500
    """Steps of G alone."""
    steps: int = 4000
    """Steps of Algorithm 1 in the second act."""
    batch: int = 64
    """Points in a batch."""
    loss: Literal["saturating", "nonsaturating"] = "nonsaturating"
    """G's loss."""
    devices: int | None = None
    """Devices over which the seeds are spread; it must divide them. None: as many as do."""
    quick: bool = False
    """The whole pipeline in less than a minute: at most 80 steps of G alone and 160 of Algorithm 1, 4 seeds."""

    def __post_init__(self):
        check.seed("seed", self.seed)
        for name in ("seeds", "g_steps", "steps", "batch"):
            check.positive_integer(name, getattr(self, name))
        check.choices(self)
        if self.quick:
            at_most(self, seeds=4, g_steps=80, steps=160)


def main(config: Config) -> None:
    """Both acts for each run, save, draw."""
    started = time.perf_counter()
    gan, data = build(config.batch, config.loss), Settings().p_data()
    check_training("batch or seeds", gan, data.sample, config.seeds)
    refuse("steps, g_steps or seeds", 4 * 2 * config.seeds * len(G_STEPS) * (config.steps + config.g_steps))
    prepare_folder(config.out, "frozen_players", WRITES)
    keys = spread_seeds(jax.random.split(jax.random.key(config.seed), config.seeds), config.devices)
    start = jax.jit(jax.vmap(lambda key: train.init(gan, jax.random.fold_in(key, 0))))(keys)
    run_keys = jax.vmap(lambda key: jax.random.fold_in(key, 1))(keys)
    learn = jax.vmap(lambda state, key: train.train(gan, state, data.sample, key, PREPARED)[0])

    acts = {"g_alone": {}, "whole": {}}
    with progress_bar() as bar:
        task = bar.add_task("frozen_players", total=2 * len(G_STEPS), numbers="both players begin")
        prepared = jax.jit(learn)(start, run_keys)
        for name, g_step in G_STEPS.items():
            for act, state, k, steps in (("g_alone", prepared, 0, config.g_steps), ("whole", start, 1, config.steps)):
                bar.update(task, numbers=f"{act}, {name}")
                acts[act][name] = follow(gan, data, g_step, state, run_keys, k, steps)
                bar.advance(task)
    # Where p_g = p_data, D says 1/2, and this where each of its steps comes with one of G's that moves it too.
    settled = optimal_unfrozen(1.0, 1.0, w=1)
    numbers = {act: {name: summary(run) for name, run in runs.items()} for act, runs in acts.items()}
    numbers["unfrozen_d_derived"] = settled
    save_result(config.out, config, started, numbers)
    with phase("drawing pictures"):
        save_figure(config.out, "frozen_players.png", pictures.two_acts(acts, (0.5, settled)))
    report(numbers, config.out)


def build(batch: int, loss: str) -> train.GAN:
    settings = Settings(k=1, r1=0.0, average=0.0, decay=False, batch=batch, loss=loss)
    units = numpy_gan.Units(settings.mean, settings.std)
    discriminator = networks.Discriminator(HIDDEN, center=units.center, scale=units.scale, batch_norm=True)
    return replace(build_gan(settings, units), discriminator=discriminator)


# G's step, three times


def algorithm_1(gan: train.GAN, state: train.GANState, x: jax.Array, z: jax.Array, key: jax.Array) -> train.GANState:
    return train.generator_step(gan, state, x, z, key)[0]


def unfrozen(gan: train.GAN, state: train.GANState, x: jax.Array, z: jax.Array, key: jax.Array) -> train.GANState:
    """G's loss is differentiated in both players' parameters, and each takes a step down its slope."""
    slopes = jax.grad(train.generator_objective(gan, state, x, z, key), argnums=(0, 1), has_aux=True)
    (slope_g, slope_d), ((stats_g, _), _) = slopes(state.g.params, state.d.params)
    return state._replace(
        g=train.descend(gan.optimizer_g, state.g, slope_g, stats_g),
        d=train.descend(gan.optimizer_d, state.d, slope_d, state.d.stats),
    )


def drifting(gan: train.GAN, state: train.GANState, x: jax.Array, z: jax.Array, key: jax.Array) -> train.GANState:
    """D's statistics after it has judged the fakes are kept, as by a D that stays in training mode."""
    _, ((_, stats_d), _) = train.generator_objective(gan, state, x, z, key)(state.g.params, state.d.params)
    moved = algorithm_1(gan, state, x, z, key)
    return moved._replace(d=moved.d._replace(stats=stats_d))


G_STEPS = {"algorithm 1": algorithm_1, "unfrozen": unfrozen, "drifting": drifting}


def optimal_unfrozen(p_data: float, p_g: float, w: float) -> float:
    """D_w, the D that w of G's steps to one of its own lead to (derived at the top of this file)."""
    return (p_data + w * p_g) / (p_data + (1 + w) * p_g)


# A run


def follow(
    gan: train.GAN, data, g_step: Callable, start: train.GANState, keys: jax.Array, k: int, steps: int
) -> dict[str, np.ndarray]:
    """k steps of D and then G's, again and again; what is measured has a leading axis of seeds.

    Before each of G's steps: d_fake, the geometric mean of D(G(z)) in training, and gradient, the norm of that of
    G's loss in G's parameters. At each of LOOKS: ks of G's samples, and d_moved, the mean over p_data of
    |D(x) - D(x) at the start| at sampling time. At the end: how far D's parameters and statistics are from the start.
    FloatingPointError if G's samples are not finite.
    """
    levels = even_levels(QUANTILES)
    x = jnp.asarray(data.quantile(levels))[:, None]
    z_even = jnp.asarray(2 * levels - 1)[:, None]  # noise is uniform on [-1, 1]

    def one_step(state, key):
        def step_d(state, key):
            key_x, key_z, key_step = jax.random.split(key, 3)
            batches = data.sample(key_x, gan.batch), gan.sample_noise(key_z, gan.batch)
            return train.discriminator_step(gan, state, *batches, key_step)[0], None

        key_d, key_z, key_g = jax.random.split(jax.random.fold_in(key, state.step), 3)
        state, _ = jax.lax.scan(step_d, state, jax.random.split(key_d, k))
        z = gan.sample_noise(key_z, gan.batch)
        real = data.sample(jax.random.fold_in(key_z, 1), gan.batch)  # at which neither of G's losses looks
        as_minus_log_d = replace(gan, loss_g=losses.generator_loss_nonsaturating)
        judged = train.generator_objective(as_minus_log_d, state, real, z, key_g)
        slope = jax.grad(train.generator_objective(gan, state, real, z, key_g), argnums=0, has_aux=True)
        of_g, _ = slope(state.g.params, state.d.params)
        measured = {
            "d_fake": jnp.exp(-judged(state.g.params, state.d.params)[0]),
            "gradient": optax.tree.norm(of_g),
        }
        state = g_step(gan, state, real, z, key_g)
        return state._replace(step=state.step + 1), measured

    def advance(state, key, steps):
        return jax.lax.scan(lambda state, _: one_step(state, key), state, length=steps)

    advance = jax.jit(jax.vmap(advance, in_axes=(0, 0, None)), static_argnums=2)
    judge = jax.jit(jax.vmap(lambda state: jax.nn.sigmoid(train.discriminate(gan, state, x))))
    generate = jax.jit(jax.vmap(lambda state: train.generate(gan, state, z_even)))

    looks = np.unique(np.linspace(0, steps, LOOKS + 1).round().astype(int))
    state, every_step, d_moved, ks = start, [], [], []
    at_the_start = judge(start)
    for chunk in [0, *np.diff(looks).tolist()]:
        if chunk:
            state, measured = advance(state, keys, chunk)
            every_step.append(jax.device_get(measured))
        samples = np.asarray(generate(state))
        if not np.isfinite(samples).all():
            raise FloatingPointError(f"G went non-finite before step {int(np.max(state.step))}")
        d_moved.append(np.mean(np.abs(judge(state) - at_the_start), axis=1))
        ks.append([metrics.ks_statistic(of_seed, data) for of_seed in samples])
    return {
        "looks": looks,
        "ks": np.transpose(ks),
        "d_moved": np.transpose(d_moved),
        "d_params_moved": largest_change(start.d.params, state.d.params),
        "d_stats_moved": largest_change(start.d.stats, state.d.stats),
        **{name: np.concatenate([part[name] for part in every_step], axis=1) for name in every_step[0]},
    }


def largest_change(before, after) -> np.ndarray:
    """Over all entries, for each seed; 0 if and only if nothing moved."""
    changes = jax.tree.map(lambda a, b: np.abs(b - a).reshape(len(a), -1).max(axis=1), before, after)
    return np.max(jax.tree.leaves(changes), axis=0)


def summary(run: dict[str, np.ndarray]) -> dict:
    def spread(values: np.ndarray) -> dict[str, float]:
        return {"median": float(np.median(values)), "lowest": float(values.min()), "highest": float(values.max())}

    # What is measured on one batch is averaged over the last twentieth of the run.
    last = max(1, run["d_fake"].shape[1] // 20)
    return {
        "d_fake_at_the_start": spread(run["d_fake"][:, 0]),
        "d_fake_at_the_end": spread(run["d_fake"][:, -last:].mean(axis=1)),
        "gradient_at_the_start": spread(run["gradient"][:, 0]),
        "gradient_at_the_end": spread(run["gradient"][:, -last:].mean(axis=1)),
        "d_at_sampling_moved": spread(run["d_moved"][:, -1]),
        "d_params_moved": spread(run["d_params_moved"]),
        "d_stats_moved": spread(run["d_stats_moved"]),
        "ks_at_the_end": sorted(run["ks"][:, -1].tolist()),
    }


def report(numbers: dict, out: Path) -> None:
    print(f"results in {out}; medians over seeds")
    header = ("D(G(z))", "gradient", "at the end", "D moved", "parameters", "statistics", "KS")
    for act, title in (("g_alone", "G alone steps"), ("whole", "all of Algorithm 1")):
        print(f"{title:20}" + "".join(f"{name:>11}" for name in header))
        for name, row in numbers[act].items():
            keys = ("d_fake_at_the_end", "gradient_at_the_start", "gradient_at_the_end", "d_at_sampling_moved",
                    "d_params_moved", "d_stats_moved")  # fmt: skip
            cells = [row[key]["median"] for key in keys] + [float(np.median(row["ks_at_the_end"]))]
            print(f"  {name:18}" + "".join(f"{cell:>11.3g}" for cell in cells))
    print(f"derived for an unfrozen D where p_g = p_data: {numbers['unfrozen_d_derived']:.4f}")


if __name__ == "__main__":
    command_line(Config, main, __doc__)
