"""What a space of images is like: nearest neighbours in it, straight lines through it, and how sharp its images are."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.image_runs.classifier import Judge
from experiments.neighbours.latent import PART

POINTS = 11  # of a line, both ends among them: the middle is one of them
MIDDLE = POINTS // 2


def nearest_neighbour(points: np.ndarray, labels: np.ndarray, among: np.ndarray, labels_among: np.ndarray) -> float:
    """The share of points whose nearest neighbour among others has the same label. Rows (n, ...) and labels (n,)."""
    flat, others = (jnp.asarray(x.reshape(len(x), -1), jnp.float32) for x in (points, among))
    found = np.concatenate([_nearest(flat[i : i + PART], others) for i in range(0, len(flat), PART)])
    return float(np.mean(labels_among[found] == labels))


@jax.jit
def _nearest(part: Array, others: Array) -> Array:
    return jnp.argmin((others**2).sum(axis=1) - 2 * part @ others.T, axis=1)  # its own square changes no order


def sharpness(images: np.ndarray) -> float:
    """The variance of the discrete Laplacian over an image's inner pixels; its mean over images uint8 (n, h, w, c).

    Pixels lie in [0, 1]. Blur lowers it (Pech-Pacheco et al. 2000), noise raises it: real images' value is the aim.
    """
    x = images / np.float32(255)
    inner = x[:, 1:-1, 1:-1]
    laplacian = x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:] - 4 * inner
    return float(laplacian.var(axis=(1, 2, 3)).mean())


def lines(a: Array | np.ndarray, b: Array | np.ndarray) -> Array:
    """(1 - t) a + t b at POINTS values of t, as in Goodfellow et al. 2014, figure 3: of (n, ...) (POINTS, n, ...)."""
    t = jnp.linspace(0, 1, POINTS).reshape(POINTS, *(1 for _ in np.shape(a)))
    return (1 - t) * a + t * b


def along_lines(judge: Judge, images: np.ndarray) -> dict[str, Any]:
    """What lies between two images: uint8 (POINTS, n, h, w, c) of n lines.

    sure: the judge's highest probability, on the ends and in the middle. kept: of the lines between two images of one
    class the share whose middle is of that class, None if there is no such line. In pixels, None if no image moves:
    largest_step, its share of all steps' length, 1 / (POINTS - 1) if all are equal; detour, all steps' length over the
    distance of the ends.
    """
    points, n = images.shape[:2]
    logits, _ = judge(images.reshape(-1, *images.shape[2:]))
    probabilities = np.asarray(jax.nn.softmax(logits, axis=-1)).reshape(points, n, -1)
    seen, sure = probabilities.argmax(axis=-1), probabilities.max(axis=-1)
    same = seen[0] == seen[-1]
    flat = images.reshape(points, n, -1).astype(np.float32)
    step = np.linalg.norm(np.diff(flat, axis=0), axis=-1)
    apart, length = np.linalg.norm(flat[-1] - flat[0], axis=-1), step.sum(axis=0)
    moved = apart > 0
    return {
        "lines": n,
        "sure_ends": float(sure[[0, -1]].mean()),
        "sure_middle": float(sure[MIDDLE].mean()),
        "of_one_class": int(same.sum()),
        "kept": float((seen[MIDDLE] == seen[0])[same].mean()) if same.any() else None,
        "largest_step": float((step.max(axis=0)[moved] / length[moved]).mean()) if moved.any() else None,
        "detour": float((length[moved] / apart[moved]).mean()) if moved.any() else None,
    }
