"""The tables of goodfellow_1d: beside true draws, on other data, and what each addition to Algorithm 1 buys."""

import numpy as np

from experiments.tables.markdown import result, spread, table


def headline() -> str:
    """The main job beside true draws, and what evenly spaced z alone would make of both; keraspp's numbers."""
    run = result("goodfellow_1d_default")
    numbers, std = run["numbers"], run["config"]["std"]
    made, true, even = numbers["generators"], numbers["true_draws"], numbers["generators_on_even_z"]
    ideal = numbers["ideal_map_on_even_z"]
    rows = []
    for key, label in (("ks", "KS distance, median (worst)"), ("w1_over_std", "W1 / std, median (worst)")):
        cells = [spread(scores, key) for scores in (made, true, even)]
        rows.append([label, *cells, f"{ideal[key]:.5f}", "not reported"])
    # Those of keraspp's ex7_1 are means of 200 printed snapshots, in units of x; ours are turned into those units.
    for key, label, theirs in (
        ("mean_error_over_std", "error of the mean: median; keraspp's is a mean", "0.24"),
        ("std_error_over_std", "error of the standard deviation: likewise", "0.08"),
    ):
        cells = [f"{np.median([abs(row[key]) * std for row in scores]):.4f}" for scores in (made, true, even)]
        rows.append([label, *cells, f"{abs(ideal[key]) * std:.5f}", theirs])
    return table(
        [f"{len(made)} seeds, {numbers['draws']:,} samples each", "this GAN, independent draws",
         "true draws, independent", "this GAN, evenly spaced z", "the ideal map, evenly spaced z",
         "a textbook's run (keraspp, ex7_1)"],
        rows,
    )  # fmt: skip


def other_data() -> str:
    """The same settings on other data, and what the R1 penalty does there."""
    rows = []
    for name, label, without in (
        ("default", "N(4, 1.25²)", "no_r1"),
        ("laplace", "Laplace, mean 4, std 1.25", "laplace_no_r1"),
        ("mixture", "two bumps at 2.75 and 5.25, each 0.31 wide", "mixture_no_r1"),
        ("narrow", "N(-20, 0.1²)", None),
    ):
        numbers = result(f"goodfellow_1d_{name}")["numbers"]
        made, true = numbers["generators"], numbers["true_draws"]
        plain = spread(result(f"goodfellow_1d_{without}")["numbers"]["generators"], "ks") if without else "not run"
        rows.append([label, spread(made, "ks"), spread(true, "ks"), spread(made, "w1_over_std"), plain])
    return table(
        ["data (nothing else changed)", "KS, median (worst)", "true draws' KS", "W1 / std, median (worst)",
         "KS with `--r1 0`"],
        rows,
    )  # fmt: skip


def ablation() -> str:
    """What each addition to Algorithm 1 buys."""

    def cells(scores: list[dict]) -> list[str]:
        off = np.median([abs(row["mean_error_over_std"]) for row in scores])
        return [str(len(scores)), spread(scores, "ks"), spread(scores, "w1_over_std"), f"{off:.4f}"]

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
        ("plain", "everything off: Algorithm 1 with Adam"),
        ("batch_256", "four times the batch: `--batch 256`"),
        ("set", "D judges sets of 100: `--discriminator set`"),
    ):
        rows.append([label, *cells(result(f"goodfellow_1d_{name}")["numbers"]["generators"])])
    rows.append(["true draws", *cells(result("goodfellow_1d_default")["numbers"]["true_draws"])])
    return table(
        ["setting", "seeds", "KS, median (worst)", "W1 / std, median (worst)", "error of the mean / std, median"], rows
    )


TABLES = {function.__name__: function for function in (headline, other_data, ablation)}
