"""Why log(1 - D(G(z))) stops learning: both generator gradients on one network (about 3 minutes).

Writes gradient_vanishing.png (four panels), stages.png and result.json.

    a  both losses and their slopes as functions of D's logit
    b  the closed form: p_g = N(theta, 1) against p_data = N(0, 1) with the optimal D (Arjovsky & Bottou, Theorem 2.5)
    c  G frozen, D trained from scratch: the norm of both gradients in G's parameters (their Figures 2 and 3)
    d  what it costs: how many GANs arrive at the data with each loss, and after how many steps
"""

import itertools
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from experiments import _draw_vanishing, _script, goodfellow_1d
from gan_from_scratch import check, losses, metrics, numpy_gan, theory, train
from gan_from_scratch.distributions import Gaussian

MARKS = (0.5, 0.1, 1e-3, 1e-6)  # D(G(z)) at which panel a reads off losses and slopes
THETAS = np.linspace(0, 20, 41)
DRAWS = (20, 50_000)  # Monte-Carlo estimates of each gradient in panel b, and the draws in each
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

    seed: int = 0
    """Decides every draw."""
    out: Path = Path("runs/gradient_vanishing")
    """Folder for the results."""
    seeds: int = 16
    """GANs in each setting of panels c and d."""
    d_steps: int = 8000
    """Steps of D against the frozen G in panel c."""
    fresh_d: float = 0.1
    """Factor on the fresh D's weights in panel c. 1/10 makes them about .02, as DCGAN's (Radford et al. 2016,
    section 4), and D = 1/2 everywhere. At 1 D starts with a slope of random sign; where that is wrong it has to turn
    around, and on its way through zero both gradients vanish for a moment."""
    steps: int = 4000
    """Steps of Algorithm 1 in panel d."""
    batch: int = 64
    """Points in a batch."""
    optimizer: Literal["adam", "sgd"] = "adam"
    """The gradient rule in panel d: Adam at goodfellow_1d's rates, or plain gradient steps of .01."""

    def __post_init__(self):
        check.seed("seed", self.seed)
        for name in ("seeds", "d_steps", "steps", "batch"):
            check.positive_integer(name, getattr(self, name))
        check.positive("fresh_d", self.fresh_d)
        check.one_of("optimizer", self.optimizer, get_args(self.__dataclass_fields__["optimizer"].type))


def main(config: Config) -> None:
    """Compute the four panels, draw, save."""
    started = time.perf_counter()
    _script.prepare_folder(config.out)
    runs = [(*setting, loss) for setting in SETTINGS for loss in losses.GENERATOR_LOSSES]
    with _script.progress_bar() as bar:
        task = bar.add_task("gradient_vanishing", total=len(STAGES) + len(runs) + 1, numbers="the closed form")
        marks = losses_and_slopes(np.log(np.array(MARKS) / (1 - np.array(MARKS))))
        closed = closed_form(config.seed)
        stages = []
        for steps in STAGES:
            bar.update(task, advance=1, numbers=f"D against G after {steps} steps")
            stages.append(frozen_generator(config, steps))
        races = []
        for mean, k, loss in runs:
            bar.update(task, advance=1, numbers=f"p_data at {mean:g}, k = {k}, {loss}")
            races.append(race(config, mean, k, loss))
        bar.update(task, advance=1, numbers="done")
    panels = _draw_vanishing.four_panels(losses_and_slopes(np.linspace(-16, 6, 400)), marks, closed, stages[0], races)
    _script.save_figure(config.out, "gradient_vanishing.png", panels)
    _script.save_figure(config.out, "stages.png", _draw_vanishing.three_stages(stages))
    numbers = {
        "a_slopes": {name: values.tolist() for name, values in marks.items()},
        "b_closed_form": summary_of_closed_form(closed),
        "c_frozen_generator": [summary_of_stage(stage) for stage in stages],
        "d_races": races,
    }
    _script.save_result(config.out, config, started, numbers)
    report(numbers, config.out)


# Panel a


def losses_and_slopes(logits: np.ndarray) -> dict[str, np.ndarray]:
    """Each loss and its slope in the logit, at each logit."""
    curves = {"logit": logits, "d_of_g": 1 / (1 + np.exp(-logits))}
    for name, loss in losses.GENERATOR_LOSSES.items():
        curves[f"{name}_loss"] = np.asarray(jnp.vectorize(loss)(logits))
        curves[f"{name}_slope"] = np.asarray(jnp.vectorize(jax.grad(loss))(logits))
    return curves


