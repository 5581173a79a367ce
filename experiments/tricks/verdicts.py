"""What five pairs of runs say of a sentence: the rule, and nothing else."""

from typing import Any

import numpy as np

VERDICTS = HELPS, HARMS, NOTHING, TOO_FEW = "helps", "harms", "no difference at this size", "too few pairs"
PAIRS = 5  # with fewer one sign for all comes too often by chance
COLLAPSED = 0.25  # of the variance of the test images' features: set before the table was run


def effects(advised: list[dict[str, Any]], otherwise: list[dict[str, Any]]) -> np.ndarray:
    """log Frechet distance with the advice minus without it, of each pair of runs from one seed: below 0 it helped."""
    return logs(advised) - logs(otherwise)


def logs(runs: list[dict[str, Any]]) -> np.ndarray:
    return np.log([run["frechet"] for run in runs])


def between_seeds(advised: list[dict[str, Any]], otherwise: list[dict[str, Any]]) -> float:
    """The larger standard deviation of log Frechet between the seeds of one side; 0 for a single seed.

    The smallest effect that can count: a median within it is what another choice of seeds might show as well.
    """
    return max(float(np.std(logs(side), ddof=1)) if len(side) > 1 else 0.0 for side in (advised, otherwise))


def verdict(advised: list[dict[str, Any]], otherwise: list[dict[str, Any]]) -> str:
    """HELPS or HARMS if all pairs have one sign and their median is beyond the spread between seeds, else NOTHING.

    Five pairs of one sign are not rare by chance (1 in 16), so each verdict is one at this size. Fewer have none.
    """
    if len(advised) < PAIRS:
        return TOO_FEW
    found, least = effects(advised, otherwise), between_seeds(advised, otherwise)
    if all(found < 0) and -np.median(found) > least:
        return HELPS
    if all(found > 0) and np.median(found) > least:
        return HARMS
    return NOTHING


def collapsed(runs: list[dict[str, Any]]) -> int:
    """How many make images whose features vary less than COLLAPSED, or none at all."""
    return sum(run["variety"] < COLLAPSED for run in runs)


def rank_correlation(a: list[float], b: list[float]) -> float | None:
    """Spearman's: Pearson's correlation of the ranks; equal values share their mean rank. None for constants."""
    if len({*a}) < 2 or len({*b}) < 2:
        return None
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def ranks(values: list[float]) -> np.ndarray:
    values = np.asarray(values)
    return np.array([np.sum(values < value) + (np.sum(values == value) - 1) / 2 for value in values])
