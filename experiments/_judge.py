"""Generated images against test images, and training images against the same test images."""

from typing import Any

import jax
import numpy as np

from experiments import classifier
from gan_from_scratch import data, metrics

# What `judged` measures, how it is called in tables, and how many digits of it mean something.
LABELS = (
    ("class_score", "class score, 1 to 10", 2),
    ("frechet", "Frechet distance to test", 3),
    ("precision", "precision", 3),
    ("recall", "recall", 3),
    ("density", "density", 3),
    ("coverage", "coverage", 3),
)


def judged(judge: classifier.Judge, name: str, kinds: dict[str, np.ndarray], test: np.ndarray) -> dict[str, Any]:
    """For each kind of images, uint8 and as many as test ones, what the classifier of data set `name` says.

    How clear and how varied (class_score), how far from the test images in its features (frechet), how well spread
    over them (coverage), and how often it sees which class.
    """
    _, reference = judge(test)
    numbers = {}
    for kind, images in kinds.items():
        logits, features = judge(images)
        probabilities = np.asarray(jax.nn.softmax(logits.astype(np.float64)))
        seen = logits.argmax(axis=1)
        numbers[kind] = {
            "images": len(images),
            "class_score": metrics.class_score(probabilities),
            "frechet": metrics.frechet_distance(features, reference),
            **metrics.coverage(reference, features)._asdict(),
            "class_shares": {label: float(np.mean(seen == i)) for i, label in enumerate(data.CLASSES[name])},
        }
    return numbers
