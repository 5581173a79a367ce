"""Adversarial examples: a step too small to matter to us, and the network is wrong (2 minutes a seed).

Goodfellow et al. 2015. Beside classifiers a GAN's D is attacked: how far does the same step move its verdict on real
and on generated digits, and what does a penalty on D's slope, R1, change?
Writes adversarial.png, epsilons.png and result.json.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.progress import phase, progress_bar
from experiments.command.quick import at_most
from experiments.command.results import counted, save_figure, save_result
from experiments.image_runs.images import check_batch, load
from experiments.neighbours import under_attack
from experiments.neighbours.d_under_attack import GAN_R1, attack_on_d
from experiments.neighbours.learning import cross_entropy, learn, to_pixels
from experiments.neighbours.models import Model, logistic, of_module
from experiments.pictures import adversarial as pictures
from gan_from_scratch import check, data
from gan_from_scratch.neighbours import classifiers

# 1. The attack. J(theta, x, y) is a classifier's cross entropy.


def fast_gradient_sign(model: Model, params: Any, x: Array, y: Array, eps: float, key: Array | None = None) -> Array:
    """x~ = x + eps sign(grad_x J(theta, x, y)), section 4: of all steps of at most eps in each pixel the one that
    raises a J that is linear in x most.

    x~ may leave [0, 1], as the paper's does: cut off there it would be a smaller step.
    """
    return x + eps * jnp.sign(jax.grad(cross_entropy, argnums=2)(model, params, x, y, key))


# 2. The exact case. For logistic regression, y = +-1 and J = softplus(-y (w.x + b)), sign(grad_x J) = -y sign(w), so
#        y (w.x~ + b) = y (w.x + b) - eps |w|_1:
# the worst step that there is, and an image is taken for the other digit exactly where the right side is negative.
# (Section 5 has this with y = +1.)


def adversarial_margin(params: dict[str, Array], x: np.ndarray, y: np.ndarray, eps: float) -> np.ndarray:
    """y (w.x + b) - eps |w|_1 of each image, in float64."""
    w, b = (np.asarray(params[name], np.float64) for name in ("w", "b"))
    return y * (np.tensordot(x, w, 3) + b) - eps * np.abs(w).sum()


def compared(model: Model, params: dict[str, Array], images: np.ndarray, y: np.ndarray, eps: float) -> dict[str, Any]:
    """On how many images the formula and the attack, by automatic differentiation, give one verdict, and the error."""
    x = np.asarray(to_pixels(images), np.float64)
    attacked = fast_gradient_sign(model, params, jnp.asarray(x, jnp.float32), jnp.asarray(y), eps)
    after = adversarial_margin(params, np.asarray(attacked, np.float64), y, 0.0)
    formula = adversarial_margin(params, x, y, eps)
    return {
        "images": len(x),
        "agree": int(((formula < 0) == (after < 0)).sum()),
        "formula_error": float((formula < 0).mean()),
        "largest_difference_of_margins": float(np.abs(formula - after).max()),
    }


# 3. Training on adversarial examples, and its control: on random signs of the same size (section 6).


def adversarial_loss(model: Model, params: Any, x: Array, y: Array, key: Array | None, eps: float) -> Array:
    """J(x) / 2 + J(x~) / 2 with x~ made anew in each step. Through x~ no gradient flows: the slope of a sign is 0."""
    attacked = fast_gradient_sign(model, params, x, y, eps, key)
    return (cross_entropy(model, params, x, y, key) + cross_entropy(model, params, attacked, y, key)) / 2


def noisy_loss(model: Model, params: Any, x: Array, y: Array, key: Array, eps: float) -> Array:
    """J(x) / 2 + J(x + eps s) / 2, s random signs."""
    signs = jax.random.rademacher(jax.random.fold_in(key, 1), x.shape, x.dtype)
    return (cross_entropy(model, params, x, y, key) + cross_entropy(model, params, x + eps * signs, y, key)) / 2


# 4. Digits.

WRITES = ("adversarial.png", "epsilons.png", "result.json")
PAIR = (3, 7)  # the paper's, for logistic regression: y = 1 and y = -1
GAN_STEPS, QUICK_GAN_STEPS = 1_500, 20  # the first is enough for strokes
PAPER = {  # error in % after an attack with eps .25: sections 4 to 6
    "logistic regression, 3 against 7": "99", "softmax regression": "99.9", "maxout": "89.4",
    "maxout, trained on attacks": "17.9", "maxout, trained on random signs": "86.2",
}  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Errors are shares of MNIST's 10,000 test digits."""

    eps: float = 0.25
    """Step in each pixel, of a range of 1."""
    seed: int = 0
    """Decides every draw."""
    seeds: int = 1
    """Trainings of each classifier, and of each GAN."""
    epochs: int = 5
    """Passes over the training digits."""
    batch: int = 128
    """Digits in a batch."""
    out: Path = Path("runs/adversarial_examples")
    """Folder for the results."""
    data_dir: Path | None = None
    """Folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    synthetic: int | None = None
    """Learn that many made-up images instead: needs no files, for a first try."""
    quick: bool = False
    """The whole pipeline in less than a minute: 1 epoch of 12,000 digits, 1 seed, 20 steps of the GANs."""

    def __post_init__(self):
        check.rate("eps", self.eps)
        check.seed("seed", self.seed)
        for name in ("seeds", "epochs", "batch"):
            check.positive_integer(name, getattr(self, name))
        if self.synthetic is not None:
            check.positive_integer("synthetic", self.synthetic)
        if self.quick:
            at_most(self, seeds=1, epochs=1)


def main(config: Config) -> None:
    """Digits -> classifiers -> their errors under attack -> two GANs' Ds under the same attack -> pictures."""
    started = time.perf_counter()
    digits, test = (load("mnist", split, config.data_dir, config.synthetic, config.quick) for split in data.SPLITS)
    of_pair, test_of_pair = pair(*digits), pair(*test)
    check_batch(config.batch, len(of_pair[0]))
    prepare_folder(config.out, "adversarial_examples", WRITES)
    images = digits[0]
    shape = images.shape[1:]
    regression, maxout = logistic(shape, PAIR), of_module(classifiers.MaxoutClassifier(), shape)
    softmax, convolutions = (
        of_module(module, shape) for module in (classifiers.SoftmaxRegression(), classifiers.ConvolutionalClassifier())
    )
    rows = {
        "logistic regression, 3 against 7": (regression, cross_entropy, of_pair, test_of_pair),
        "softmax regression": (softmax, cross_entropy, digits, test),
        "maxout": (maxout, cross_entropy, digits, test),
        "maxout, trained on attacks": (maxout, partial(adversarial_loss, eps=config.eps), digits, test),
        "maxout, trained on random signs": (maxout, partial(noisy_loss, eps=config.eps), digits, test),
        "convolutions": (convolutions, cross_entropy, digits, test),
    }
    numbers = {"paper_attacked": PAPER, "rows": {}, "by_eps": {}, "exact": [], "d": {"plain D": [], "D with R1": []}}
    shown = {}
    with progress_bar() as bar:
        task = bar.add_task("learning", total=config.seeds * (len(rows) * config.epochs + 2), numbers="")
        tell = partial(bar.advance, task)
        for name, (model, objective, learnt, judged_on) in rows.items():
            bar.update(task, numbers=name)
            found, by_eps = (numbers[kind].setdefault(name, []) for kind in ("rows", "by_eps"))
            attack = jax.jit(partial(fast_gradient_sign, model))
            for key_learn, key_judge, _ in keys_of(config):
                params = learn(model, objective, *learnt, key_learn, config.epochs, config.batch, tell)
                found.append(under_attack.judged(model, attack, params, *judged_on, config.eps, key_judge))
                by_eps.append(under_attack.errors(model, attack, params, *judged_on))
                if model is regression:
                    numbers["exact"].append(compared(model, params, *judged_on, config.eps))
                shown.setdefault(name, under_attack.examples(model, attack, params, *judged_on, config.eps))
            save_result(config.out, config, started, numbers)
        for name, r1 in (("plain D", 0.0), ("D with R1", GAN_R1)):
            bar.update(task, numbers=name)
            for *_, key_gan in keys_of(config):
                steps = QUICK_GAN_STEPS if config.quick else GAN_STEPS
                numbers["d"][name].append(attack_on_d(images, r1, config.eps, steps, key_gan))
                bar.advance(task)
    save_result(config.out, config, started, numbers)
    with phase("drawing pictures"):
        save_figure(config.out, "adversarial.png", pictures.examples(shown, config.eps))
        save_figure(config.out, "epsilons.png", pictures.errors(under_attack.EPSILONS, numbers["by_eps"]))
    report(numbers, config)


