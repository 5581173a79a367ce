"""Stacked MNIST: which of the thousand kinds of image there are, how evenly, and how good their digits.

Protocol of VEEGAN (Srivastava et al. 2017) and PacGAN (Lin et al. 2018): a classifier of MNIST names each
channel's digit. It names one in any picture, so how clear the digits are stands beside: a G that makes noise finds all
thousand kinds.
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments.command.progress import phase
from experiments.image_runs.classifier import Judge
from gan_from_scratch.images import metrics

KINDS = 1000
# What is measured, how it is called in tables, and how many digits of it mean something.
LABELS = (
    ("kinds", "kinds of 1,000", 0),
    ("kl", "KL to equal shares [nats]", 4),
    ("kl_channels", "of it in single channels [nats]", 4),
    ("class_score", "class score of the digits, 1 to 10", 2),
    ("frechet", "Frechet distance of the digits to test", 3),
)


class Named(NamedTuple):
    """What the judge says of stacked images: how many of each kind, and of each digit its features and probabilities.

    counts (1000,), kind 100 a + 10 b + c for the digits a, b, c of the channels; features (3 n, d);
    probabilities (3 n, 10).
    """

    counts: np.ndarray
    features: np.ndarray
    probabilities: np.ndarray


def digits_of(images: np.ndarray) -> np.ndarray:
    """Images (n, h, w, 3) to their channels as digits (3 n, h, w, 1), an image's three one after the other."""
    return np.moveaxis(images, -1, 1).reshape(-1, *images.shape[1:3], 1)


def named(judge: Judge, images: np.ndarray) -> Named:
    logits, features = judge(digits_of(images))
    kinds = logits.argmax(axis=1).reshape(-1, 3) @ (100, 10, 1)
    probabilities = np.asarray(jax.nn.softmax(logits.astype(np.float64)))
    return Named(np.bincount(kinds, minlength=KINDS), features, probabilities)


def kl_to_equal(counts: np.ndarray) -> float:
    """KL(shares || equal ones) in nats: 0 for equal shares, log 1000 = 6.9 where all of 1000 kinds are one."""
    shares = counts[counts > 0] / counts.sum()
    return float(np.sum(shares * np.log(len(counts) * shares)))


def kl_of_channels(counts: np.ndarray) -> float:
    """The part of `kl_to_equal` of the kinds that is in each channel by itself, the sum over the three.

    KL(p_abc || uniform) is KL(p_a || uniform) + KL(p_b || uniform) + KL(p_c || uniform) + KL(p_abc || p_a p_b p_c), and
    the last is what the digits of an image tell of each other.
    """
    by_channel = counts.reshape(10, 10, 10)
    return sum(kl_to_equal(by_channel.sum(axis=others)) for others in ((1, 2), (0, 2), (0, 1)))


@phase("judging")
def scores(
    judge: Judge, generated: np.ndarray, real: np.ndarray, digits: np.ndarray
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """LABELS and counts of generated and of real images, equally many, uint8 (n, h, w, 3), beside digits (m, h, w, 1).

    KL of real images is not 0, because n images have no equal shares: it is about
    (KINDS - 1) / 2 n, at first order in 1 / n.
    """
    _, reference = judge(digits)
    found = {"generated": named(judge, generated), "real": named(judge, real)}
    numbers = {
        kind: {
            "images": int(of.counts.sum()),
            "kinds": int(np.sum(of.counts > 0)),
            "kl": kl_to_equal(of.counts),
            "kl_channels": kl_of_channels(of.counts),
            "class_score": metrics.class_score(of.probabilities),
            "frechet": metrics.frechet_distance(of.features, reference),
        }
        for kind, of in found.items()
    }
    return numbers, {kind: of.counts for kind, of in found.items()}


def report(numbers: dict[str, Any], out: Path) -> None:
    """The headline numbers, the real images' beside them."""
    speed, made = numbers["images_per_second"], numbers["judged"]["generated"]
    print(f"{numbers['steps']:,} steps at {speed:,.0f} images/s; {made['images']:,} images judged; results in {out}")
    print(f"{'':40}{'generated':>12}{'real digits':>14}")
    for key, label, digits in LABELS:
        cells = [f"{numbers['judged'][who][key]:.{digits}f}" for who in ("generated", "real")]
        print(f"{label:40}{cells[0]:>12}{cells[1]:>14}")
