"""Proposition 1: with G fixed, D learns D* = p_data / (p_data + p_g), and V meets C(G) (by default about 3 minutes).

Writes one picture for each pair of densities (D over D*, V approaching C(G)) and result.json.
"""

import itertools
import time
from dataclasses import dataclass
from pathlib import Path

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
from experiments.pictures.line import optimum_plot
from gan_from_scratch import check, networks, remedies, theory, train
from gan_from_scratch.distributions import Gaussian, Mixture
from gan_from_scratch.parallel.mesh import spread_seeds

# (p_data, p_g): apart, of different width, of different shape.
PAIRS = {
    "shift": (Gaussian(-1.0, 1.0), Gaussian(1.0, 1.0)),
    "width": (Gaussian(0.0, 1.0), Gaussian(0.0, 2.0)),
    "mixture": (Mixture([-2.0, 2.0], 0.6), Gaussian(0.0, 2.0)),
}
WRITES = (*(f"{pair}.png" for pair in PAIRS), "result.json")
HIDDEN = (64, 64)  # with half the width the worst seed misses the mixture's D* by .020, with this by .012
CHUNKS = 50  # points on the curve of V


@dataclass(frozen=True)
class Config:
    """Train D alone, on fresh draws from both densities in every step."""

    seed: int = 0
    """Decides every draw."""
    out: Path = Path("runs/optimal_discriminator")
    """Folder for the results."""
    pair: str = "all"
    """shift, width or mixture: which two densities. all: each of them."""
    seeds: int = 8
    """How many discriminators to train on each pair."""
    steps: int = 8000
    """Steps of D."""
    batch: int = 1024
    """Draws from each density in a step."""
    rate: float = 5e-3
    """Adam's learning rate, falling linearly to 0."""
    average: float = 0.9995
    """Memory of the running average of D's parameters (2,000 steps), which is what is judged."""
    devices: int | None = None
    """Devices over which the seeds are spread; it must divide them. None: as many as do."""
    quick: bool = False
    """The whole pipeline in less than a minute: at most 2 seeds of each pair, 400 steps, batches of 256."""

    def __post_init__(self):
        check.seed("seed", self.seed)
        for name in ("seeds", "steps", "batch"):
            check.positive_integer(name, getattr(self, name))
        check.rate("rate", self.rate)
        check.fraction("average", self.average)
        check.one_of("pair", self.pair, {"all", *PAIRS})
        if self.quick:
            at_most(self, seeds=2, steps=400, batch=256)


def main(config: Config) -> None:
    """Train D on each pair, compare it with D*, save, draw."""
    started = time.perf_counter()
    names = list(PAIRS) if config.pair == "all" else [config.pair]
    for name in names:
        check_training(
            "batch and seeds",
            gan_of(config.rate, config.steps, config.average, config.batch, *PAIRS[name]),
            PAIRS[name][0].sample,
            config.seeds,
        )
    refuse("steps or seeds", 8 * config.seeds * config.steps)  # a key for each
    prepare_folder(config.out, "optimal_discriminator", WRITES)
    numbers, curves = {}, {}
    with progress_bar() as bar:
        for name in names:
            task = bar.add_task(f"{name:8}", total=config.steps, numbers="compiling")

            def show(step: int, value: np.ndarray, task=task):
                bar.update(task, completed=step, numbers=f"V {np.median(value):.4f}")

            numbers[name], curves[name] = meet_the_optimum(config, name, show)
    save_result(config.out, config, started, numbers)
    with phase("drawing pictures"):
        for name in names:
            save_figure(config.out, f"{name}.png", optimum_plot(*curves[name], name))

    print(f"{'pair':10}{'max |D - D*|':>28}{'C(G)':>10}{'V - C(G)':>28}")
    for name in names:
        worst_d = [seed["max_d_error"] for seed in numbers[name]["seeds"]]
        off_v = [seed["v_minus_c"] for seed in numbers[name]["seeds"]]
        print(
            f"{name:10}{f'{np.median(worst_d):.4f} (worst {max(worst_d):.4f})':>28}{numbers[name]['c']:10.4f}"
            f"{f'{np.median(off_v):+.4f} (worst {min(off_v):+.4f})':>28}"
        )


