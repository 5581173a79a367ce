"""The paper's demo: a generator turns uniform noise into a Gaussian (about 1.5 minutes on 2 cores).

Writes figure1.png (as the paper's Figure 1), training.gif, losses.png, quantiles.png and result.json.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import jax
import numpy as np
import optax

from experiments import _script
from gan_from_scratch import check, figures, metrics, networks, numpy_gan, remedies, train
from gan_from_scratch.distributions import Gaussian, Laplace, Mixture, Uniform

HIDDEN = (32, 32)  # enough for a smooth curve; twice the width was slower and no better
EVALUATION = 10_000  # evenly spaced z on which every generator is judged
CHUNKS = 120  # the run is compiled once and called this often; each call is a snapshot
FRAMES = 60  # of them in the GIF


@dataclass(frozen=True)
class Config:
    """The defaults are what measured best. The paper's plain Algorithm 1 is
    --k 1 --r1 0 --average 0 --b1 0.9 --b2 0.999 --no-decay --no-standardize."""

    seed: int = 0
    """Decides every draw, whatever the number of seeds."""
    out: Path = Path("runs/goodfellow_1d")
    """Folder for the results."""
    seeds: int = 32
    """How many GANs to train: together in JAX, one after another in NumPy."""
    backend: Literal["jax", "numpy"] = "jax"
    """Automatic differentiation, or the GAN written by hand."""
    data: Literal["gaussian", "laplace", "mixture", "uniform"] = "gaussian"
    """Shape of p_data. The mixture has two bumps at mean - std and mean + std, each std / 4 wide."""
    mean: float = 4.0
    """Mean of p_data."""
    std: float = 1.25
    """Standard deviation of p_data (for the mixture: of its two centres)."""
    noise: Literal["uniform", "gaussian"] = "uniform"
    """Distribution of z: uniform on [noise-low, noise-high], or N(0, 1)."""
    noise_low: float = -1.0
    """Lower end of uniform noise."""
    noise_high: float = 1.0
    """Upper end of uniform noise."""
    loss: Literal["saturating", "nonsaturating"] = "nonsaturating"
    """G's loss: E log(1 - D(G(z))), eq. (1), or -E log D(G(z)), section 3."""
    discriminator: Literal["pointwise", "set"] = "pointwise"
    """What D judges: single points, or sets of 100 draws with their squared deviations from the set's mean."""
    steps: int | None = None
    """Steps of Algorithm 1. None: 24,000 for the pointwise D, 1,000 for the set D."""
    k: int | None = None
    """Steps of D in each. None: 2 for the pointwise D, 1 for the set D."""
    generator_steps: int | None = None
    """Steps of G in each. None: 1 for the pointwise D, 5 for the set D, as in the textbook."""
    batch: int | None = None
    """Points in a batch. None: 64 for the pointwise D, 800 (8 sets of 100) for the set D."""
    rate_g: float = 1e-3
    """Adam's learning rate of G: well below D's, so that D stays close to its optimum."""
    rate_d: float = 5e-3
    """Adam's learning rate of D."""
    b1: float = 0.0
    """Adam's momentum. 0, because momentum pushes on in a direction that the other player has made wrong."""
    b2: float = 0.99
    """Adam's memory of squared gradients: 100 steps, since their size changes as the other player moves."""
    decay: bool = True
    """Let both learning rates fall linearly to 0, so that the players' circling dies out."""
    r1: float = 0.3
    """Weight of the R1 penalty on D's slope at the data (Mescheder et al. 2018), in standard units. 0: off."""
    average: float = 0.9998
    """Judge a running average of G's parameters with this memory (5,000 steps). 0: judge the newest."""
    standardize: bool = True
    """Let both networks work in units of the data's mean and std, estimated from 10,000 draws."""

    def __post_init__(self):
        is_set = self.discriminator == "set"
        for name, pointwise, of_set in (
            ("steps", 24_000, 1_000),
            ("k", 2, 1),
            ("generator_steps", 1, 5),
            ("batch", 64, 800),
        ):
            if getattr(self, name) is None:
                object.__setattr__(self, name, of_set if is_set else pointwise)
        check.seed("seed", self.seed)
        for name in ("seeds", "steps", "k", "generator_steps", "batch"):
            check.positive_integer(name, getattr(self, name))
        for name in ("std", "rate_g", "rate_d"):
            check.positive(name, getattr(self, name))
        for name in ("b1", "b2", "average"):
            check.fraction(name, getattr(self, name))
        check.nonnegative("r1", self.r1)
        _script.check_choices(self)
        self.p_data(), self.p_z()  # each checks its own parameters
        if self.std < 1e-5 * abs(self.mean):
            raise ValueError(f"std is {self.std}, but must be at least 1e-5 of mean {self.mean}: float32 has 7 digits")
        set_size = networks.SetDiscriminator.set_size
        if is_set and self.batch % set_size:
            raise ValueError(f"batch is {self.batch}, but with --discriminator set must be a multiple of {set_size}")
        if self.backend == "numpy" and (is_set or self.generator_steps > 1):
            raise ValueError("backend is 'numpy', but only 'jax' has --discriminator set and --generator-steps above 1")

    def p_data(self):
        return {
            "gaussian": lambda: Gaussian(self.mean, self.std),
            "laplace": lambda: Laplace(self.mean, self.std / 2**0.5),
            "mixture": lambda: Mixture([self.mean - self.std, self.mean + self.std], self.std / 4),
            "uniform": lambda: Uniform(self.mean - 3**0.5 * self.std, self.mean + 3**0.5 * self.std),
        }[self.data]()

    def p_z(self):
        return Uniform(self.noise_low, self.noise_high) if self.noise == "uniform" else Gaussian(0.0, 1.0)


