"""Which images of a set are nearest to a given one."""

import numpy as np


def nearest(images: np.ndarray, among: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """For each image the k nearest others, or all: their places, and root mean square distances over pixels."""
    flat, others = (x.reshape(len(x), -1).astype(np.float32) for x in (images, among))
    squares = (flat**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * flat @ others.T
    order = np.argsort(squares, axis=1, kind="stable")[:, : min(k, len(among))]
    return order, np.sqrt(np.maximum(np.take_along_axis(squares, order, axis=1), 0) / flat.shape[1])
