"""The table of advice, and what the pages say of it."""

from typing import Any

import numpy as np

from experiments.command.results import times
from experiments.tables.markdown import median_and_range, result, table

STRONGEST = 3  # sentences of a kind that a page names


def advice() -> str:
    """Every sentence on digits, the most helpful first."""
    digits = result("advice")["numbers"]["mnist"]["sentences"]
    rows = [
        [sentence["text"], sentence["source"], factor(sentence["factors"]),
         f"{sentence['least']:.2f}", sentence["verdict"], collapsed(sentence)]
        for sentence in sorted(digits.values(), key=middle)
    ]  # fmt: skip
    return table(
        ["advice", "who gives it", "Frechet distance with / without it, median (range)", "least that counts",
         "verdict", "collapsed runs, with / without it"],
        rows,
    )  # fmt: skip


def factor(factors: list[float]) -> str:
    return f"{times(np.median(factors))} ({times(min(factors))[2:]} to {times(max(factors))[2:]})"


def middle(sentence: dict[str, Any]) -> float:
    return float(np.median(sentence["factors"]))


def collapsed(sentence: dict[str, Any]) -> str:
    return " / ".join(map(str, sentence["collapsed"])) if any(sentence["collapsed"]) else ""


def of_advice() -> dict[str, str]:
    """Numbers and names for sentences."""
    file = result("advice")
    digits = file["numbers"]["mnist"]
    baseline = [run["frechet"] for run in digits["runs"]["baseline"]]
    found = {
        "advice_sentences": str(len(digits["sentences"])),
        "advice_pairs": str(len(baseline)),
        "advice_steps": f"{file['config']['steps']:,}",
        "advice_runs": str(sum(map(len, digits["runs"].values()))),
        "advice_baseline": median_and_range(baseline, 2),
        "advice_collapsed": str(digits["collapsed"]),
        "advice_loss": f"{digits['loss_and_frechet']:.2f}",
    }
    for kind, names in zip(("helps", "harms", "nothing"), digits["verdicts"].values(), strict=False):
        of_kind = [digits["sentences"][name] for name in names]
        found[f"advice_{kind}"] = "; ".join(f"{s['text']} ({times(middle(s))})" for s in of_kind[:STRONGEST])
        found[f"advice_{kind}_count"] = str(len(of_kind))
    return found


TABLES = {function.__name__: function for function in (advice,)}