class Chunk(NamedTuple):
    """What a backend reports after each chunk of steps."""

    measured: dict[str, np.ndarray]  # (seeds, steps in this chunk) for each metric
    x: np.ndarray  # (seeds, EVALUATION): G at evenly spaced noise
    d: np.ndarray | None  # D at figures' x grid, of the first seed; None for a D that judges sets


def in_jax(config: Config, p_data, z: np.ndarray, grid: np.ndarray, units: numpy_gan.Units) -> Iterator[Chunk]:
    """All seeds at once: `vmap` over the states and keys of `train.train`."""
    gan = build(config, units)
    keys = jax.random.split(jax.random.key(config.seed), config.seeds)
    states = jax.jit(jax.vmap(lambda key: train.init(gan, jax.random.fold_in(key, 0))))(keys)
    run_keys = jax.vmap(lambda key: jax.random.fold_in(key, 1))(keys)
    first = jax.tree.map(lambda leaf: leaf[0], states)
    train.check_sampler(gan, first, p_data.sample, run_keys[0])

    advance = jax.jit(
        jax.vmap(lambda state, key, steps: train.train(gan, state, p_data.sample, key, steps), in_axes=(0, 0, None)),
        static_argnums=2,
    )
    generate = jax.jit(jax.vmap(lambda state: train.generate(gan, state, z)[:, 0]))
    probability = jax.jit(lambda state: jax.nn.sigmoid(train.discriminate(gan, state, grid[:, None])))
    for steps in chunk_sizes(config.steps):
        measured = None
        if steps:
            states, measured = advance(states, run_keys, steps)
        first = jax.tree.map(lambda leaf: leaf[0], states)
        d = np.asarray(probability(first)) if config.discriminator == "pointwise" else None
        yield Chunk(jax.device_get(measured), np.asarray(generate(states)), d)


def build(config: Config, units: numpy_gan.Units) -> train.GAN:
    """The GAN that the config describes."""
    if config.discriminator == "set":
        discriminator = networks.SetDiscriminator(HIDDEN, shift=units.shift, scale=units.scale)
    else:
        discriminator = networks.Discriminator(HIDDEN, shift=units.shift, scale=units.scale)

    def adam(rate: float, updates: int) -> optax.GradientTransformation:
        schedule = optax.linear_schedule(rate, 0.0, updates) if config.decay else rate
        return optax.adam(schedule, config.b1, config.b2)

    optimizer_g = adam(config.rate_g, config.steps * config.generator_steps)
    if config.average:
        optimizer_g = optax.chain(optimizer_g, remedies.average_parameters(config.average))
    return train.GAN(
        generator=networks.Generator(HIDDEN, shift=units.shift, scale=units.scale),
        discriminator=discriminator,
        optimizer_g=optimizer_g,
        optimizer_d=adam(config.rate_d, config.steps * config.k),
        sample_noise=config.p_z().sample,
        batch=config.batch,
        k=config.k,
        generator_steps=config.generator_steps,
        generator_loss=config.loss,
        r1=config.r1 * units.scale**2,  # a slope in standard units is scale times one in x
    )


