"""The paper's demo: a generator turns uniform noise into a Gaussian (by default about 2 minutes on 2 cores).

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
import tyro

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.memory import check_training, refuse
from experiments.command.progress import phase, progress_bar
from experiments.command.quick import at_most, smaller
from experiments.command.results import counted, save_figure, save_result
from experiments.gan_1d import scores
from experiments.gan_1d.backends import Chunk, chunk_sizes, in_jax, in_numpy
from experiments.gan_1d.build import build, estimated_units, even_levels, even_noise
from experiments.gan_1d.settings import Settings
from experiments.pictures import line as pictures
from gan_from_scratch import check, numpy_gan
from gan_from_scratch.parallel.mesh import spread_seeds

FRAMES, QUICK_FRAMES = 60, 20  # of the GIF
WRITES = ("figure1.png", "training.gif", "losses.png", "quantiles.png", "result.json")
EVALUATION = 10_000  # draws on which every generator is judged, and evenly spaced z with which it is drawn


@dataclass(frozen=True)
class Config:
    """Algorithm 1 with Adam alone is --k 1 --r1 0 --average 0 --b1 0.9 --b2 0.999 --no-decay --no-standardize."""

    gan: tyro.conf.OmitArgPrefixes[Settings]  # a default would settle what depends on --discriminator
    """The GAN and how it learns."""
    seed: int = 0
    """Decides every draw, whatever the number of seeds."""
    out: Path = Path("runs/goodfellow_1d")
    """Folder for the results."""
    seeds: int = 32
    """How many GANs to train: together in JAX, one after another in NumPy."""
    backend: Literal["jax", "numpy"] = "jax"
    """Automatic differentiation, or the GAN written by hand."""
    devices: int | None = None
    """Devices over which the seeds are spread; it must divide them. None: as many as do."""
    quick: bool = False
    """The whole pipeline in less than a minute: at most 1,200 steps of 4 seeds."""

    def __post_init__(self):
        check.seed("seed", self.seed)
        check.positive_integer("seeds", self.seeds)
        check.choices(self)
        if self.backend == "numpy" and self.devices is not None:
            raise ValueError(f"devices is {self.devices}, but only with backend 'jax' are seeds spread over devices")
        if self.backend == "numpy" and (self.gan.discriminator == "set" or self.gan.generator_steps > 1):
            raise ValueError("backend is 'numpy', but only 'jax' has --discriminator set and --generator-steps above 1")
        if self.quick:
            at_most(self, seeds=4)
            object.__setattr__(self, "gan", smaller(self.gan, steps=1_200))


def main(config: Config) -> None:
    """p_data -> GANs -> trained GANs -> samples -> scores -> pictures."""
    started = time.perf_counter()
    settings, key = config.gan, jax.random.key(config.seed)
    p_data, p_z = settings.p_data(), settings.p_z()
    check_memory(settings, config.seeds)
    units = estimated_units(p_data, jax.random.fold_in(key, 2)) if settings.standardize else numpy_gan.Units()
    if config.backend == "numpy":
        training = in_numpy(settings, units, config.seed, config.seeds)
    else:
        training = in_jax(settings, units, spread_seeds(jax.random.split(key, config.seeds), config.devices))
    prepare_folder(config.out, "goodfellow_1d", WRITES)

    z_even = even_noise(p_z, EVALUATION)
    moments, stop = watched(training, settings.steps, np.tile(z_even, (config.seeds, 1, 1)))
    end, parts = moments[-1], [moment.chunk.measured for moment in moments[1:]]
    curves = {name: np.concatenate([part[name] for part in parts], axis=1) for name in end.chunk.measured}

    with phase("comparing with true draws"):
        keys_x, keys_z = (jax.random.split(jax.random.fold_in(key, i), config.seeds) for i in (3, 4))
        samples = end.chunk.make(np.stack([p_z.sample(key, EVALUATION) for key in keys_z]))
        true_draws = [p_data.sample(key, EVALUATION) for key in keys_x]
        numbers = {
            "draws": EVALUATION,
            "generators": [scores.of_draws(x, p_data) for x in samples],
            "true_draws": [scores.of_draws(np.ravel(x), p_data) for x in true_draws],
            "generators_on_even_z": [scores.of_draws(x, p_data) for x in end.x],
            "ideal_map_on_even_z": scores.of_draws(scores.ideal_on_even_z(p_data, EVALUATION), p_data),
            # A single batch's loss is noise: the mean over the last tenth of the steps.
            "at_the_end": {name: c[:, -max(1, end.step // 10) :].mean(axis=1).tolist() for name, c in curves.items()},
            "steps": end.step,
            "non_finite_at_step": stop,
        }
    save_result(config.out, config, started, numbers)
    report(numbers, config.out)
    frames = QUICK_FRAMES if config.quick else FRAMES
    draw(
        moments, curves, settings.loss, p_data, settings.discriminator == "pointwise", z_even[:, 0], frames, config.out
    )
    if stop is not None:
        raise FloatingPointError(f"training went non-finite at step {stop}; what came before it is in {config.out}")


def check_memory(settings: Settings, seeds: int) -> None:
    """Raise ValueError if this machine cannot hold the training, or what is kept of it to be drawn."""
    check_training("batch or seeds", build(settings, numpy_gan.Units()), settings.p_data().sample, seeds)
    refuse("steps or seeds", 4 * seeds * (len(chunk_sizes(settings.steps)) * EVALUATION + 4 * settings.steps))


class Moment(NamedTuple):
    """The run after so many steps, and each G at evenly spaced noise, (seeds, EVALUATION)."""

    step: int
    chunk: Chunk
    x: np.ndarray


def watched(training: Iterator[Chunk], steps: int, z: np.ndarray) -> tuple[list[Moment], int | None]:
    """All moments of the training; it ends early before the first step whose loss, or G(z), is not finite.

    FloatingPointError if that is so before the first step.
    """
    moments, step = [], 0
    with progress_bar() as bar:
        task = bar.add_task(f"{len(z)} GANs", total=steps, numbers="compiling")
        for chunk in training:
            x = chunk.make(z)
            stop = first_non_finite(chunk, x, step)
            if stop is not None:
                if not moments:
                    raise FloatingPointError("the networks were non-finite before the first step; nothing was saved")
                return moments, stop
            step += chunk.steps
            moments.append(Moment(step, chunk, x))
            numbers = "compiling"
            if chunk.steps:
                loss_d, loss_g = (float(np.median(chunk.measured[name])) for name in ("loss_d", "loss_g"))
                numbers = f"D's loss {loss_d:.3f}  G's loss {loss_g:.3f}"
            bar.update(task, completed=step, numbers=numbers)
    return moments, None


def first_non_finite(chunk: Chunk, x: np.ndarray, step: int) -> int | None:
    """The first step of the chunk at which a loss of any seed, or after which G itself, is not finite."""
    if chunk.steps:
        bad = ~np.all([np.isfinite(values) for values in chunk.measured.values()], axis=(0, 1))
        if bad.any():
            return step + int(np.argmax(bad)) + 1
    return None if np.isfinite(x).all() else step + chunk.steps


@phase("drawing pictures")
def draw(
    moments: list[Moment],
    curves: dict[str, np.ndarray],
    loss: str,
    p_data,
    judges_points: bool,
    z: np.ndarray,
    frames: int,
    out: Path,
) -> None:
    """The four pictures, of the first seed where only one can be shown."""
    mean, std = p_data.moments()
    grid = np.linspace(mean - 4 * std, mean + 4 * std, pictures.GRID)
    density = np.exp(np.asarray(p_data.log_prob(grid), np.float64))

    def frame(moment: Moment) -> pictures.Frame:
        x, d = moment.x[0], moment.chunk.d(grid) if judges_points else None
        return pictures.Frame(moment.step, grid, density, pictures.density_of(x, grid), d, z, x)

    last = len(moments) - 1
    # Start, early, late, end. Most of the way is gone in the first hundredth of the steps.
    picks = sorted({math.ceil(share * last) for share in (0, 0.008, 0.08, 1)})
    save_figure(out, "figure1.png", pictures.figure_1([frame(moments[i]) for i in picks]))
    if curves:
        save_figure(out, "losses.png", pictures.loss_curves(curves, loss))
    ideal = scores.ideal_on_even_z(p_data, len(z))
    end = np.sort(moments[-1].x, axis=1)
    save_figure(out, "quantiles.png", pictures.quantile_plot(even_levels(len(z)), ideal, end))
    # Square-root spacing gives the early steps, where most happens, most of the frames.
    shown = sorted({round(last * (i / (frames - 1)) ** 2) for i in range(frames)})
    pictures.animation([frame(moments[i]) for i in shown], out / "training.gif")


def report(numbers: dict, out: Path) -> None:
    """The headline numbers, the real data's beside them."""
    seeds, steps = counted(len(numbers["generators"]), "seed"), counted(numbers["steps"], "step")
    print(f"{seeds}, {steps}; results in {out}")
    print(f"{'median (worst)':24}{'generated':>20}{'true draws':>20}")
    for name, label in (("ks", "KS distance"), ("w1_over_std", "W1 / std")):
        cells = []
        for who in ("generators", "true_draws"):
            values = [seed[name] for seed in numbers[who]]
            cells.append(f"{np.median(values):.4f} ({max(values):.4f})")
        print(f"{label:24}{cells[0]:>20}{cells[1]:>20}")


if __name__ == "__main__":
    command_line(Config, main, __doc__)