def meet_the_optimum(config: Config, name: str, show) -> tuple[dict, tuple]:
    """D's largest error between the 1 % and 99 % quantiles of both densities, and V - C(G), for each seed.

    And the curves that optimum_plot draws.
    """
    p_data, p_g = PAIRS[name]
    gan = gan_of(config.rate, config.steps, config.average, config.batch, p_data, p_g)
    (mean_data, std_data), (mean_g, std_g) = p_data.moments(), p_g.moments()
    # Far enough that both densities have died out for the integrals of V.
    reach = 8 * max(std_data, std_g)
    x = np.linspace(min(mean_data, mean_g) - reach, max(mean_data, mean_g) + reach, 4001)
    densities = tuple(np.exp(np.asarray(p.log_prob(x), np.float64)) for p in (p_data, p_g))
    optimal, c = theory.optimal_discriminator(*densities), float(theory.criterion(*densities, x))

    def d_step(state, key):
        key_x, key_z, key_step = jax.random.split(key, 3)
        batches = p_data.sample(key_x, gan.batch), p_g.sample(key_z, gan.batch)
        return train.discriminator_step(gan, state, *batches, key_step)[0], None

    @jax.jit
    @jax.vmap
    def advance(state, keys):
        return jax.lax.scan(d_step, state, keys)[0]

    @jax.jit
    @jax.vmap
    def logits(state):
        return train.discriminate(gan, state._replace(d=remedies.averaged(state.d)), jnp.asarray(x)[:, None])

    def value(a: np.ndarray) -> np.ndarray:
        """V(D, G) by quadrature on the exact densities: no sampling noise hides the gap."""
        integrand = -densities[0] * np.logaddexp(0, -a) - densities[1] * np.logaddexp(0, a)
        return np.trapezoid(integrand, x, axis=-1)

    seeds = spread_seeds(jax.random.split(jax.random.key(config.seed), config.seeds), config.devices)
    state = jax.jit(jax.vmap(lambda key: train.init(gan, jax.random.fold_in(key, 0))))(seeds)
    keys = jax.vmap(lambda key: jax.random.split(jax.random.fold_in(key, 1), config.steps))(seeds)
    steps, values = [0], [value(np.asarray(logits(state), np.float64))]
    for start, end in itertools.pairwise(moments_to_look_at(config.steps)):
        state = advance(state, keys[:, start:end])
        a = np.asarray(logits(state), np.float64)
        if not np.isfinite(a).all():
            raise FloatingPointError(f"D went non-finite between steps {start + 1} and {end} on pair {name}")
        steps.append(end)
        values.append(value(a))
        show(steps[-1], values[-1])

    learned = 0.5 * (1 + np.tanh(a / 2))  # sigmoid
    ends = np.array([p.quantile(np.array([0.01, 0.99])) for p in (p_data, p_g)])
    inside = (x >= ends.min()) & (x <= ends.max())
    curves = (
        x[inside],
        (densities[0][inside], densities[1][inside]),
        learned[:, inside],
        optimal[inside],
        (np.array(steps), np.stack(values, axis=1), c),
    )
    errors = np.abs(learned - optimal)[:, inside].max(axis=1)
    numbers = {
        "p_data": repr(p_data),
        "p_g": repr(p_g),
        "c": c,
        "seeds": [
            {"max_d_error": float(error), "v_minus_c": float(v - c)}
            for error, v in zip(errors, values[-1], strict=True)
        ],
    }
    return numbers, curves


def gan_of(rate: float, steps: int, average: float, batch: int, p_data, p_g) -> train.GAN:
    """Its G is p_g, which never moves."""
    (mean_data, std_data), (mean_g, std_g) = p_data.moments(), p_g.moments()
    optimizer = optax.chain(
        # Adam's own b1 and b2: with G fixed this is no game, and D's gradient does not turn around.
        optax.adam(optax.linear_schedule(rate, 0.0, steps)),
        remedies.average_parameters(average),
    )
    return train.GAN(
        generator=networks.Identity(),
        discriminator=networks.Discriminator(HIDDEN, center=(mean_data + mean_g) / 2, scale=min(std_data, std_g)),
        optimizer_g=optax.identity(),
        optimizer_d=optimizer,
        sample_noise=p_g.sample,
        batch=batch,
    )


def moments_to_look_at(steps: int) -> list[int]:
    """Steps at which V is taken: even chunks, the first of them in ten pieces, since V rises at once."""
    size = max(1, steps // CHUNKS)
    early = range(0, size, max(1, size // 10))
    return sorted({*early, *range(0, steps, size), steps})


if __name__ == "__main__":
    command_line(Config, main, __doc__)
