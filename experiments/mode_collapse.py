"""A GAN loses modes, and a remedy brings them back: a ring or a grid of Gaussians (by default about 3 minutes).

Writes strip.png (densities in time, after each row), curves.png, moving.gif, rows/ (a file for each finished row, which
is not trained again) and result.json. --all is the whole table, hours.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np

from experiments.command.folder import check_writable, prepare_folder
from experiments.command.line import command_line
from experiments.command.memory import check_training, refuse
from experiments.command.progress import phase, progress_bar
from experiments.command.quick import at_most
from experiments.command.results import counted, save_figure, save_result
from experiments.modes import methods, rows
from experiments.pictures import modes as pictures
from gan_from_scratch import check
from gan_from_scratch.distributions import Mixture, grid, ring

DATA = {"ring": ring, "grid": grid}
WRITES = ("strip.png", "curves.png", "moving.gif", "rows/", "result.json")
USUAL = ("gan", "packing-2", "ours-pieces")
SEEDS, ALL_SEEDS = 3, 10


@dataclass(frozen=True)
class Config:
    """All rows have the same networks, batch, steps and optimizer, unless their names say otherwise. Ours are
    relativistic with R1 and R2, with waves in front of D and Adam without momentum."""

    data: Literal["ring", "grid"] = "ring"
    """8 modes around a circle, or 25 on a grid."""
    only: tuple[str, ...] = ()
    """Which rows: gan, saturating, k5, no-momentum, packing-2, packing-4, pacgan, minibatch, unrolled-5, r1,
    relativistic, ours, ours-modes, ours-average, ours-pieces. Empty: gan, packing-2 and ours-pieces."""
    all: bool = False
    """Every row, with 10 seeds."""
    seeds: int | None = None
    """GANs in a row, trained together. None: 3; with --all 10."""
    steps: int = 10_000
    """Steps of Algorithm 1."""
    seed: int = 0
    """Decides every draw."""
    out: Path = Path("runs/mode_collapse")
    """Folder for the results."""
    devices: int | None = None
    """Devices over which the seeds are spread; it must divide them. None: as many as do."""
    quick: bool = False
    """The whole pipeline in less than a minute: at most 2 rows, 1 seed, 64 steps."""

    def __post_init__(self):
        check.choices(self)
        if self.all and self.only:
            raise ValueError(f"only is {self.only!r:.200}, but with --all it must be left out")
        for name in self.only:
            check.one_of("only", name, methods.METHODS)
        if len({*self.only}) < len(self.only):
            raise ValueError(f"only is {self.only!r:.200}, but must name each row once")
        if not self.only:
            object.__setattr__(self, "only", tuple(methods.METHODS) if self.all else USUAL)
        if self.seeds is None:
            object.__setattr__(self, "seeds", ALL_SEEDS if self.all else SEEDS)
        check.seed("seed", self.seed)
        for name in ("seeds", "steps"):
            check.positive_integer(name, getattr(self, name))
        if self.quick:
            at_most(self, seeds=1, steps=64)
            object.__setattr__(self, "only", self.only[:2])


def main(config: Config) -> None:
    """Data -> a GAN for each row -> trained from every seed -> scores -> pictures."""
    started = time.perf_counter()
    data, key, out = DATA[config.data](), jax.random.key(config.seed), config.out
    gans = {name: methods.build(name, data, config.steps) for name in config.only}
    for gan in gans.values():
        check_training("seeds", gan, data.sample, config.seeds)
    refuse("seeds", 8 * config.seeds * (rows.MOMENTS + 2) * rows.DRAWN * 4)
    real = rows.of_real_data(data, jax.random.fold_in(key, 1), config.seeds)
    draws = np.asarray(data.sample(jax.random.fold_in(key, 2), rows.DRAWN))
    about = {name: getattr(config, name) for name in ("data", "seeds", "steps", "seed")}
    prepare_folder(out, "mode_collapse", WRITES)
    check_writable("out", out / "rows")

    finished = {}
    with progress_bar() as bar:
        task = bar.add_task("mode_collapse", total=len(gans) * config.steps, numbers="compiling")
        for i, (name, gan) in enumerate(gans.items()):
            title, path = methods.METHODS[name].title, out / "rows" / f"{name}.npz"
            bar.update(task, completed=i * config.steps, numbers=f"{title}: compiling")
            about_row = about | {"row": title}
            row = rows.load(path, about_row)
            if row is None:

                def tell(step: int, i: int = i, title: str = title) -> None:
                    bar.update(task, completed=i * config.steps + step, numbers=title)

                sample_data = methods.sampler(name, data, jax.random.fold_in(key, 3))
                row = rows.run(
                    gan, data, sample_data, jax.random.fold_in(key, 0), config.seeds, config.steps, tell, config.devices
                )
                rows.save(row, path, about_row)
            finished[title] = row
            bar.update(task, completed=(i + 1) * config.steps, numbers=f"{title}: {in_words(row, data)}")
            save_result(
                out, config, started, {"real": real, "rows": {title: scored(row) for title, row in finished.items()}}
            )
            save_figure(out, "strip.png", pictures.strip(finished, data, draws))
    with phase("drawing pictures"):
        save_figure(out, "curves.png", pictures.curves(finished, len(data.means), float(np.median(real["kl"]))))
        pictures.moving(collapse_and_remedy(finished), data, out / "moving.gif")
    report(finished, real, config)


def scored(row: rows.Row) -> dict[str, Any]:
    """A row's scores at its end, for each seed, and its cost."""
    steps = int(row.steps[-1])
    return {name: row.scores[name][-1].tolist() for name in rows.SCORES} | {
        "steps": steps,
        "seconds_per_1000_steps": round(row.seconds / steps * 1000, 2),
    }


