"""When does log(1 - D(G(z))) lose five orders of its gradient on images? One change a row (36 minutes; CIFAR-10: 18).

Arjovsky & Bottou 2017, Figure 2: of a DCGAN's frozen G "in the best case" after 4,000 steps of a fresh D.
Writes orders.png (the norm in each row), fakes.png (those that carry what is left) and result.json.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.progress import phase, progress_bar
from experiments.command.quick import at_most
from experiments.command.results import save_figure, save_result
from experiments.image_runs.gan import build
from experiments.image_runs.images import check_batch, load
from experiments.image_runs.settings import Training
from experiments.pictures import orders as pictures
from experiments.vanishing import changes
from experiments.vanishing.images import at_the_start, learner
from gan_from_scratch import check

WRITES = ("orders.png", "fakes.png", "result.json")
QUICK_IMAGES, QUICK_RUNS = 2_000, 1  # of each data set in --quick: each run is another program to compile


@dataclass(frozen=True)
class Config:
    """Each row is a D of its own kind that learns from scratch against one and the same G."""

    data: Literal["both", "mnist", "cifar10"] = "both"
    """MNIST's digits, CIFAR-10's ten classes, or one after the other."""
    seed: int = 0
    """Decides every draw."""
    out: Path = Path("runs/five_orders")
    """Folder for the results."""
    data_dir: Path | None = None
    """Folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    synthetic: int | None = None
    """Learn that many made-up images instead: needs no files, for a first try."""
    seeds: int = 3
    """Fresh Ds in each row."""
    epochs: int = 1
    """Passes over the data after which G is frozen."""
    d_steps: int = 4000
    """Steps of each D, as in the paper; the row with more has twice as many."""
    batch: int = 64
    """Images in a batch."""
    width: int = 32
    """Channels of the players' layers nearest to the image."""
    quick: bool = False
    """The whole pipeline in less than a minute: at most 2,000 images, 1 epoch, 2 seeds, 40 steps of D, width 8, and the
    first two rows of each data set, which are one run."""

    def __post_init__(self):
        check.choices(self)
        check.seed("seed", self.seed)
        for name in ("seeds", "epochs", "d_steps", "batch", "width"):
            check.positive_integer(name, getattr(self, name))
        if self.synthetic is not None:
            check.positive_integer("synthetic", self.synthetic)
        if self.quick:
            at_most(self, seeds=2, epochs=1, d_steps=40, width=8)


def main(config: Config) -> None:
    """On each data set G learns and is frozen, and Ds of every row learn against it. Saves after each row."""
    started = time.perf_counter()
    names = changes.OF_DATA if config.data == "both" else {config.data: changes.OF_DATA[config.data]}
    training = Training(steps=1, batch=config.batch, width=config.width, average=0.0)  # nothing decays by `steps`
    images, gans = {}, {}
    for data in names:
        found = load(data, "train", config.data_dir, config.synthetic)[0]
        images[data] = found[:QUICK_IMAGES] if config.quick else found
        check_batch(config.batch, len(images[data]))
        gans[data] = build(training, images[data].shape[1:])
    prepare_folder(config.out, "five_orders", WRITES)

    numbers, stages, fakes = {}, {}, {}
    for data, gan in gans.items():
        of_data = names[data][:QUICK_RUNS] if config.quick else names[data]
        numbers[data], stages[data], fakes[data] = [], {}, {}
        for name, stage, shown in rows_on(config, training, gan, images[data], of_data, data):
            numbers[data] += changes.rows(name, stage, config.d_steps)
            stages[data][name], fakes[data][name] = stage, shown
            save_result(config.out, config, started, numbers)
    with phase("drawing pictures"):
        save_figure(config.out, "orders.png", pictures.orders(stages, config.d_steps))
        save_figure(config.out, "fakes.png", pictures.fakes({data: of[changes.SAME] for data, of in fakes.items()}))
    report(numbers, config)


def rows_on(config: Config, training: Training, gan, images: np.ndarray, names: tuple[str, ...], data: str):
    """What changes.runs yields, with a bar."""
    key_init, key_train, key_d = jax.random.split(jax.random.key(config.seed), 3)
    images = jax.device_put(images)
    per_epoch = len(images) // config.batch
    steps_d = sum(changes.moments_of(name, config.d_steps)[-1] for name in names)
    with progress_bar() as bar:
        task = bar.add_task(data, total=config.epochs * per_epoch + config.seeds * steps_d, numbers="compiling")

        def report(steps: int, numbers: str) -> None:
            bar.update(task, advance=steps, numbers=numbers)

        state = learner(gan, images, key_train)(at_the_start(gan, key_init), 0, config.epochs, report)
        keys = list(jax.random.split(key_d, config.seeds))
        yield from changes.runs(gan, training, state, images, names, keys, config.d_steps, report)


def report(numbers: dict[str, list[dict[str, Any]]], config: Config) -> None:
    """The headline numbers, the paper's beside them."""
    print(f"G frozen after epoch {config.epochs}, {config.seeds} fresh Ds in each row; results in {config.out}")
    print(f"{'data':9}{'D':34}{'its steps':>10}{'saturating norm from its peak: orders (range)':>48}")
    for data, rows in numbers.items():
        for row in rows:
            falls = [seed["orders_from_peak"] for seed in row["seeds"]]
            cell = "to 0" if None in falls else f"{np.median(falls):.1f} ({min(falls):.1f} to {max(falls):.1f})"
            print(f"{data:9}{row['row']:34}{row['d_steps']:>10,}{cell:>48}")
    print("Arjovsky & Bottou's Figure 2: 5 orders in the best case after 4,000 steps of D")


if __name__ == "__main__":
    command_line(Config, main, __doc__)