# Panel b


def closed_form(seed: int) -> dict[str, np.ndarray]:
    """Gradients in theta at each of THETAS: of divergences, and of both losses with the optimal D put in."""
    rng = np.random.default_rng(seed)
    rows = []
    for theta in THETAS:
        row = {"theta": theta, **gradients_of_divergences(theta)}
        z = np.linspace(-12, 12, 6001)
        weight = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
        for name in losses.GENERATOR_LOSSES:
            row[f"{name} exact"] = np.trapezoid(weight * pathwise(name, z, theta), z)
            row[f"{name} drawn"] = pathwise(name, rng.normal(size=DRAWS), theta).mean(axis=1)
        rows.append(row)
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def gradients_of_divergences(theta: float) -> dict[str, float]:
    """d/dtheta of 2 JSD(p_data, p_g), of KL(p_g || p_data) and of KL - 2 JSD by quadrature over x, in nats.

    Only p_g depends on theta, with dp_g/dtheta = (x - theta) p_g, so d KL = integral of dp_g log(p_g / p_data) and
    d 2 JSD = integral of dp_g log(p_g / (p_data + p_g)); constants drop out because dp_g integrates to 0.
    The logarithms are taken from the optimal logits: theta = 20 asks for 2e-22, and p_g / (p_data + p_g) is 1 there.
    """
    x = np.linspace(-12, theta + 12, 8001)
    dp_g = (x - theta) * np.exp(-0.5 * (x - theta) ** 2) / np.sqrt(2 * np.pi)
    a = optimal_logits(x, theta)
    jsd_2, kl = np.trapezoid(dp_g * -np.logaddexp(0, a), x), np.trapezoid(dp_g * -a, x)
    return {"2 JSD": jsd_2, "KL": kl, "KL - 2 JSD": np.trapezoid(dp_g * np.logaddexp(0, -a), x)}


def optimal_logits(x: np.ndarray, theta: float) -> np.ndarray:
    """Those of the D that is optimal for N(0, 1) against N(theta, 1)."""
    return theory.optimal_logits(-0.5 * x**2, -0.5 * (x - theta) ** 2)


def pathwise(name: str, z: np.ndarray, theta: float) -> np.ndarray:
    """dL/dtheta on the sample G(z) = z + theta, for each z, with D frozen at the optimum for this theta.

    It is dL/da * da/dx * dx/dtheta, where da/dx = -theta is the slope of D's logit and dx/dtheta = 1.
    """
    with jax.enable_x64(True):
        slope = jnp.vectorize(jax.grad(losses.GENERATOR_LOSSES[name]))
        return np.asarray(slope(optimal_logits(z + theta, theta))) * -theta


def summary_of_closed_form(closed: dict[str, np.ndarray]) -> dict:
    """How far Theorem 2.5 is met on (0, 6], and the gradients at some theta."""
    theta = closed["theta"]
    some = (theta > 0) & (theta <= 6)  # at 0 both sides are 0

    def off(loss: str, divergence: str) -> float:
        return float(np.max(np.abs(closed[loss][some] / closed[divergence][some] - 1)))

    drawn = [name for name in closed if name.endswith("drawn")]
    return {
        "largest_relative_error_saturating": off("saturating exact", "2 JSD"),
        "largest_relative_error_nonsaturating": off("nonsaturating exact", "KL - 2 JSD"),
        "monte_carlo": f"{DRAWS[0]} means of {DRAWS[1]} draws each",
        "at": [
            {name: float(np.mean(values[i])) for name, values in closed.items()}
            | {f"{name}, std of a mean": float(np.std(closed[name][i])) for name in drawn}
            for i in np.flatnonzero(np.isin(theta, (0, 1, 2, 4, 6, 10, 20)))
        ],
    }


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
        return both_gradients(gan, state, z.reshape(BATCHES, gan.batch, -1)) | {"bound": bound(gan, state, z)}

    state = prepare(keys)
    d_keys = jax.vmap(lambda key: jax.random.fold_in(key, 4))(keys)
    moments = moments_to_look_at(config.d_steps)
    measured = [look(state, keys)]
    for start, end in itertools.pairwise(moments):
        state = learn(state, d_keys, start, end)
        measured.append(look(state, keys))
        if not all(jnp.isfinite(measured[-1][name]).all() for name in losses.GENERATOR_LOSSES):
            raise FloatingPointError(f"G's gradients went non-finite before step {end} of D, with G from step {steps}")
    curves = {name: np.stack([np.asarray(row[name], np.float64) for row in measured], axis=1) for name in measured[0]}
    x = jax.vmap(lambda state: train.generate(gan, state, jnp.linspace(-1, 1, 1001)[:, None]))(state)
    return {"steps": steps, "moments": np.array(moments), "x": np.asarray(x), **curves}


