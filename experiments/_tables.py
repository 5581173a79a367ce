"""README.md's tables, each a function that makes Markdown of result files. (Of DCGANs: _image_tables.py)"""

import json
from pathlib import Path

import numpy as np

from experiments import _both_gradients

RESULTS = Path(__file__).parent / "results"


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


def vanishing() -> str:
    """Both gradients on one network while D learns (panel c)."""
    rows = []
    for stage in result("gradient_vanishing")["numbers"]["c_frozen_generator"]:
        of_seeds = {key: [seed[key] for seed in stage["seeds"]] for key in stage["seeds"][0]}
        falls, lowest = of_seeds["orders_from_start_to_lowest"], of_seeds["nonsaturating_lowest_over_start"]
        from_peak = _both_gradients.orders_from_peak(np.array(stage["median"]["saturating"]))
        rows.append(
            [f"{stage['g_trained_for']:,}", f"{stage['g_samples_mean']:.1f}",
             f"{np.median(falls):.1f} ({min(falls):.1f} to {max(falls):.1f})", f"{from_peak:.1f}",
             f"{np.median(lowest):.2f} ({min(lowest):.2f})",
             f"{np.median(of_seeds['nonsaturating_growth_since_peak']):.1f}",
             f"{np.median(of_seeds['nonsaturating_variance_growth_since_peak']):,.1f}"]
        )  # fmt: skip
    return table(
        ["G frozen after step", "mean of its samples (data: 10)", "saturating norm falls from its start: orders of ten",
         "from its peak (median curve)", "non-saturating norm, lowest / start", "its growth since that peak",
         "its variance's"],
        rows,
    )  # fmt: skip


def vanishing_images() -> str:
    """The same on MNIST's DCGAN, beside the paper's figures."""
    rows = []
    for stage in result("gradient_vanishing_mnist")["numbers"]["mnist"]:
        falls = [seed["orders_from_start_to_lowest"] for seed in stage["seeds"]]
        from_peak = _both_gradients.orders_from_peak(np.array(stage["median"]["saturating"]))
        cells = [f"{np.median(falls):.1f} ({min(falls):.1f} to {max(falls):.1f})", f"{from_peak:.1f}"]
        end = {name: values[-1] for name, values in stage["median"].items()}
        start = {name: values[0] for name, values in stage["median"].items()}
        growth = [end[name] / start[name] for name in ("nonsaturating", "nonsaturating spread")]
        ratio = end["nonsaturating"] / end["saturating"]
        rows.append(
            [str(stage["g_trained_for"]), *cells, f"{growth[0]:,.0f}", f"{growth[1] ** 2:,.0f}", f"{ratio:,.0f}"]
        )
    return table(
        ["G frozen after epoch", "saturating norm falls from its start: orders of ten",
         "from its peak (median curve)", "non-saturating norm, end / start", "its variance, end / start",
         "the two norms at the end, ratio"],
        [*rows, ["Arjovsky & Bottou", "5 in the best case (Figure 2)", "", "grows (Figure 3)", "grows (Figure 3)", ""]],
    )  # fmt: skip


def arrivals() -> str:
    """Who arrives with which loss (panel d)."""
    rows = []
    for name, label in (("gradient_vanishing", "Adam"), ("gradient_vanishing_sgd", "plain gradient steps")):
        races = result(name)["numbers"]["d_races"]
        for saturating, other in zip(races[::2], races[1::2], strict=True):
            cells = []
            for race in (saturating, other):
                after = race["arrived_after"]
                steps = f", after {np.median(after):,.0f} steps" if after else ""
                cells.append(f"{len(after)} of {race['seeds']}{steps}")
            rows.append([label, f"{saturating['mean']:g}", str(saturating["k"]), *cells])
    return table(["optimizer", "data at", "steps of D, k", "saturating", "non-saturating"], rows)


def games() -> str:
    """Games of two numbers: eigenvalues and where the methods end."""
    rows, config = [], result("dirac_gan")["config"]
    for row in result("dirac_gan")["numbers"]["two_numbers"]:
        real, imaginary = row["eigenvalues"][0]
        pair = [f"{real:.3f}"] * (abs(real) > 1e-6) + [f"± {abs(imaginary):.3f}i"] * (abs(imaginary) > 1e-6)
        start, end = (np.median(row[f"radius_at_the_{when}"]) for when in ("start", "end"))
        rows.append(
            [row["method"], " ".join(pair), f"{row['eigenvalues_error']:.0e}",
             f"{row['update_modulus']:.3f}", f"{start:.2f} → {end:.2g}"]
        )  # fmt: skip
    return table(
        [
            f"method, step size {config['h']}",
            "eigenvalues",
            "off the formula by",
            "a step multiplies by",
            f"radius, {config['steps']} steps",
        ],
        rows,
    )


