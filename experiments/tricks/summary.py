"""The runs of a data set, put together: what is said of each sentence, and of D's loss."""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.command.results import times
from experiments.tricks import runs, verdicts
from experiments.tricks.sentences import BASELINE, SENTENCES

SHOWN = 12  # strips, so that a sweep of short runs does not make a picture without end
Finished = dict[str, list[dict[str, Any]]]  # the scores of each run's seeds


def of_sentences(names: tuple[str, ...], finished: Finished) -> dict[str, dict[str, Any]]:
    """Of those whose two runs are finished. `factors` are by how much the advice multiplies the Frechet distance.

    `least` is the smallest factor above 1 that could have counted; `collapsed` counts runs with the advice and without.
    """
    found = {}
    for name in names:
        sentence = SENTENCES[name]
        if {sentence.advised, sentence.otherwise} <= finished.keys():
            pair = finished[sentence.advised], finished[sentence.otherwise]
            found[name] = {
                "text": sentence.text,
                "source": sentence.source,
                "factors": np.exp(verdicts.effects(*pair)).tolist(),
                "least": float(np.exp(verdicts.between_seeds(*pair))),
                "collapsed": [verdicts.collapsed(side) for side in pair],
                "verdict": verdicts.verdict(*pair),
            }
    return found


def by_verdict(sentences: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """The names of each verdict's sentences, those first whose median is furthest from 1; of NOTHING the nearest."""
    strength = {name: abs(np.median(np.log(sentence["factors"]))) for name, sentence in sentences.items()}
    ordered = sorted(sentences, key=strength.get, reverse=True)
    found = {verdict: [n for n in ordered if sentences[n]["verdict"] == verdict] for verdict in verdicts.VERDICTS}
    return found | {verdicts.NOTHING: found[verdicts.NOTHING][::-1]}


def in_words(sentence: dict[str, Any]) -> str:
    factors = sentence["factors"]
    return f"{times(np.median(factors))} ({times(min(factors))[2:]} to {times(max(factors))[2:]})"


def loss_and_frechet(finished: Finished) -> float | None:
    """Spearman's rank correlation of D's loss at the end and the Frechet distance over all runs; None for constants.

    Below 0: where D's loss is small the images are bad.
    """
    pairs = points(finished)
    return verdicts.rank_correlation(*zip(*pairs, strict=True)) if pairs else None


def collapsed(finished: Finished) -> int:
    return sum(map(verdicts.collapsed, finished.values()))


def points(finished: Finished) -> list[tuple[float, float]]:
    """(D's loss at the end, Frechet distance) of each run whose loss is a number."""
    every = [run for of_run in finished.values() for run in of_run]
    return [(run["loss_d_at_end"], run["frechet"]) for run in every if run["loss_d_at_end"] is not None]


def to_show(numbers: dict[str, dict[str, Any]], folder: Path) -> dict[str, Path]:
    """Pictures of first seeds by what is said of them: of the baseline, the best, the worst, and collapsed ones.

    At most SHOWN of a data set.
    """
    shown = {}
    for data, found in numbers.items():
        finished = found["runs"]
        middle = {name: np.median([run["frechet"] for run in of_run]) for name, of_run in finished.items()}
        chosen = [
            name for name in (BASELINE, min(middle, key=middle.get), max(middle, key=middle.get)) if name in middle
        ]
        chosen += [name for name, of_run in finished.items() if verdicts.collapsed(of_run)]
        for name in list(dict.fromkeys(chosen))[:SHOWN]:
            first, count = finished[name][0], verdicts.collapsed(finished[name])
            said = f"Frechet {first['frechet']:.2f}, variety {first['variety']:.2f}"
            said += f"; collapsed: {count} of {len(finished[name])}"
            shown[f"{data}, {name}: {said}"] = runs.strip_of(runs.file_of(folder, data, name, first["seed"]))
    return shown