def in_numpy(config: Config, p_data, z: np.ndarray, grid: np.ndarray, units: numpy_gan.Units) -> Iterator[Chunk]:
    """The seeds in turn, a chunk each, by numpy_gan.train_step."""

    def rate(start: float, updates: int):
        return lambda count: start * max(0.0, 1 - count / updates) if config.decay else start

    settings = numpy_gan.Settings(
        rate_g=rate(config.rate_g, config.steps),
        rate_d=rate(config.rate_d, config.steps * config.k),
        b1=config.b1,
        b2=config.b2,
        loss=config.loss,
        r1=config.r1 * units.scale**2,
        average=config.average,
        units=units,
    )
    widths = (1, *HIDDEN, 1)
    generators = [np.random.default_rng([config.seed, i]) for i in range(config.seeds)]
    states = [numpy_gan.init(numpy_gan.init_mlp(r, widths), numpy_gan.init_mlp(r, widths)) for r in generators]

    def draw(rng: np.random.Generator, distribution, *shape: int) -> np.ndarray:
        # Inverse-transform sampling; half a float32 step off 0 and 1 keeps unbounded quantiles finite.
        u = np.clip(rng.uniform(size=shape), 2.0**-24, 1 - 2.0**-24)
        return np.asarray(distribution.quantile(u), np.float64)

    for steps in chunk_sizes(config.steps):
        rows = []
        for i, rng in enumerate(generators):
            data = draw(rng, p_data, steps, config.k, config.batch, 1) if steps else ()
            noise = draw(rng, config.p_z(), steps, config.k + 1, config.batch, 1) if steps else ()
            row = []
            for x, z_batches in zip(data, noise, strict=True):
                states[i], measured = numpy_gan.train_step(settings, states[i], x, z_batches[:-1], z_batches[-1])
                row.append(measured)
            rows.append(row)
        names = rows[0][0] if steps else ()
        measured = {name: np.array([[m[name] for m in row] for row in rows]) for name in names}
        x = np.stack([numpy_gan.generate(state.average_g, z, units)[:, 0] for state in states])
        d = numpy_gan.sigmoid(numpy_gan.discriminate(states[0].params_d, grid[:, None], units))
        yield Chunk(measured, x, d)


