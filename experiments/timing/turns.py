"""Contenders timed in turns: what benchmark measures with."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from experiments.command.progress import progress_bar


@dataclass(frozen=True)
class Contender:
    """`run(n)` takes n steps, a multiple of `chunk`, each of them `amount` units of work."""

    run: Callable[[int], object]
    chunk: int
    amount: int = 1


def timed(contenders: dict[str, Contender], round_count: int, seconds: float) -> dict[str, dict[str, float | None]]:
    """Units of work per second of each contender, and the ratio to the best of PyTorch's.

    In each round every contender has its turn of about `seconds`.
    """
    rounds = {name: [] for name in contenders}
    with progress_bar() as bar:
        task = bar.add_task("rounds", total=round_count, numbers="compiling")
        steps = {name: steps_for(contender, seconds) for name, contender in contenders.items()}
        for _ in range(round_count):
            for name, contender in contenders.items():
                bar.update(task, numbers=name)
                rounds[name].append(contender.amount * steps[name] / seconds_of(contender.run, steps[name]))
            bar.advance(task)
    pytorch = [name for name in contenders if name.startswith("PyTorch")]
    best = max(pytorch, key=lambda name: np.median(rounds[name]), default=None)
    return {
        name: {
            "per_second": float(np.median(speeds)),
            "slowest_round": min(speeds),
            "fastest_round": max(speeds),
            # Ratios are taken inside each round, where both met the same machine.
            "times_pytorch": float(np.median(np.divide(speeds, rounds[best]))) if best else None,
        }
        for name, speeds in rounds.items()
    }


def seconds_of(run: Callable[[int], object], steps: int) -> float:
    started = time.perf_counter()
    run(steps)
    return time.perf_counter() - started


def steps_for(contender: Contender, seconds: float) -> int:
    """A whole number of chunks that takes about `seconds`, after a warm-up that also compiles."""
    contender.run(contender.chunk)
    return contender.chunk * max(1, round(seconds / seconds_of(contender.run, contender.chunk)))
