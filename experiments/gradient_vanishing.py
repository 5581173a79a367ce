"""Why log(1 - D(G(z))) stops learning: both generator gradients on one network (3 minutes; --data mnist: 31).

Writes gradient_vanishing.png (four panels), stages.png and result.json; with --data mnist only the last two, for a
DCGAN that is frozen after 1, 10 and 25 epochs.

    a  both losses and their slopes as functions of D's logit
    b  the closed form: p_g = N(theta, 1) against p_data = N(0, 1) with the optimal D (Arjovsky & Bottou, Theorem 2.5)
    c  G frozen, D trained from scratch: the norm of both gradients in G's parameters (their Figures 2 and 3)
    d  what it costs: how many GANs arrive at the data with each loss, and after how many steps
"""

import itertools
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments import _both_gradients, _closed_form, _draw_vanishing, _script, _vanishing_images, goodfellow_1d
from gan_from_scratch import check, losses, metrics, numpy_gan, train
from gan_from_scratch.distributions import Gaussian

MARKS = (0.5, 0.1, 1e-3, 1e-6)  # D(G(z)) at which panel a reads off losses and slopes
STAGES = (0, 100, 4000)  # steps of Algorithm 1 after which G is frozen
# Mean of p_data, 1.25 wide, and steps of D to one of G in panel d. The first G makes numbers from -1 to 1.
SETTINGS = ((4.0, 1), (4.0, 10), (10.0, 1), (10.0, 10))
FAR = 10.0  # mean of p_data in panel c
BATCHES = 64  # whose gradients panel c averages, and between which it takes the variance
ARRIVED = 0.1  # KS distance below which a G counts as arrived
CHECKS = 80  # times during a run of panel d that this is looked at


