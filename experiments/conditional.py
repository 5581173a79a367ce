"""Class-conditional GANs: ask for a digit, and get it (16 minutes a seed).

Three ways to tell D the class: beside x (Mirza & Osindero 2014), by a projection (Miyato & Koyama 2018), and AC-GAN's
(Odena et al. 2017), whose D also names it.
Writes line.png, digits.png, overlap.png, with --class digit_*.png, and result.json.
"""

import math
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from jax import Array

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.progress import phase, progress_bar
from experiments.command.quick import at_most
from experiments.command.results import save_figure, save_result
from experiments.image_runs.classifier import check_cache, learning_for, trained
from experiments.image_runs.images import check_batch, load
from experiments.image_runs.settings import DIGITS
from experiments.neighbours import conditional_report, labelled, on_the_line
from experiments.neighbours.models import of_module
from experiments.pictures import conditional as pictures
from experiments.pictures.images import save_picture, tiles
from gan_from_scratch import check, data, losses, train
from gan_from_scratch.neighbours.classifiers import ConvolutionalClassifier

# 1. AC-GAN's objectives (Odena et al. 2017, eqs. (2), (3)). Of D's two outputs a judges and log C(y|x) names the class:
#        L_S = E log D(x) + E log(1 - D(G(z))),      L_C = E log C(y|x) + E log C(y|G(z)),
#    D maximises L_S + L_C and G maximises L_C - L_S, here with Goodfellow's non-saturating loss for its half of L_S.
#    The other two ways of telling D the class need no objective of their own: Algorithm 1's value, of pairs (x, y).


def auxiliary_loss_d(real: Array, fake: Array) -> Array:
    """-(L_S + L_C), of D's outputs (n, 2)."""
    return losses.discriminator_loss(real[:, 0], fake[:, 0]) - jnp.mean(real[:, 1]) - jnp.mean(fake[:, 1])


def auxiliary_loss_g(fake: Array, real: Array, weight: float) -> Array:
    """-E log D(G(z)) - weight E log C(y|G(z))."""
    return losses.generator_loss_nonsaturating(fake[:, 0]) - weight * jnp.mean(fake[:, 1])


# 2. The exact case: p(x|y) = N(m, 1) and N(-m, 1), both classes as likely. A D of pairs leaves G one optimum, p(x|y),
#    with standard deviation 1. AC-GAN's a sees x alone and asks for the marginal p(x); L_C asks for samples whose class
#    is sure. With a small weight of L_C that is a G that cuts p(x) at 0 and labels by sign: each class half of the
#    mixture. (A larger weight draws G out to where C is surer, and the marginal is lost as well.)


def std_if_labelled_by_sign(m: float) -> float:
    """Of |x|, where x is +-m + N(0, 1): E x^2 = 1 + m^2, E |x| = m (2 Phi(m) - 1) + 2 Phi'(m)."""
    mean = m * (2 * phi(m) - 1) + 2 * math.exp(-(m**2) / 2) / math.sqrt(2 * math.pi)
    return math.sqrt(1 + m**2 - mean**2)


def phi(m: float) -> float:
    """Phi, the normal distribution function: with probability Phi(m) the sign of m + N(0, 1) is m's."""
    return (1 + math.erf(m / math.sqrt(2))) / 2


WEIGHTS = {"concatenated": (0.0,), "projection": (0.0,), "AC-GAN": (1.0, 0.1)}  # of L_C in G's loss; 1 is Odena's
M = (0.5, 1.0, 2.0)
LINE = tuple((way, weight) for way, weights in WEIGHTS.items() for weight in weights)
WAYS = tuple(WEIGHTS)


def with_objectives(gan: train.GAN, way: str, weight: float) -> train.GAN:
    """AC-GAN's in place of Algorithm 1's; of the other ways the GAN as it is."""
    if way != "AC-GAN":
        return gan
    return replace(gan, loss_d=auxiliary_loss_d, loss_g=partial(auxiliary_loss_g, weight=weight))