def chunk_sizes(steps: int) -> list[int]:
    """0 (the start), then equal chunks, then what is left over."""
    size = max(1, steps // CHUNKS)
    return [0] + [size] * (steps // size) + ([steps % size] if steps % size else [])


def main(config: Config) -> None:
    """Train, judge, draw, save."""
    started = time.perf_counter()
    _script.prepare_folder(config.out)
    p_data, p_z = config.p_data(), config.p_z()
    u = (np.arange(EVALUATION) + 0.5) / EVALUATION
    z = np.asarray(p_z.quantile(u), np.float32)[:, None]
    units = numpy_gan.Units()
    if config.standardize:
        draws = np.asarray(p_data.sample(jax.random.fold_in(jax.random.key(config.seed), 2), 10_000), np.float64)
        units = numpy_gan.Units(float(draws.mean()), float(draws.std()))
    mean, std = p_data.moments()
    grid = np.linspace(mean - 4 * std, mean + 4 * std, figures.GRID)

    run = in_jax if config.backend == "jax" else in_numpy
    chunks, step, stop = [], 0, None
    with _script.progress_bar() as bar:
        task = bar.add_task(f"{config.seeds} GANs", total=config.steps, numbers="compiling")
        for size, chunk in zip(chunk_sizes(config.steps), run(config, p_data, z, grid, units), strict=True):
            stop = first_non_finite(chunk, step, size)
            if stop is not None:
                break
            step += size
            chunks.append((step, chunk))
            numbers = ""
            if size:
                loss_d, loss_g = (float(np.median(chunk.measured[name])) for name in ("loss_d", "loss_g"))
                numbers = f"D's loss {loss_d:.3f}  G's loss {loss_g:.3f}"
            bar.update(task, completed=step, numbers=numbers)

    if not chunks:
        raise FloatingPointError("the networks were non-finite before the first step; nothing was saved")
    measured = [chunk.measured for step, chunk in chunks if step]
    curves = {name: np.concatenate([m[name] for m in measured], axis=1) for name in (measured[0] if measured else ())}
    numbers = judge(config, chunks[-1][1].x, p_data)
    # A single batch's loss is noise: the mean over the last tenth of the steps.
    numbers["at_the_end"] = {
        name: curve[:, -max(1, step // 10) :].mean(axis=1).tolist() for name, curve in curves.items()
    }
    numbers["steps"] = step
    numbers["non_finite_at_step"] = stop
    draw(config, chunks, curves, p_data, z, grid)
    _script.save_result(config.out, config, started, numbers)
    report(config, numbers)
    if stop is not None:
        raise FloatingPointError(f"training went non-finite at step {stop}; what came before it is in {config.out}")


def first_non_finite(chunk: Chunk, step: int, size: int) -> int | None:
    """The first step of the chunk at which a loss of any seed, or after which G itself, is not finite."""
    if size:
        bad = ~np.all([np.isfinite(values) for values in chunk.measured.values()], axis=(0, 1))
        if bad.any():
            return step + int(np.argmax(bad)) + 1
    return None if np.isfinite(chunk.x).all() else step + size


def judge(config: Config, x: np.ndarray, p_data) -> dict:
    """W1, KS and moment errors of every seed's G, and what as many true draws get."""
    mean, std = p_data.moments()

    def scores(samples: np.ndarray) -> dict[str, float]:
        return {
            "ks": metrics.ks_statistic(samples, p_data),
            "w1_over_std": metrics.wasserstein_1d(samples, p_data) / std,
            "mean_error_over_std": (float(np.mean(samples, dtype=np.float64)) - mean) / std,
            "std_error_over_std": (float(np.std(samples, dtype=np.float64)) - std) / std,
        }

    keys = jax.random.split(jax.random.fold_in(jax.random.key(config.seed), 3), config.seeds)
    return {
        "evaluated_on": f"{EVALUATION} evenly spaced z",
        "generators": [scores(row) for row in x],
        "true_draws": [scores(np.asarray(p_data.sample(key, EVALUATION))) for key in keys],
    }


def draw(
    config: Config,
    chunks: list[tuple[int, Chunk]],
    curves: dict[str, np.ndarray],
    p_data,
    z: np.ndarray,
    grid: np.ndarray,
) -> None:
    """The four pictures, of the first seed where only one can be shown."""
    density = np.exp(np.asarray(p_data.log_prob(grid), np.float64))
    frames = [
        figures.Frame(step, grid, density, figures.density_of(chunk.x[0], grid), chunk.d, z[:, 0], chunk.x[0])
        for step, chunk in chunks
    ]
    # Start, early, late, end. Most of the way is gone in the first hundredth of the steps.
    picks = sorted({math.ceil(share * (len(frames) - 1)) for share in (0, 0.008, 0.08, 1)})
    _script.save_figure(config.out, "figure1.png", figures.four_panels([frames[i] for i in picks]))
    # Square-root spacing gives the early steps, where most happens, most of the frames.
    shown = sorted({round((len(frames) - 1) * (i / (FRAMES - 1)) ** 2) for i in range(FRAMES)})
    with _script.replacing(config.out / "training.gif") as path:
        figures.animation([frames[i] for i in shown], path)

    if curves:
        _script.save_figure(config.out, "losses.png", figures.loss_curves(curves, config.loss))
    u = (np.arange(EVALUATION) + 0.5) / EVALUATION
    ideal = np.asarray(p_data.quantile(u), np.float64)
    _script.save_figure(config.out, "quantiles.png", figures.quantile_plot(u, ideal, np.sort(chunks[-1][1].x, axis=1)))


def report(config: Config, numbers: dict) -> None:
    """The headline numbers, the real data's beside them."""
    print(f"{config.seeds} seeds, {numbers['steps']} steps; results in {config.out}")
    print(f"{'median (worst)':24}{'generated':>20}{'true draws':>20}")
    for name, label in (("ks", "KS distance"), ("w1_over_std", "W1 / std")):
        cells = []
        for who in ("generators", "true_draws"):
            values = [scores[name] for scores in numbers[who]]
            cells.append(f"{np.median(values):.4f} ({max(values):.4f})")
        print(f"{label:24}{cells[0]:>20}{cells[1]:>20}")


if __name__ == "__main__":
    _script.command_line(Config, main, __doc__)
