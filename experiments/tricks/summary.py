"""The runs of a data set, put together: what is said of each sentence, and of D's loss."""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.tricks import runs, verdicts
from experiments.tricks.sentences import BASELINE, SENTENCES

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
    """The names of the sentences of each verdict, those first whose median is furthest from 1."""
    strength = {name: abs(np.median(np.log(sentence["factors"]))) for name, sentence in sentences.items()}
    ordered = sorted(sentences, key=strength.get, reverse=True)
    return {verdict: [n for n in ordered if sentences[n]["verdict"] == verdict] for verdict in verdicts.VERDICTS}


def in_words(sentence: dict[str, Any]) -> str:
    factors = sentence["factors"]
    return f"x {np.median(factors):.2f} ({min(factors):.2f} to {max(factors):.2f})"


def loss_and_frechet(finished: Finished) -> float | None:
    """Spearman's rank correlation of D's loss at the end and the Frechet distance over all runs; None for too few.

    Below 0: where D's loss is small the images are bad.
    """
    pairs = points(finished)
    return verdicts.rank_correlation(*zip(*pairs, strict=True)) if len(pairs) > 2 else None


def points(finished: Finished) -> list[tuple[float, float]]:
    """(D's loss at the end, Frechet distance) of each run whose loss is a number."""
    every = [run for of_run in finished.values() for run in of_run]
    return [(run["loss_d_at_end"], run["frechet"]) for run in every if run["loss_d_at_end"] is not None]


def to_show(numbers: dict[str, Any], folder: Path) -> dict[str, Path]:
    """Pictures of runs by what is said of them: a first seed of the baseline, the best, the worst; all collapsed."""
    shown = {}
    for data, found in numbers.items():
        middle = {name: np.median([run["frechet"] for run in of_run]) for name, of_run in found["runs"].items()}
        chosen = [(name, 0) for name in (BASELINE, min(middle, key=middle.get), max(middle, key=middle.get))]
        chosen += [
            (name, i)
            for name, of_run in found["runs"].items()
            for i, run in enumerate(of_run)
            if verdicts.collapsed([run])
        ]
        for name, i in dict.fromkeys(chosen):
            if name in found["runs"]:
                run = found["runs"][name][i]
                title = (
                    f"{data}, {name}, seed {run['seed']}: Frechet {run['frechet']:.2f}, variety {run['variety']:.2f}"
                )
                shown[title] = runs.file_of(folder, data, name, run["seed"]).with_suffix(".png")
    return shown
