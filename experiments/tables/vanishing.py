"""The tables of gradient_vanishing: both gradients while D learns, and who arrives with which loss."""

import numpy as np

from experiments.tables.markdown import median_and_range, result, table


def vanishing() -> str:
    """Both gradients on one network while D learns (panel c)."""
    rows = []
    for stage in result("gradient_vanishing")["numbers"]["c_frozen_generator"]:
        of_seeds = {key: [seed[key] for seed in stage["seeds"]] for key in stage["seeds"][0]}
        falls, lowest = of_seeds["orders_from_start_to_lowest"], of_seeds["nonsaturating_lowest_over_start"]
        from_peak = orders_from_peak(stage["median"]["saturating"])
        rows.append(
            [f"{stage['g_trained_for']:,}", f"{stage['g_samples_mean']:.1f}",
             median_and_range(falls, 1), f"{from_peak:.1f}",
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
        from_peak = orders_from_peak(stage["median"]["saturating"])
        cells = [median_and_range(falls, 1), f"{from_peak:.1f}"]
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


def orders_on_images() -> str:
    """What lets the saturating norm fall on images: five_orders."""
    rows = []
    for data, of_data in result("five_orders")["numbers"].items():
        for row in of_data:
            seeds = {key: [seed[key] for seed in row["seeds"]] for key in row["seeds"][0]}
            curve = row["median"]["saturating"]
            rows.append(
                [f"`{data}`", row["row"], f"{row['d_steps']:,}", median_and_range(seeds["orders_from_peak"], 1),
                 f"{np.median(seeds['orders_of_a_batch_from_peak']):.1f}", f"{np.log10(max(curve) / curve[-1]):.1f}",
                 f"{np.median(seeds['median D(G(z)) at the end']):.0e}",
                 f"{100 * np.median(seeds['loud share at the end']):.0f} %",
                 f"{np.median(seeds['nonsaturating_end_over_start']):,.0f}"]
            )  # fmt: skip
    return table(
        ["data", "D", "its steps", "saturating norm, peak to lowest: orders of ten", "that of single batches",
         "peak to end (median curve)", "median D(G(z)) at the end", "said by 1 % of the fakes",
         "non-saturating norm, end / start"],
        rows,
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


def orders_from_peak(curve: list[float]) -> float:
    """Orders of magnitude from a curve's highest value down to the lowest one after it."""
    peak = int(np.argmax(curve))
    return np.log10(curve[peak] / min(curve[peak:]))


TABLES = {function.__name__: function for function in (vanishing, vanishing_images, orders_on_images, arrivals)}