def collapse_and_remedy(finished: dict[str, rows.Row]) -> dict[str, rows.Row]:
    """The row that ends with the highest KL, in the median over seeds, and the last one."""
    *_, last = finished
    worst = max(finished, key=lambda title: np.median(finished[title].scores["kl"][-1]))
    return {title: finished[title] for title in (worst, last)}


def in_words(row: rows.Row, data: Mixture) -> str:
    return f"{np.median(row.scores['modes'][-1]):g} of {len(data.means)} modes"


def report(finished: dict[str, rows.Row], real: dict[str, list[float]], config: Config) -> None:
    """A line for each row, medians and worst seeds, the real data's last."""
    print(f"{config.data}: {counted(config.seeds, 'seed')}, {counted(config.steps, 'step')}; results in {config.out}")
    print(f"{'median (worst)':42}{'modes':>12}{'near [%]':>16}{'KL':>18}{'width':>14}{'s / 1,000 steps':>17}")
    for title, row in finished.items():
        score = {name: row.scores[name][-1] for name in rows.SCORES}
        print(f"{title:42}{line(score)}{1000 * row.seconds / row.steps[-1]:>17.1f}")
    print(f"{'real data':42}{line({name: np.array(values) for name, values in real.items()})}")


def line(score: dict[str, np.ndarray]) -> str:
    """Of a width the worst is the one furthest from 1."""
    near, width = 100 * score["high_quality"], score["spread"]
    cells = (
        f"{np.median(score['modes']):g} ({score['modes'].min():g})",
        f"{np.median(near):.1f} ({near.min():.1f})",
        f"{np.median(score['kl']):.4f} ({score['kl'].max():.4f})",
        f"{np.median(width):.2f} ({width[np.argmax(np.abs(width - 1))]:.2f})",
    )
    return "".join(f"{cell:>{size}}" for cell, size in zip(cells, (12, 16, 18, 14), strict=True))


if __name__ == "__main__":
    command_line(Config, main, __doc__)
