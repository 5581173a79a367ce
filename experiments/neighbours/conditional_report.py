"""What conditional says of its numbers."""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.command.results import counted

PUBLISHED_ZEROS = "published, read off a figure: AC-GAN's .36 where L_C has weight .5, .07 to .16 where it has 3"


def report(numbers: dict[str, Any], seeds: int, out: Path) -> None:
    """Medians over seeds, beside the closed forms and the real data's."""
    middle = lambda values: float(np.median(values))  # noqa: E731
    print(f"medians over {counted(seeds, 'seed')}; results in {out}")
    print(f"{'the line: standard deviation in a class':46}{'made':>8}{'closed form':>13}{'sign agrees [%]':>17}  data")
    for row in numbers["line"]:
        name = f"m = {row['m']:g}, {row['way']}" + f", weight {row['weight']:g}" * (row["way"] == "AC-GAN")
        made, agrees = (middle([of[key] for of in row["seeds"]]) for key in ("std", "sign_agrees"))
        print(f"{name:46}{made:>8.3f}{row['exact']:>13.3f}{100 * agrees:>17.1f}{100 * row['sign_of_data']:>6.1f}")
    print("AC-GAN's closed form is the limit of a small weight.")
    print(f"{'digits':16}{'agree with the judge [%]':>26}{'diversity / real':>18}{'a classifier of them [%]':>26}")
    for name, of_seeds in (*numbers["digits"].items(), ("real digits", numbers["real"])):
        agrees, useful = (100 * middle([of[key] for of in of_seeds]) for key in ("agreement", "usefulness"))
        classes = [ratio for of in of_seeds for ratio in of["diversity"] if ratio is not None]
        spread = f"{middle(classes):.2f}" if classes else "-"
        print(f"{name:16}{agrees:>26.1f}{spread:>18}{useful:>26.1f}")
    for way, of_seeds in numbers["overlap"].items():
        print(f"zeros in {{0, 1}} and in {{0, 2}}, {way}: {middle([[*of.values()] for of in of_seeds]):.2f}")
    print(PUBLISHED_ZEROS)
