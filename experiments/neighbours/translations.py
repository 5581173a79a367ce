"""Digits from one domain to another: each kind of losses learns from several starts, and what comes out is judged."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.command.results import counted
from experiments.image_runs.classifier import Judge
from experiments.neighbours import unpaired
from experiments.neighbours.races import Follow, raced
from experiments.neighbours.translation import Game, Weights, start, translated
from gan_from_scratch.data import Dataset


class Learning(NamedTuple):
    """How all kinds of losses learn."""

    game: Game
    follow: Follow  # (weights, state, x, y, key, steps) -> (state, values)
    starts: int
    race: int  # steps of each start, after which the best goes on alone
    steps: int
    tell: Callable[[int], None]  # of steps done
    say: Callable[[str], None]  # which kind is at work


def of_task(
    learning: Learning,
    weights: dict[str, Weights],
    task: unpaired.Task,
    digits: np.ndarray,
    test: Dataset,
    judge: Judge,
    keys: Sequence[Array],
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, dict[str, np.ndarray]]]:
    """Of each kind its scores, one for each key, and the first one's translations to look at."""
    begin, translate = (jax.jit(partial(function, learning.game)) for function in (start, translated))
    x, y = (jnp.asarray(images) for images in unpaired.domains(digits, task))
    found, shown = {kind: [] for kind in weights}, {}
    for kind, of_kind in weights.items():
        for key in keys:
            learning.say(kind)
            follow = partial(learning.follow, of_kind, x=x, y=y)
            key_start, key_angle, key_race, key_noise = jax.random.split(key, 4)
            starts = jax.random.split(key_start, learning.starts)
            states = unpaired.at_angles([begin(each, jnp.zeros((1, *x.shape[1:]))) for each in starts], key_angle)
            state, values = raced(follow, states, key_race, learning.race, learning.steps, learning.tell)
            g, f = (partial(translate, player.params) for player in (state.g, state.f))
            scores = unpaired.scored(g, f, task, test, judge, key_noise)
            found[kind].append(scores | {"values_of_starts": values})
            shown.setdefault(kind, unpaired.examples(g, f, task, test[0]))
    return found, shown


def report(numbers: dict[str, Any], cycle: float, seeds: int, out: Path) -> None:
    """The plane's starts, and medians over seeds of the digits."""
    print(f"lambda {cycle:g}, {counted(seeds, 'seed')}; results in {out}")
    for name, of_seeds in numbers["plane"].items():
        starts = [start for of_seed in of_seeds for start in of_seed]
        best = min(starts, key=lambda start: start["value"])
        print(f"{name}: {sum(start['reflects'] for start in starts)} of {len(starts)} starts end at a reflection; "
              f"error {min(of['measured'] for of in starts):.3f} to {max(of['measured'] for of in starts):.3f}, "
              f"of the start with the lowest objective {best['measured']:.3f}")  # fmt: skip
    print(f"N(0, I): measured and predicted errors differ by at most {100 * numbers['off_the_formula']:.1f} %")
    print(f"{'medians':36}{'paired / chance':>17}{'label agreement [%]':>21}{'cycle':>9}{'cycle, noisy':>14}")
    for name, kinds in numbers["digits"].items():
        chance = numbers["chance"][name]
        for kind, of_seeds in kinds.items():
            paired, agree, cycle, noisy = (
                np.median([of[what] for of in of_seeds]) for what in ("paired", "agreement", "cycle", "cycle_noisy")
            )
            ratio = paired / chance["paired"]
            print(f"{f'{name}, {kind}':36}{ratio:>17.3f}{100 * agree:>21.1f}{cycle:>9.4f}{noisy:>14.4f}")
        print(f"{f'{name}, a random other digit':36}{1:>17.3f}{100 * chance['agreement']:>21.1f}")
        print(f"{f'{name}, the mean image':36}{chance['paired_of_mean'] / chance['paired']:>17.3f}")
        print(f"{f'{name}, the truth':36}{0:>17.3f}{100 * chance['judge']:>21.1f}{0:>9.4f}{unpaired.NOISE**2:>14.4f}")
