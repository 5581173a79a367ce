"""A trained classifier under an attack: its errors on test digits, and some of the digits."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.neighbours.learning import to_pixels
from experiments.neighbours.models import Model

JUDGED = 1_000  # images in one call
KINDS = ("clean", "attacked", "random signs", "rubbish")
SURE = 0.5  # of rubbish: a probability above which it counts as taken for a digit (Goodfellow et al. 2015, appendix A)
EPSILONS = tuple(round(0.05 * i, 2) for i in range(9))  # of the curves, 0 to .4
SHOWN = 4  # digits of a row in the picture

Attack = Callable[[Any, Array, Array, float], Array]  # (parameters, x, y, eps) -> x~


def judged(
    model: Model, attack: Attack, params: Any, images: np.ndarray, labels: np.ndarray, eps: float, key: Array
) -> dict[str, dict[str, float | None]]:
    """Of test images as they are, attacked, and moved by random signs: the share taken for another digit.

    Rubbish is N(0, I); its error is the share that is taken for any digit.
    """

    @jax.jit
    def of_part(params, x, attacked, y, key):
        key_signs, key_rubbish = jax.random.split(key)
        signs, rubbish = jax.random.rademacher(key_signs, x.shape, x.dtype), jax.random.normal(key_rubbish, x.shape)
        found = []
        for name, kind in zip(KINDS, (x, attacked, x + eps * signs, rubbish), strict=True):
            logits = model.logits(params, kind, None)
            confidence = model.confidence(logits)
            found.append((confidence > SURE if name == "rubbish" else model.label(logits) != y, confidence))
        return found

    parts = []
    for i in range(0, len(images), JUDGED):
        x, y = to_pixels(images[i : i + JUDGED]), jnp.asarray(labels[i : i + JUDGED], jnp.int32)
        parts.append(of_part(params, x, attack(params, x, y, eps), y, jax.random.fold_in(key, i)))
    found = {}
    for name, of_kind in zip(KINDS, zip(*parts, strict=True), strict=True):
        wrong, confidence = (np.concatenate(each) for each in zip(*of_kind, strict=True))
        when_wrong = float(confidence[wrong].mean()) if wrong.any() else None
        found[name] = {"error": float(wrong.mean()), "confidence_when_wrong": when_wrong}
    return found


def errors(model: Model, attack: Attack, params: Any, images: np.ndarray, labels: np.ndarray) -> list[float]:
    """On the first test images the error after a step of each of EPSILONS, in the direction that x has."""
    x, y = to_pixels(images[:JUDGED]), jnp.asarray(labels[:JUDGED], jnp.int32)
    wrong = partial(jax.jit(lambda params, x: model.label(model.logits(params, x, None)) != y), params)
    return [float(wrong(attack(params, x, y, eps)).mean()) for eps in EPSILONS]


def examples(
    model: Model, attack: Attack, params: Any, images: np.ndarray, labels: np.ndarray, eps: float
) -> list[dict[str, Any]]:
    """The first test image of some labels: as it is, the step, and their sum, with what the model says of both."""
    found = []
    present = np.unique(labels)
    for label in present[:: max(1, len(present) // SHOWN)][:SHOWN]:
        x, y = to_pixels(images[labels == label][:1]), jnp.asarray([label], jnp.int32)
        after = attack(params, x, y, eps)
        logits = [model.logits(params, each, None) for each in (x, after)]
        found.append(
            {
                "images": [np.asarray(each[0, ..., 0]) for each in (x, after - x, after)],
                "digits": [model.digit(int(model.label(a)[0])) for a in logits],
                "confidence": [float(model.confidence(a)[0]) for a in logits],
            }
        )
    return found
