"""The table of advice, and what the pages say of it."""

from typing import Any

import numpy as np

from experiments.command.results import times
from experiments.tables.markdown import median_and_range, result, table

STRONGEST = 3  # sentences of a kind that a page names


def advice() -> str:
    """Every sentence, on digits the most helpful first, with what it does to frogs where that was tried."""
    digits, frogs = (result("advice")["numbers"][data]["sentences"] for data in ("mnist", "cifar10"))
    rows = []
    for name, sentence in sorted(digits.items(), key=lambda named: middle(named[1])):
        of_frogs = [factor(frogs[name]["factors"]), frogs[name]["verdict"]] if name in frogs else ["", ""]
        least = f"{sentence['least']:.2f}"
        rows.append([sentence["text"], sentence["source"], factor(sentence["factors"]), least, sentence["verdict"],
                     collapsed(sentence), *of_frogs])  # fmt: skip
    return table(
        ["advice", "who gives it", "digits: Frechet distance with / without it, median (range)", "least that counts",
         "verdict", "collapsed runs, with / without it", "frogs: the same", "verdict"],
        rows,
    )  # fmt: skip


def advice_headline() -> str:
    """The sentences of the largest effects again, with networks as wide as the digits' headline run has."""
    small, wide = result("advice"), result("advice_headline")
    rows = [
        [sentence["text"], factor(small["numbers"]["mnist"]["sentences"][name]["factors"]),
         " and ".join(times(each) for each in sentence["factors"])]
        for name, sentence in wide["numbers"]["mnist"]["sentences"].items()
    ]  # fmt: skip
    said = [f"width {of['width']}, {of['steps']:,} steps" for of in (small["config"], wide["config"])]
    return table(["advice", f"{said[0]}: median (range)", f"{said[1]}: each seed"], rows)


def factor(factors: list[float]) -> str:
    return f"{times(np.median(factors))} ({times(min(factors))[2:]} to {times(max(factors))[2:]})"


def middle(sentence: dict[str, Any]) -> float:
    return float(np.median(sentence["factors"]))


def collapsed(sentence: dict[str, Any]) -> str:
    return " / ".join(map(str, sentence["collapsed"])) if any(sentence["collapsed"]) else ""


def of_advice() -> dict[str, str]:
    """Numbers and names for sentences."""
    file = result("advice")
    digits, frogs = (file["numbers"][data] for data in ("mnist", "cifar10"))
    baseline = [run["frechet"] for run in digits["runs"]["baseline"]]
    found = {
        "advice_sentences": str(len(digits["sentences"])),
        "advice_pairs": str(len(baseline)),
        "advice_steps": f"{file['config']['steps']:,}",
        "advice_runs": str(sum(map(len, digits["runs"].values()))),
        "advice_baseline": median_and_range(baseline, 2),
        "advice_frogs": str(len(frogs["sentences"])),
        "advice_frogs_baseline": median_and_range([run["frechet"] for run in frogs["runs"]["baseline"]], 1),
        "advice_frogs_collapsed": str(frogs["collapsed"]),
        "advice_frogs_loss": f"{frogs['loss_and_frechet']:.2f}",
        "advice_collapsed": str(digits["collapsed"]),
        "advice_loss": f"{digits['loss_and_frechet']:.2f}",
    }
    for kind, names in zip(("helps", "harms", "nothing"), digits["verdicts"].values(), strict=False):
        of_kind = [digits["sentences"][name] for name in names]
        found[f"advice_{kind}"] = "; ".join(f"{s['text']} ({times(middle(s))})" for s in of_kind[:STRONGEST])
        found[f"advice_{kind}_count"] = str(len(of_kind))
    return found


TABLES = {function.__name__: function for function in (advice, advice_headline)}