def gan_games() -> str:
    """The eigenvalues of the 1-D GAN's Jacobian near its end."""
    rows = []
    for row in result("dirac_gan")["numbers"]["gan_1d"]:
        cells = []
        for key in ("largest_real_part", "smallest_real_part", "largest_imaginary_part"):
            values = [seed[key] for seed in row["seeds"]]
            cells.append(f"{np.median(values):.3f} ({min(values):.3f} to {max(values):.3f})")
        rows.append([row["loss"].replace("nons", "non-s"), f"{row['r1']:g}", str(len(row["seeds"])), *cells])
    return table(["1-D GAN", "R1", "seeds", "largest real part", "smallest real part", "largest imaginary part"], rows)


def frozen() -> str:
    """Algorithm 1, an unfrozen D, and drifting statistics."""
    rows = []
    numbers = result("frozen_players")["numbers"]
    for act, title in (("g_alone", "G alone steps"), ("whole", "Algorithm 1")):
        for name, label in (
            ("algorithm 1", "D frozen"),
            ("unfrozen", "G's loss moves D too"),
            ("drifting", "D's statistics drift"),
        ):
            run = numbers[act][name]
            medians = {key: run[key]["median"] for key in run if key != "ks_at_the_end"}
            rows.append(
                [title, label, f"{medians['d_params_moved']:.2g}", f"{medians['d_stats_moved']:.2g}",
                 f"{medians['d_fake_at_the_end']:.4f}",
                 f"{medians['gradient_at_the_start']:.2f} → {medians['gradient_at_the_end']:.2g}",
                 f"{medians['d_at_sampling_moved']:.2f}", f"{np.median(run['ks_at_the_end']):.3f}"]
            )  # fmt: skip
    return table(
        ["", "in G's step", "D's parameters moved by", "its statistics by", "D(G(z)) at the end",
         "norm of G's gradient", "D(x) at sampling moved by", "KS at the end"],
        rows,
    )  # fmt: skip


def speed() -> str:
    """The toy benchmark."""
    return benchmark_table("benchmark_toy", "GAN steps per second", 0)


def image_speed() -> str:
    """The DCGANs' benchmark."""
    return benchmark_table("benchmark_images", "images per second", 2)


def benchmark_table(name: str, unit: str, digits: int) -> str:
    benchmark = result(name)
    rows = []
    for group, contenders in benchmark["numbers"]["groups"].items():
        for contender, row in contenders.items():
            span = f"{row['slowest_round']:,.0f} to {row['fastest_round']:,.0f}"
            ratio = f"{row['times_pytorch']:.{max(digits, 1)}f}"
            rows.append([group, contender, f"{row['per_second']:,.0f}", span, ratio])
    pytorch = f"times the best of PyTorch {benchmark['numbers']['pytorch']}"
    return table([benchmark["device"], "", f"{unit}, median", "range over rounds", pytorch], rows)


def tiers() -> str:
    """How long what takes."""
    rows = []
    for name, command in (
        ("goodfellow_1d_quick", "experiments.goodfellow_1d --seeds 4 --steps 8000"),
        ("goodfellow_1d_default", "experiments.goodfellow_1d"),
        ("optimal_discriminator", "experiments.optimal_discriminator"),
        ("gradient_vanishing", "experiments.gradient_vanishing"),
        ("dirac_gan", "experiments.dirac_gan"),
        ("frozen_players", "experiments.frozen_players"),
        ("classifier_mnist", "experiments.classifier"),
        ("classifier_cifar10", "experiments.classifier --data cifar10"),
        ("mnist_dcgan", "experiments.mnist_dcgan"),
        ("pytorch_dcgan", "experiments.pytorch_dcgan"),
        ("cifar_dcgan", "experiments.cifar_dcgan"),
        ("gradient_vanishing_mnist", "experiments.gradient_vanishing --data mnist"),
        ("killed_runs", "experiments.killed_runs"),
        ("benchmark_images", "experiments.benchmark images"),
    ):
        rows.append([f"`.venv/bin/python -m {command}`", f"{result(name)['seconds'] / 60:.1f}"])
    return table(["laptop", "minutes on 2 CPU cores"], rows)


TABLES = {
    function.__name__: function
    for function in (
        headline, other_data, ablation, optimum, vanishing, vanishing_images, arrivals, games, gan_games, frozen,
        speed, image_speed, tiers,
    )
}  # fmt: skip