def keys_of(config: Config) -> Iterator[Array]:
    """Of each training one to learn, one to be judged and a GAN's."""
    return (jax.random.split(jax.random.fold_in(jax.random.key(config.seed), i), 3) for i in range(config.seeds))


def pair(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The images of PAIR's classes, and +-1. ValueError if one class has none."""
    if not {*PAIR} <= {*labels.tolist()}:
        raise ValueError(f"the images show the digits {sorted({*labels.tolist()})}, but must show {PAIR} among others")
    which = np.isin(labels, PAIR)
    return images[which], np.where(labels[which] == PAIR[0], 1, -1)


def report(numbers: dict[str, Any], config: Config) -> None:
    """Medians over seeds, the paper's numbers beside them."""
    print(f"eps {config.eps:g}, medians over {counted(config.seeds, 'seed')}; results in {config.out}")
    print(f"{'error [%]':34}{'clean':>8}{'attacked':>10}{'random signs':>14}{'paper, attacked, eps .25':>26}")
    for name, of_seeds in numbers["rows"].items():
        clean, attacked, signs = (
            np.median([100 * of[kind]["error"] for of in of_seeds]) for kind in under_attack.KINDS[:3]
        )
        print(f"{name:34}{clean:>8.1f}{attacked:>10.1f}{signs:>14.1f}{PAPER.get(name, '-'):>26}")
    agree = ", ".join(f"{of['agree']:,} of {of['images']:,}" for of in numbers["exact"])
    print(f"logistic regression: formula and attack agree on {agree} images")
    for name, of_seeds in numbers["d"].items():
        moved, turned = (
            " and ".join(f"{np.median([of[kind][what] for of in of_seeds]):.2f}" for kind in ("real", "fake"))
            for what in ("logit_moved", "turned_over")
        )
        print(f"{name}: logits of real and fake digits move by {moved}; of its verdicts turn over: {turned}")


if __name__ == "__main__":
    command_line(Config, main, __doc__)
