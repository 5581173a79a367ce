"""Generated images against test images, and training images against the same test images."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.command.progress import phase
from experiments.image_runs.classifier import Judge
from gan_from_scratch import data
from gan_from_scratch.images import metrics

# What is measured, how it is called in tables, and how many digits of it mean something.
LABELS = (
    ("class_score", "class score, 1 to 10", 2),
    ("frechet", "Frechet distance to test", 3),
    ("precision", "precision", 3),
    ("recall", "recall", 3),
    ("density", "density", 3),
    ("coverage", "coverage", 3),
)


def number_to_judge(wanted: int, test: int) -> int:
    """Of each kind: as many as wanted, and there are test images. ValueError if they are too few to have neighbours."""
    if min(wanted, test) <= metrics.NEIGHBOURS:
        raise ValueError(
            f"samples is {wanted} and there are {test} test images, but more than {metrics.NEIGHBOURS} of each must be"
            " judged"
        )
    return min(wanted, test)


@phase("judging")
def scores(judge: Judge, name: str, generated: np.ndarray, train: np.ndarray, test: np.ndarray) -> dict[str, Any]:
    """What the classifier of data set `name` says of generated and of real images, all uint8 (n, h, w, c).

    How clear and how varied (class_score), how far from the test images in its features (frechet), how well spread
    over them (coverage), and how often it sees which class. Equally many of each kind, as distances need it; the
    training images evenly spaced through their set, so that a file's order does not matter.
    """
    n = len(generated)
    real = train[np.linspace(0, len(train) - 1, n).round().astype(int)]
    _, reference = judge(test[:n])
    kinds = {"generated": generated, "real": real}
    return {kind: of_images(judge, name, images, reference) for kind, images in kinds.items()}


def of_images(judge: Judge, name: str, images: np.ndarray, reference: np.ndarray) -> dict[str, Any]:
    """One kind of images against the features of the test images."""
    logits, features = judge(images)
    probabilities = np.asarray(jax.nn.softmax(logits.astype(np.float64)))
    seen = logits.argmax(axis=1)
    return {
        "images": len(images),
        "class_score": metrics.class_score(probabilities),
        "frechet": metrics.frechet_distance(features, reference),
        **metrics.coverage(reference, features)._asdict(),
        "class_shares": {label: float(np.mean(seen == i)) for i, label in enumerate(data.CLASSES[name])},
    }


def report(numbers: dict[str, Any], out: Path) -> None:
    """The headline numbers, the real images' beside them."""
    speed, made = numbers["images_per_second"], numbers["judged"]["generated"]
    print(f"{numbers['steps']:,} steps at {speed:,.0f} images/s; {made['images']:,} images judged; results in {out}")
    print(f"{'':28}{'generated':>12}{'training images':>18}")
    for key, label, digits in LABELS:
        cells = [f"{numbers['judged'][who][key]:.{digits}f}" for who in ("generated", "real")]
        print(f"{label:28}{cells[0]:>12}{cells[1]:>18}")
    shares = [made["class_shares"], numbers["judged"]["real"]["class_shares"]]
    common = [label for label in shares[1] if max(share[label] for share in shares) >= 0.01]
    print("share of each class, generated / training images [%]:")
    print("  " + "  ".join(f"{label} {100 * shares[0][label]:.1f}/{100 * shares[1][label]:.1f}" for label in common))
