"""Write the numbers of README.md from the result files in experiments/results (seconds; for who changes either).

A table stands in README.md between `<!-- NAME -->` and `<!-- end -->`, where NAME is a function of this file.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments import _script

RESULTS = Path(__file__).parent / "results"
README = Path(__file__).parent.parent / "README.md"


@dataclass(frozen=True)
class Config:
    """Nothing but the file to rewrite."""

    readme: Path = README
    """The file whose tables are rewritten in place."""


def main(config: Config) -> None:
    """Rewrite the file."""
    text = rewritten(config.readme.read_text(encoding="utf-8"))
    with _script.replacing(config.readme) as path:
        path.write_text(text, encoding="utf-8")
    print(f"{config.readme} holds the numbers of {RESULTS}")


def rewritten(text: str) -> str:
    """The text with each table made anew."""

    def fill(match: re.Match) -> str:
        return f"<!-- {match[1]} -->\n{TABLES[match[1]]()}\n<!-- end -->"

    return re.sub(rf"<!-- ({'|'.join(TABLES)}) -->\n.*?<!-- end -->", fill, text, flags=re.DOTALL)


def result(name: str) -> dict:
    return json.loads((RESULTS / name / "result.json").read_text(encoding="utf-8"))


def table(header: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])


def spread(rows: list[dict], key: str, digits: int = 4) -> str:
    """Median and worst."""
    values = [row[key] for row in rows]
    return f"{np.median(values):.{digits}f} ({max(values):.{digits}f})"


def headline() -> str:
    """The main job beside true draws and the textbook's numbers."""
    numbers = result("goodfellow_1d_default")["numbers"]
    made, true = numbers["generators"], numbers["true_draws"]
    # The textbook's errors are means of 200 printed snapshots, in units of x; ours are turned into those units.
    std = result("goodfellow_1d_default")["config"]["std"]
    off = {
        who: [f"{np.median([abs(row[key]) * std for row in rows]):.4f}" for who, rows in (("g", made), ("t", true))]
        for who, key in (("mean", "mean_error_over_std"), ("std", "std_error_over_std"))
    }
    return table(
        [f"{len(made)} seeds, 10,000 samples each", "this GAN", "true draws", "textbook run (keraspp ex7_1)"],
        [
            ["KS distance, median (worst)", spread(made, "ks"), spread(true, "ks"), "not reported"],
            ["W1 / std, median (worst)", spread(made, "w1_over_std"), spread(true, "w1_over_std"), "not reported"],
            ["error of the mean: median; the textbook's is a mean", off["mean"][0], off["mean"][1], "0.24"],
            ["error of the standard deviation: likewise", off["std"][0], off["std"][1], "0.08"],
        ],
    )


def other_data() -> str:
    """The same settings on other data, and what the R1 penalty does there."""
    rows = []
    for name, label, without in (
        ("default", "N(4, 1.25²)", "no_r1"),
        ("laplace", "Laplace, mean 4, std 1.25", "laplace_no_r1"),
        ("mixture", "two bumps at 2.75 and 5.25, each 0.31 wide", "mixture_no_r1"),
        ("narrow", "N(-20, 0.1²)", None),
    ):
        made = result(f"goodfellow_1d_{name}")["numbers"]["generators"]
        plain = spread(result(f"goodfellow_1d_{without}")["numbers"]["generators"], "ks") if without else "not run"
        rows.append([label, spread(made, "ks"), spread(made, "w1_over_std"), plain])
    return table(
        ["data (nothing else changed)", "KS, median (worst)", "W1 / std, median (worst)", "KS with `--r1 0`"], rows
    )


def ablation() -> str:
    """What each addition to Algorithm 1 buys."""
    rows = []
    for name, label in (
        ("default", "the default"),
        ("k1", "one step of D, not two: `--k 1`"),
        ("no_r1", "no penalty on D's slope: `--r1 0`"),
        ("no_decay", "constant learning rates: `--no-decay`"),
        ("no_average", "the newest G, not the average: `--average 0`"),
        ("momentum", "Adam's usual memory: `--b1 0.9 --b2 0.999`"),
        ("no_standardize", "networks in raw units: `--no-standardize`"),
        ("saturating", "the minimax loss: `--loss saturating`"),
        ("plain", "everything off, the paper's plain Algorithm 1"),
        ("set", "D judges sets of 100: `--discriminator set`"),
    ):
        numbers = result(f"goodfellow_1d_{name}")["numbers"]
        cells = [spread(numbers["generators"], key) for key in ("ks", "w1_over_std")]
        moments = np.median([abs(row["mean_error_over_std"]) for row in numbers["generators"]])
        rows.append([label, str(len(numbers["generators"])), *cells, f"{moments:.4f}"])
    return table(
        ["setting", "seeds", "KS, median (worst)", "W1 / std, median (worst)", "error of the mean / std, median"], rows
    )


def optimum() -> str:
    """D against D* with G fixed."""
    rows = []
    for name, numbers in result("optimal_discriminator")["numbers"].items():
        gaps = [abs(seed["v_minus_c"]) for seed in numbers["seeds"]]
        rows.append(
            [name, spread(numbers["seeds"], "max_d_error"), f"{numbers['c']:.4f}",
             f"{np.median(gaps):.5f} ({max(gaps):.5f})"]
        )  # fmt: skip
    return table(["p_data against p_g", "max of D - D*, median (worst)", "C(G)", "C(G) - V, median (worst)"], rows)


def speed() -> str:
    """The toy benchmark."""
    benchmark = result("benchmark_toy")
    rows = [
        [name, f"{row['gan_steps_per_second']:,.0f}", f"{row['times_pytorch_eager']:.1f}"]
        for name, row in benchmark["numbers"]["contenders"].items()
    ]
    pytorch = benchmark["numbers"]["pytorch"]
    return table([f"{benchmark['device']}", "GAN steps per second", f"times PyTorch {pytorch} eager"], rows)


def tiers() -> str:
    """How long what takes."""
    rows = []
    for name, command in (
        ("goodfellow_1d_quick", "experiments.goodfellow_1d --seeds 4 --steps 8000"),
        ("goodfellow_1d_default", "experiments.goodfellow_1d"),
        ("optimal_discriminator", "experiments.optimal_discriminator"),
    ):
        rows.append([f"`.venv/bin/python -m {command}`", f"{result(name)['seconds'] / 60:.1f}"])
    return table(["laptop", "minutes on 2 CPU cores"], rows)


TABLES = {function.__name__: function for function in (headline, other_data, ablation, optimum, speed, tiers)}


if __name__ == "__main__":
    _script.command_line(Config, main, __doc__)
