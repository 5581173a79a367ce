"""The picture of frozen_players.py."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.pictures.style import BLUE, GREEN, GREY, ORANGE

STYLES = {
    "algorithm 1": (BLUE, "-", "Algorithm 1: D frozen"),
    "unfrozen": (ORANGE, "-", "G's loss moves D too"),
    "drifting": (GREEN, (0, (3, 5)), "D's statistics drift: in training the same, to the bit"),
}


def two_acts(acts: dict[str, dict[str, dict[str, np.ndarray]]], derived: tuple[float, ...]) -> Figure:
    """One row for each act. `derived` are values of D(G(z)) to be marked in the second."""
    figure = Figure(figsize=(13, 7.6), layout="constrained")
    rows = figure.subplots(2, 3)
    for axes, (act, title) in zip(rows, (("g_alone", "G alone steps"), ("whole", "all of Algorithm 1")), strict=True):
        d_fake, gradient, third = axes
        for name, run in acts[act].items():
            steps = np.arange(run["d_fake"].shape[1])
            _draw(d_fake, steps, _smooth(run["d_fake"]), name)
            _draw(gradient, steps, _smooth(run["gradient"]), name)
            _draw(third, run["looks"], run["d_moved" if act == "g_alone" else "ks"], name)
        d_fake.set(ylim=(0, 1.02), ylabel="D(G(z)) in training", title=title)
        gradient.set(yscale="log", ylabel="norm of G's gradient", title=title)
        for axis in axes:
            axis.set(xlabel="step", xlim=(0, steps[-1] + 1))
    rows[0][2].set(
        ylabel="mean |D(x) - D(x) before| on the data", title="G alone steps: D at sampling time", ylim=(-0.02, 1)
    )
    rows[1][2].set(yscale="log", ylabel="KS distance of G's samples", title="all of Algorithm 1")
    for level in derived:
        rows[1][0].axhline(level, color=GREY, linewidth=0.8, linestyle=":")
        rows[1][0].annotate(f"{level:.3f}", (1, level), xycoords=("axes fraction", "data"), xytext=(3, 0),
                            textcoords="offset points", va="center", fontsize=8)  # fmt: skip
    figure.suptitle(f"median and range of {len(run['ks'])} seeds", fontsize=10)
    figure.legend(*rows[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def _draw(axis: Axes, steps: np.ndarray, curves: np.ndarray, name: str) -> None:
    colour, style, label = STYLES[name]
    axis.fill_between(steps, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.15, linewidth=0)
    axis.plot(steps, np.median(curves, axis=0), color=colour, linestyle=style, label=label)


def _smooth(curves: np.ndarray) -> np.ndarray:
    """Each step averaged with the steps around it, a fiftieth of the run in all: a single batch is noise."""
    width = max(1, curves.shape[1] // 50)
    ends = np.pad(curves, ((0, 0), (width // 2, width - 1 - width // 2)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(ends, width, axis=1).mean(axis=-1)
