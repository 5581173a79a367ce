"""How far generated images are from real ones, in the features and the class probabilities of a classifier.

On the host in float64, because differences lose digits. Features are (n, d), probabilities (n, classes).
"""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from gan_from_scratch import check

NEIGHBOURS = 5  # as Naeem et al. 2020 recommend
Features = Float[np.ndarray | jax.Array, "_ d"]


def frechet_distance(features_a: Features, features_b: Features) -> float:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), of means m and covariances C. Heusel et al. 2017, eq. (6).

    The squared 2-Wasserstein distance between two Gaussians with these moments: 0 if and only if they agree. With
    few samples it is too large, so only distances of equally many samples compare.
    """
    (mean_a, cov_a), (mean_b, cov_b) = _moments("features_a", features_a), _moments("features_b", features_b)
    if mean_a.shape != mean_b.shape:
        raise ValueError(
            f"features_a has {len(mean_a)} columns and features_b {len(mean_b)}, but they must have equally many"
        )
    # The eigenvalues of C_a C_b are those of the symmetric R C_b R with R^2 = C_a, whose rounding errors are harmless.
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cov_b @ root), 0)).sum()
    distance = np.sum((mean_a - mean_b) ** 2) + np.trace(cov_a) + np.trace(cov_b) - 2 * overlap
    return float(max(distance, 0.0))  # identical sets may end a rounding error below 0


def class_score(probabilities: Float[np.ndarray | jax.Array, "n classes"]) -> float:
    """exp E_x KL(p(y|x) || p(y)), from 1 to the number of classes. Salimans et al. 2016, section 4.

    High if every sample is clearly of one class and all classes are equally common. With Inception's probabilities
    it is the Inception score.
    """
    p = np.asarray(probabilities, np.float64)
    check.all_finite("probabilities", p)
    if p.ndim != 2 or np.any(p < 0) or not np.allclose(p.sum(axis=1), 1, atol=1e-4):
        raise ValueError(f"probabilities has shape {p.shape}, but must have rows of probabilities that sum to 1")
    marginal = p.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * (np.log(p) - np.log(marginal)), 0)  # 0 log 0 = 0
    return float(np.exp(terms.sum(axis=1).mean()))


class Coverage(NamedTuple):
    """How well samples and data overlap; see `coverage`. Each is a share, except for density, which may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def coverage(real: Features, fake: Features, k: int = NEIGHBOURS) -> Coverage:
    """Four numbers from balls around points, each reaching to the k-th nearest neighbour of its own kind.

    precision (Kynkaanniemi et al. 2019): fakes inside some real ball; recall: reals inside some fake ball.
    density (Naeem et al. 2020): real balls around a fake, over k, so that one outlier's huge ball counts little;
    coverage: real balls with a fake in them. For equal distributions density is 1, coverage about 1 - 2^-k.
    """
    real, fake = _matrix("real", real), _matrix("fake", fake)
    check.positive_integer("k", k)
    for name, points in (("real", real), ("fake", fake)):
        if len(points) <= k:
            raise ValueError(f"{name} has {len(points)} rows, but must have more than k = {k}")
    radius_real, radius_fake = _radii(real, k), _radii(fake, k)
    in_real, in_fake, covered = np.zeros(len(fake), int), 0, 0
    for start in range(0, len(real), ROWS):
        here = slice(start, start + ROWS)
        distance = _distances(real[here], fake)
        inside = distance <= radius_real[here, None]
        in_real += inside.sum(axis=0)
        covered += inside.any(axis=1).sum()
        in_fake += (distance <= radius_fake).any(axis=1).sum()
    return Coverage(
        precision=float(np.mean(in_real > 0)),
        recall=float(in_fake / len(real)),
        density=float(np.mean(in_real) / k),
        coverage=float(covered / len(real)),
    )


ROWS = 1000  # of a table of distances that is in memory at a time: 80 MB for 10,000 points


def _radii(points: Float[np.ndarray, "n d"], k: int) -> Float[np.ndarray, " n"]:
    """The distance of each point to its k-th nearest other one."""
    parts = [points[start : start + ROWS] for start in range(0, len(points), ROWS)]
    # The nearest of all is the point itself, at 0.
    return np.concatenate([np.partition(_distances(part, points), k, axis=1)[:, k] for part in parts])


def _distances(a: Float[np.ndarray, "m d"], b: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "m n"]:
    return np.sqrt(squared_distances(a, b))


def squared_distances(a: Float[np.ndarray, "m d"], b: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "m n"]:
    """|a_i - b_j|^2 = |a_i|^2 + |b_j|^2 - 2 a_i b_j, as one matrix product; errors of rounding do not go below 0."""
    squares = np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1) - 2 * a @ b.T
    return np.maximum(squares, 0)


def _moments(name: str, features: Features) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, "d d"]]:
    x = _matrix(name, features)
    if len(x) < 2:
        raise ValueError(f"{name} has {len(x)} rows, but must have at least 2: one sample has no covariance")
    return x.mean(axis=0), np.cov(x, rowvar=False).reshape(x.shape[1], x.shape[1])


def _matrix(name: str, features: Features) -> Float[np.ndarray, "n d"]:
    x = np.asarray(features, np.float64)
    if x.ndim != 2:
        raise ValueError(f"{name} has shape {x.shape}, but must have shape (n, d)")
    check.all_finite(name, x)
    return x