def both_gradients(gan: train.GAN, state: train.GANState, z_batches: jax.Array) -> dict[str, jax.Array]:
    """For each loss the gradient in G's parameters on one and the same pair of networks.

    Of the gradients on z_batches (batches, batch, noise_dim): the norm of their mean, and the root of their total
    variance, that is of the mean squared distance to it.
    """
    measured = {}
    for name in losses.GENERATOR_LOSSES:
        gradients = jax.vmap(partial(gradient_in_g, replace(gan, generator_loss=name), state))(z_batches)
        mean = jnp.mean(gradients, axis=0)
        measured[name] = norm(mean)
        measured[f"{name} spread"] = norm(gradients - mean) / BATCHES**0.5
    return measured


def gradient_in_g(gan: train.GAN, state: train.GANState, z: jax.Array) -> jax.Array:
    """That of G's objective on one batch of noise, all parameters one after the other."""
    objective = train.generator_objective(gan, state, z, jax.random.key(0))  # the key is for dropout: there is none
    gradient, _ = jax.grad(objective, argnums=0, has_aux=True)(state.g.params, state.d.params)
    return ravel_pytree(gradient)[0]


def norm(v: jax.Array) -> jax.Array:
    """The Euclidean norm. Entries of 1e-25 have squares that float32 takes for 0, so the largest is taken out first."""
    largest = jnp.max(jnp.abs(v))
    return largest * jnp.sqrt(jnp.sum((v / jnp.where(largest > 0, largest, 1)) ** 2))


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


def moments_to_look_at(steps: int) -> list[int]:
    """Steps of D at which the gradients are measured: the start, and then twelve a decade."""
    return sorted({0, *np.geomspace(1, steps, 1 + round(12 * np.log10(steps))).round().astype(int).tolist(), steps})


def summary_of_stage(stage: dict) -> dict:
    """For each seed how far the saturating norm falls and how far the other one grows."""
    saturating, other, spread = (stage[name] for name in ("saturating", "nonsaturating", "nonsaturating spread"))
    seeds = []
    for i in range(len(saturating)):
        peak = int(np.argmax(saturating[i]))  # where D has begun to tell, and G is still taught well
        bound = np.where(stage["bound"][i] > 0, stage["bound"][i], np.inf)  # where it underflows the norm is 0 as well
        seeds.append(
            {
                "orders_from_start_to_lowest": orders(saturating[i, 0], saturating[i].min()),
                "orders_from_highest_to_lowest": orders(saturating[i].max(), saturating[i].min()),
                "nonsaturating_lowest_over_start": float(other[i].min() / other[i, 0]),
                "nonsaturating_growth_since_peak": float(other[i, -1] / other[i, peak]),
                "nonsaturating_variance_growth_since_peak": float((spread[i, -1] / spread[i, peak]) ** 2),
                "saturating_over_bound_at_most": float(np.max(saturating[i] / bound)),
            }
        )
    names = [name for name in stage if name not in ("steps", "moments", "x")]
    return {
        "g_trained_for": stage["steps"],
        "g_samples_mean": float(np.mean(stage["x"])),
        "zeros": int(np.sum(saturating == 0) + np.sum(other == 0)),
        "seeds": seeds,
        "d_step": stage["moments"].tolist(),
        "median": {name: [finite_or_none(v) for v in np.median(stage[name], axis=0)] for name in names},
    }


def orders(high: float, low: float) -> float | None:
    """Orders of magnitude from `low` to `high`; None if `low` is 0."""
    return float(np.log10(high / low)) if low > 0 else None


def finite_or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


# Panel d


def race(config: Config, mean: float, k: int, loss: str) -> dict:
    """Train the GAN from each seed's start; the seeds, starts and data are the same for both losses."""
    data, gan, keys = p_data(mean), build(config, mean, k, loss), keys_of_seeds(config)
    if config.optimizer == "sgd":
        # .01: ten times more and half of the runs whose p_data is far away end in infinities.
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