@dataclass(frozen=True)
class Config:
    """Panels c and d play the GAN of goodfellow_1d with --r1 0 --average 0 --no-decay --no-standardize."""

    data: Literal["toy", "mnist"] = "toy"
    """The 1-D GAN, or MNIST's DCGAN with --average 0 (Arjovsky & Bottou 2017, Figures 2 and 3)."""
    seed: int = 0
    """Decides every draw."""
    out: Path = Path("runs/gradient_vanishing")
    """Folder for the results."""
    seeds: int | None = None
    """GANs in each setting of panels c and d; of MNIST, fresh Ds against one G. None: 16; 3."""
    d_steps: int | None = None
    """Steps of D against the frozen G in panel c. None: 8,000; for MNIST 4,000, as in the paper."""
    # 1/10 makes the weights about .02, as DCGAN's (Radford et al. 2016, section 4). At 1 D starts with a slope of
    # random sign; where that is wrong it turns around, and on its way through zero both gradients vanish for a moment.
    fresh_d: float = 0.1
    """Factor on the fresh D's weights in panel c: at 1/10 D starts at 1/2 everywhere. A DCGAN's stay as they are."""
    steps: int = 4000
    """Steps of Algorithm 1 in panel d."""
    batch: int = 64
    """Points in a batch."""
    optimizer: Literal["adam", "sgd"] = "adam"
    """The gradient rule in panel d: Adam at goodfellow_1d's rates, or plain gradient steps of .01."""
    data_dir: Path | None = None
    """mnist: folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    synthetic: int | None = None
    """mnist: learn that many made-up images instead, for a first try."""
    epochs: tuple[int, ...] = (1, 10, 25)
    """mnist: passes over the data after which G is frozen, in rising order."""
    width: int = 32
    """mnist: channels of the DCGAN's layers nearest to the image, half of mnist_dcgan's to save time."""

    def __post_init__(self):
        _script.check_choices(self)
        unused = ("synthetic", "epochs", "width") if self.data == "toy" else ("fresh_d", "steps", "optimizer")
        for field in fields(self):
            if field.name in unused and getattr(self, field.name) != field.default:
                raise ValueError(
                    f"{field.name} is {getattr(self, field.name)!r}, but --data {self.data} has no use for it"
                )
        for name, toy, mnist in (("seeds", 16, 3), ("d_steps", 8000, 4000)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, toy if self.data == "toy" else mnist)
        check.seed("seed", self.seed)
        for name in ("seeds", "d_steps", "steps", "batch", "width"):
            check.positive_integer(name, getattr(self, name))
        check.positive("fresh_d", self.fresh_d)
        if not self.epochs or list(self.epochs) != sorted({*self.epochs}) or self.epochs[0] < 1:
            raise ValueError(f"epochs is {self.epochs}, but must be whole numbers from 1 on, each above the one before")


def main(config: Config) -> None:
    """Compute, draw, save."""
    if config.data == "mnist":
        _vanishing_images.main(config)
    else:
        four_panels(config)


def four_panels(config: Config) -> None:
    """The 1-D GAN."""
    started = time.perf_counter()
    _script.prepare_folder(config.out)
    runs = [(*setting, loss) for setting in SETTINGS for loss in losses.GENERATOR_LOSSES]
    with _script.progress_bar() as bar:
        task = bar.add_task("gradient_vanishing", total=len(STAGES) + len(runs) + 1, numbers="the closed form")
        marks = _closed_form.losses_and_slopes(np.log(np.array(MARKS) / (1 - np.array(MARKS))))
        closed = _closed_form.closed_form(config.seed)
        stages = []
        for steps in STAGES:
            bar.update(task, advance=1, numbers=f"D against G after {steps} steps")
            stages.append(frozen_generator(config, steps))
        races = []
        for mean, k, loss in runs:
            bar.update(task, advance=1, numbers=f"p_data at {mean:g}, k = {k}, {loss}")
            races.append(race(config, mean, k, loss))
        bar.update(task, advance=1, numbers="done")
    panels = _draw_vanishing.four_panels(
        _closed_form.losses_and_slopes(np.linspace(-16, 6, 400)), marks, closed, stages[0], races
    )
    _script.save_figure(config.out, "gradient_vanishing.png", panels)
    _script.save_figure(config.out, "stages.png", _draw_vanishing.three_stages(stages))
    numbers = {
        "a_slopes": {name: values.tolist() for name, values in marks.items()},
        "b_closed_form": _closed_form.summary(closed),
        "c_frozen_generator": [summary(stage) for stage in stages],
        "d_races": races,
    }
    _script.save_result(config.out, config, started, numbers)
    report(numbers, config.out)


# Panel c


def build(config: Config, mean: float, k: int, loss: str) -> train.GAN:
    """The 1-D GAN without any remedy, in raw units: it has to find the place of the data by itself."""
    settings = goodfellow_1d.Config(
        mean=mean, k=k, loss=loss, batch=config.batch, r1=0.0, average=0.0, decay=False, standardize=False
    )
    return goodfellow_1d.build(settings, numpy_gan.Units())


def p_data(mean: float) -> Gaussian:
    return Gaussian(mean, goodfellow_1d.Config.std)


def keys_of_seeds(config: Config) -> jax.Array:
    return jax.random.split(jax.random.key(config.seed), config.seeds)


def frozen_generator(config: Config, steps: int) -> dict:
    """Train the GAN for some steps, freeze G, give it a fresh D, and follow both gradients while D learns."""
    data = p_data(FAR)
    gan = build(config, FAR, goodfellow_1d.Config().k, "nonsaturating")
    keys = keys_of_seeds(config)

    @jax.jit
    @jax.vmap
    def prepare(key):
        state = train.init(gan, jax.random.fold_in(key, 0))
        if steps:
            state, _ = train.train(gan, state, data.sample, jax.random.fold_in(key, 1), steps)
        fresh = train.init(gan, jax.random.fold_in(key, 2)).d
        flat = jax.tree.map(lambda w: config.fresh_d * w, fresh.params)
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
        return _both_gradients.both_gradients(gan, state, z.reshape(BATCHES, gan.batch, -1)) | {
            "bound": bound(gan, state, z)
        }

    state = prepare(keys)
    d_keys = jax.vmap(lambda key: jax.random.fold_in(key, 4))(keys)
    moments = _both_gradients.moments_to_look_at(config.d_steps)
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
    numbers = _both_gradients.summary_of_stage(stage) | {"g_samples_mean": float(np.mean(stage["x"]))}
    # Where the bound underflows the norm is 0 as well.
    bound = np.where(stage["bound"] > 0, stage["bound"], np.inf)
    for seed, ratio in zip(numbers["seeds"], (stage["saturating"] / bound).max(axis=1).tolist(), strict=True):
        seed["saturating_over_bound_at_most"] = ratio
    return numbers


# Panel d


def race(config: Config, mean: float, k: int, loss: str) -> dict:
    """Train the GAN from each seed's start; the seeds, starts and data are the same for both losses."""
    data, gan, keys = p_data(mean), build(config, mean, k, loss), keys_of_seeds(config)
    if config.optimizer == "sgd":
        # .01: with ten times more for D some runs whose p_data is far away ended in infinities.
        gan = replace(gan, optimizer_g=optax.sgd(0.01), optimizer_d=optax.sgd(0.01))
    z = jnp.linspace(-1, 1, 2001)[:, None]

    start = jax.jit(jax.vmap(lambda key: train.init(gan, jax.random.fold_in(key, 0))))
    advance = jax.jit(
        jax.vmap(lambda state, key, steps: train.train(gan, state, data.sample, key, steps)[0], in_axes=(0, 0, None)),
        static_argnums=2,
    )
    generate = jax.jit(jax.vmap(lambda state: train.generate(gan, state, z)))

    state, run_keys = start(keys), jax.vmap(lambda key: jax.random.fold_in(key, 1))(keys)
    arrived_after, ks = [None] * config.seeds, [1.0] * config.seeds
    checks = np.unique(np.linspace(0, config.steps, CHECKS + 1).round().astype(int)).tolist()
    for before, step in itertools.pairwise(checks):
        state = advance(state, run_keys, step - before)
        for i, x in enumerate(np.asarray(generate(state))):
            ks[i] = metrics.ks_statistic(x, data) if np.isfinite(x).all() else 1.0  # gone to infinity
            if ks[i] < ARRIVED and arrived_after[i] is None:
                arrived_after[i] = step
    return {
        "mean": mean,
        "k": k,
        "loss": loss,
        "seeds": config.seeds,
        "steps": config.steps,
        "arrived_after": sorted(step for step in arrived_after if step is not None),
        "ks_at_the_end": ks,
    }


