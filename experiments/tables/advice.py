"""The table of advice, and what its README lines say of it."""

from typing import Any

import numpy as np

from experiments.tables.markdown import median_and_range, result, table

STRONGEST = 3  # sentences of a kind that the README names


def advice() -> str:
    """Every sentence: digits' effect, which sorts them, and frogs'."""
    digits, frogs = (found["sentences"] for found in result("advice")["numbers"].values())
    rows = []
    for name in sorted(digits, key=lambda name: middle(digits[name])):
        sentence = digits[name]
        other = [*effect(frogs[name]), collapsed(frogs[name])] if name in frogs else ["", "", ""]
        rows.append([sentence["text"], sentence["source"], *effect(sentence), collapsed(sentence), *other])
    return table(
        ["with the advice / without it", "who says so", "digits: Frechet, median (range)", "verdict",
         "collapsed, with / without", "frogs: Frechet, median (range)", "verdict", "collapsed, with / without"],
        rows,
    )  # fmt: skip


def middle(sentence: dict[str, Any]) -> float:
    return float(np.median(sentence["factors"]))


def effect(sentence: dict[str, Any]) -> list[str]:
    return [f"× {median_and_range(sentence['factors'], 2)}", sentence["verdict"]]


def collapsed(sentence: dict[str, Any]) -> str:
    return " / ".join(map(str, sentence["collapsed"])) if any(sentence["collapsed"]) else ""


def of_advice() -> dict[str, str]:
    """Numbers and names for sentences."""
    digits, frogs = result("advice")["numbers"].values()
    of_both = {"digits": digits, "frogs": frogs}
    found = {
        "advice_sentences": str(len(digits["sentences"])),
        "advice_sentences_frogs": str(len(frogs["sentences"])),
        "advice_pairs": str(len(digits["runs"]["baseline"])),
    }
    for data, numbers in of_both.items():
        baseline = [run["frechet"] for run in numbers["runs"]["baseline"]]
        found |= {
            f"advice_baseline_{data}": median_and_range(baseline, 2),
            f"advice_least_{data}": f"{np.exp(np.std(np.log(baseline), ddof=1)):.2f}",
            f"advice_loss_{data}": f"{numbers['loss_and_frechet']:.2f}",
            f"advice_runs_{data}": str(sum(map(len, numbers["runs"].values()))),
        }
    for kind, names in zip(("helps", "harms", "nothing"), digits["verdicts"].values(), strict=True):
        of_kind = [digits["sentences"][name] for name in names]
        found[f"advice_{kind}"] = "; ".join(f"{s['text']} (× {middle(s):.2f})" for s in of_kind[:STRONGEST])
        found[f"advice_{kind}_count"] = str(len(of_kind))
    return found


TABLES = {function.__name__: function for function in (advice,)}
