"""Why log(1 - D(G(z))) stops learning: both generator gradients on one network (3 minutes; --data mnist: 31).

Writes gradient_vanishing.png (four panels), stages.png and result.json; with --data mnist only the last two, for a
DCGAN that is frozen after 1, 10 and 25 epochs.

    a  both losses and their slopes as functions of D's logit
    b  the closed form: p_g = N(theta, 1) against p_data = N(0, 1) with the optimal D (Arjovsky & Bottou, Theorem 2.5)
    c  G frozen, D trained from scratch: the norm of both gradients in G's parameters (their Figures 2 and 3)
    d  what it costs: how many GANs arrive at the data with each loss, and after how many steps
"""

import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import jax
import numpy as np

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.memory import check_training
from experiments.command.progress import phase, progress_bar
from experiments.command.quick import at_most
from experiments.command.results import save_figure, save_result
from experiments.image_runs.gan import build
from experiments.image_runs.images import check_batch, load
from experiments.image_runs.settings import Training
from experiments.pictures import vanishing as pictures
from experiments.vanishing import both_gradients, closed_form, images
from experiments.vanishing.frozen_line import frozen_generator, plain_gan, summary
from experiments.vanishing.races import race
from gan_from_scratch import check, losses
from gan_from_scratch.parallel.mesh import spread_seeds

WRITES = ("gradient_vanishing.png", "stages.png", "result.json")
MARKS = (0.5, 0.1, 1e-3, 1e-6)  # D(G(z)) at which panel a reads off losses and slopes
STAGES = (0, 100, 4000)  # steps of Algorithm 1 after which G is frozen
# Mean of p_data, 1.25 wide, and steps of D to one of G in panel d. The first G makes numbers from -1 to 1.
SETTINGS = ((4.0, 1), (4.0, 10), (10.0, 1), (10.0, 10))
QUICK_DIGITS = 2_000  # of which --quick makes its epoch
QUICK_STAGES, QUICK_SETTINGS = STAGES[:2], SETTINGS[::2]  # each stage and setting is another program to compile
FAR = 10.0  # mean of p_data in panel c


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
    devices: int | None = None
    """toy: devices over which the seeds are spread; it must divide them. None: as many as do."""
    data_dir: Path | None = None
    """mnist: folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    synthetic: int | None = None
    """mnist: learn that many made-up images instead, for a first try."""
    epochs: tuple[int, ...] = (1, 10, 25)
    """mnist: passes over the data after which G is frozen, in rising order."""
    width: int = 32
    """mnist: channels of the DCGAN's layers nearest to the image, half of mnist_dcgan's to save time."""
    quick: bool = False
    """The whole pipeline in less than a minute: at most 2 seeds and 160 steps of each player, two of three stages and
    of four settings; of MNIST 1 epoch of 2,000 digits and width 8."""

    def __post_init__(self):
        check.choices(self)
        unused = (
            ("data_dir", "synthetic", "epochs", "width")
            if self.data == "toy"
            else ("fresh_d", "steps", "optimizer", "devices")
        )
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in unused and value != field.default:
                shown = value if isinstance(value, Path) else repr(value)
                raise ValueError(f"{field.name} is {shown}, but --data {self.data} has no use for it")
        for name, toy, mnist in (("seeds", 16, 3), ("d_steps", 8000, 4000)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, toy if self.data == "toy" else mnist)
        check.seed("seed", self.seed)
        for name in ("seeds", "d_steps", "steps", "batch", "width"):
            check.positive_integer(name, getattr(self, name))
        check.positive("fresh_d", self.fresh_d)
        if not self.epochs or list(self.epochs) != sorted({*self.epochs}) or self.epochs[0] < 1:
            raise ValueError(f"epochs is {self.epochs}, but must be whole numbers from 1 on, each above the one before")
        if self.quick:
            at_most(self, seeds=2, d_steps=160, steps=160, width=8)
            object.__setattr__(self, "epochs", self.epochs[:1])


def main(config: Config) -> None:
    """Compute, save, draw."""
    if config.data == "mnist":
        of_mnist(config)
    else:
        of_the_line(config)


def of_mnist(config: Config) -> None:
    """Panel c for a DCGAN that is frozen after some epochs."""
    started = time.perf_counter()
    digits, _ = load("mnist", "train", config.data_dir, config.synthetic)
    digits = digits[:QUICK_DIGITS] if config.quick else digits
    check_batch(config.batch, len(digits))
    # Nothing decays, so `steps` decides nothing. G without an average: the paper's newest parameters are frozen.
    gan = build(Training(steps=1, batch=config.batch, width=config.width, average=0.0), digits.shape[1:])
    prepare_folder(config.out, "gradient_vanishing", WRITES)
    stages = images.frozen_after_epochs(gan, digits, config.epochs, config.seeds, config.d_steps, config.seed)
    numbers = [both_gradients.summary_of_stage(stage) for stage in stages]
    save_result(config.out, config, started, {"mnist": numbers})
    with phase("drawing a picture"):
        save_figure(config.out, "stages.png", pictures.epochs(stages))
    report_mnist(numbers, config.d_steps, config.out)


def of_the_line(config: Config) -> None:
    """The 1-D GAN."""
    started = time.perf_counter()
    far, data = plain_gan(FAR, config.batch, max(k for _, k in SETTINGS), "nonsaturating")
    check_training("batch or seeds", far, data.sample, config.seeds)
    prepare_folder(config.out, "gradient_vanishing", WRITES)
    keys = spread_seeds(jax.random.split(jax.random.key(config.seed), config.seeds), config.devices)
    freeze_after, settings = (QUICK_STAGES, QUICK_SETTINGS) if config.quick else (STAGES, SETTINGS)
    runs = [(*setting, loss) for setting in settings for loss in losses.GENERATOR_LOSSES]
    with progress_bar() as bar:
        task = bar.add_task("gradient_vanishing", total=len(freeze_after) + len(runs) + 1, numbers="the closed form")
        marks = closed_form.losses_and_slopes(np.log(np.array(MARKS) / (1 - np.array(MARKS))))
        closed = closed_form.gradients(config.seed)
        stages = []
        for steps in freeze_after:
            bar.update(task, advance=1, numbers=f"D learns against G after {steps} steps")
            stages.append(frozen_generator(FAR, config.batch, steps, config.d_steps, config.fresh_d, keys))
        races = []
        for mean, k, loss in runs:
            bar.update(task, advance=1, numbers=f"p_data at {mean:g}, k = {k}, {loss}")
            races.append(race(mean, k, loss, config.batch, config.steps, config.optimizer == "sgd", keys))
        bar.update(task, advance=1, numbers="done")
    numbers = {
        "a_slopes": {name: values.tolist() for name, values in marks.items()},
        "b_closed_form": closed_form.summary(closed),
        "c_frozen_generator": [summary(stage) for stage in stages],
        "d_races": races,
    }
    save_result(config.out, config, started, numbers)
    with phase("drawing pictures"):
        slopes = closed_form.losses_and_slopes(np.linspace(-16, 6, 400))
        panels = pictures.all_panels(slopes, marks, closed, stages[0], races)
        save_figure(config.out, "gradient_vanishing.png", panels)
        save_figure(config.out, "stages.png", pictures.three_stages(stages))
    report(numbers, config.out)


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


def report_mnist(numbers: list[dict], d_steps: int, out: Path) -> None:
    """The headline numbers, the paper's beside them."""
    print(f"MNIST, G frozen, {len(numbers[0]['seeds'])} fresh Ds of {d_steps:,} steps each; results in {out}")
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


if __name__ == "__main__":
    command_line(Config, main, __doc__)