# Report


def report(numbers: dict, out: Path) -> None:
    closed, stage = numbers["b_closed_form"], numbers["c_frozen_generator"][0]
    print(f"results in {out}")
    print(
        "Theorem 2.5, largest relative error on (0, 6]: saturating "
        f"{closed['largest_relative_error_saturating']:.0e}, non-saturating "
        f"{closed['largest_relative_error_nonsaturating']:.0e}"
    )
    fall = [seed["orders_from_start_to_lowest"] for seed in stage["seeds"]]
    lowest = [seed["nonsaturating_lowest_over_start"] for seed in stage["seeds"]]
    if None in fall:
        print("G frozen: the saturating norm fell to 0, below what float32 can tell")
    else:
        print(
            f"G frozen: the saturating norm fell by {np.median(fall):.1f} orders of magnitude (least {min(fall):.1f}); "
            "in Arjovsky & Bottou's Figure 2, on a DCGAN, by 5 in the best case"
        )
    print(f"G frozen: the lowest non-saturating norm over its start is {min(lowest):.2f} in the worst seed")
    print(f"{'p_data at':>10}{'k':>4}  {'loss':15}{'arrived':>10}{'median steps':>14}")
    for row in numbers["d_races"]:
        after = row["arrived_after"]
        middle = f"{np.median(after):.0f}" if after else "-"
        arrived = f"{len(after)} of {row['seeds']}"
        print(f"{row['mean']:>10g}{row['k']:>4}  {row['loss']:15}{arrived:>10}{middle:>14}")


if __name__ == "__main__":
    _script.command_line(Config, main, __doc__)