# 3. Digits.

OVERLAP = {"projection": ("projection", 0.0), "AC-GAN": ("AC-GAN", 1.0), "AC-GAN, weight 3": ("AC-GAN", 3.0)}
WIDTH = 32  # half of mnist_dcgan's, for a quarter of its time
RATE_D = 2e-4  # half of mnist_dcgan's: with its own this D soon wins
WRITES = ("line.png", "digits.png", "overlap.png", *(f"digit_{way}.png" for way in WAYS), "result.json")


@dataclass(frozen=True)
class Config:
    """Digits by width 32; the exact case has settings of its own."""

    digit: Annotated[int | None, tyro.conf.arg(name="class")] = None
    """Draw a hundred digits of this class, too. None: a row of each class alone."""
    seed: int = 0
    """Decides every draw."""
    seeds: int = 1
    """GANs of each kind."""
    steps: int = 4000
    """Steps of Algorithm 1 for digits; half as many for the two classes that overlap."""
    line_steps: int = 8000
    """Steps on the line."""
    batch: int = 64
    """Digits in a batch."""
    samples: int = 10_000
    """Digits of each GAN that are judged: as many of each class as among the first so many test digits."""
    out: Path = Path("runs/conditional")
    """Folder for the results."""
    data_dir: Path | None = None
    """Folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    synthetic: int | None = None
    """Learn that many made-up images instead: needs no files, for a first try."""
    cache: Path | None = None
    """Folder in which the classifier that judges is kept. None: the user's cache folder."""
    quick: bool = False
    """The whole pipeline in less than a minute: 1 seed, 20 steps, on the line 200; a small judge sees 1,000 digits."""

    def __post_init__(self):
        if self.digit is not None and (type(self.digit) is not int or self.digit not in range(10)):
            raise ValueError(f"class is {self.digit}, but must be a digit from 0 to 9")
        check.seed("seed", self.seed)
        for name in ("seeds", "steps", "line_steps", "batch", "samples"):
            check.positive_integer(name, getattr(self, name))
        if self.batch < 2:
            raise ValueError(f"batch is {self.batch}, but must be at least 2: BatchNorm compares an image with others")
        if self.synthetic is not None:
            check.positive_integer("synthetic", self.synthetic)
        if self.quick:
            at_most(self, seeds=1, steps=20, line_steps=200, samples=1_000)


def main(config: Config) -> None:
    """The line, against its closed form -> digits -> two classes that overlap -> their judgement -> pictures."""
    started = time.perf_counter()
    digits, test = (load("mnist", split, config.data_dir, config.synthetic, config.quick) for split in data.SPLITS)
    check_batch(config.batch, len(digits[0]))
    test = tuple(each[: config.samples] for each in test)
    if len(test[0]) < labelled.BATCH:
        least = f"must be at least {labelled.BATCH}, from which a classifier can learn"
        raise ValueError(f"samples is {config.samples}, with {len(test[0])} test images, but {least}")
    shape = digits[0].shape[1:]
    overlapping = labelled.overlapping(*digits, config.seed)
    learning = learning_for("mnist", config.synthetic, config.quick)
    training = replace(DIGITS, steps=config.steps, batch=config.batch, rate_d=RATE_D)
    training = replace(training, width=8 if config.quick else WIDTH)
    with phase("building the networks"):
        gans = {way: with_objectives(labelled.build(way, 10, training, shape), way, 1.0) for way in WAYS}
    classifier = of_module(ConvolutionalClassifier(), shape)
    check_cache(config.cache)
    prepare_folder(config.out, "conditional", WRITES)
    judge, _ = trained(learning, digits, config.cache)
    # Each way meets the same draws: what differs is D.
    keys = [named_keys(jax.random.fold_in(jax.random.key(config.seed), i)) for i in range(config.seeds)]
    numbers, made = {"digits": {}, "overlap": {}}, []

    with progress_bar() as bar:
        task = bar.add_task("the line", total=len(LINE), numbers="")
        for way, weight in LINE:
            bar.update(task, numbers=way)
            gan = with_objectives(on_the_line.build(way, config.line_steps), way, weight)
            made.append(on_the_line.learnt(gan, M, [of["line"] for of in keys], config.line_steps))
            bar.advance(task)
        numbers["line"] = line_of(made)
        save_result(config.out, config, started, numbers)

        half = -(-config.steps // 2)
        task = bar.add_task(
            "digits", total=config.seeds * (len(WAYS) * config.steps + len(OVERLAP) * half), numbers="compiling"
        )
        tell, asked, grids, pairs = partial(bar.update, task), {}, {}, {}
        for way, gan in gans.items():
            found = numbers["digits"][way] = []
            for of in keys:
                state = labelled.played(gan, *digits, 10, of["digits"], config.steps, tell)
                tell(numbers="judging")
                found.append(labelled.judged(judge, classifier, gan, state, test, of["judge"]))
                grids.setdefault(way, labelled.images_of(gan, state, np.repeat(np.arange(10), 10), 10, of["show"]))
                if config.digit is not None:
                    y = np.full(100, config.digit)
                    asked.setdefault(way, labelled.images_of(gan, state, y, 10, of["show one"]))
        numbers["real"] = [labelled.judged_real(judge, classifier, digits, test, of["real"]) for of in keys]
        for name, (way, weight) in OVERLAP.items():
            gan = with_objectives(labelled.build(way, 2, replace(training, steps=half), shape), way, weight)
            found = numbers["overlap"][name] = []
            for of in keys:
                state = labelled.played(gan, *overlapping, 2, of["overlap"], half, tell)
                y = np.repeat([0, 1], labelled.EACH)
                images = labelled.images_of(gan, state, y, 2, of["zeros"])
                found.append(labelled.zeros(judge, images, y))
                pairs.setdefault(name, images[[*range(20), *range(labelled.EACH, labelled.EACH + 20)]])
        numbers["overlap"]["real digits"] = [labelled.zeros(judge, *overlapping)]
    save_result(config.out, config, started, numbers)
    conditional_report.report(numbers, config.seeds, config.out)
    with phase("drawing pictures"):
        save_figure(config.out, "line.png", pictures.line(LINE, M, [np.asarray(of_m[:, 0]) for of_m in made]))
        save_figure(config.out, "digits.png", pictures.digits(grids, 10, beside=True))
        save_figure(config.out, "overlap.png", pictures.digits(pairs, 20, beside=False))
        for way, images in asked.items():
            save_picture(tiles(images, 10), config.out / f"digit_{way}.png")


def named_keys(key: Array) -> dict[str, Array]:
    """Of a seed."""
    names = ("line", "digits", "judge", "show", "show one", "real", "overlap", "zeros")
    return dict(zip(names, jax.random.split(key, len(names)), strict=True))


def line_of(made: list[Array]) -> list[dict[str, Any]]:
    """Of each line of LINE its samples (m, seeds, n, 3): a row for each m. FloatingPointError if one is not finite."""
    if not all(np.isfinite(of_m).all() for of_m in made):
        raise FloatingPointError("the training on the line went non-finite: choose more line_steps")
    return [
        {
            "m": m,
            "way": way,
            "weight": weight,
            "exact": std_if_labelled_by_sign(m) if way == "AC-GAN" else 1.0,
            "sign_of_data": phi(m),
            "seeds": [on_the_line.judged(xy) for xy in of_seeds],
        }
        for (way, weight), of_m in zip(LINE, made, strict=True)
        for m, of_seeds in zip(M, of_m, strict=True)
    ]


if __name__ == "__main__":
    command_line(Config, main, __doc__)
