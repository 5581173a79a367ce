"""The picture of frozen_players.py."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.command.results import counted
from experiments.pictures.style import BLUE, GREY, ORANGE, WIDTH, band

# Thin black dashes over a thick blue line: the two are the same, to the bit, nearly everywhere.
STYLES = {
    "algorithm 1": (BLUE, "-", 3, "Algorithm 1: D frozen"),
    "unfrozen": (ORANGE, "-", 1.5, "G's loss moves D too"),
    "drifting": ("black", (0, (3, 3)), 1, "D's statistics drift: in training the same, to the bit"),
}


def two_acts(acts: dict[str, dict[str, dict[str, np.ndarray]]], derived: tuple[float, ...]) -> Figure:
    """One row for each act. `derived` are values of D(G(z)) to be marked in the second."""
    figure = Figure(figsize=(WIDTH, 6.6), layout="constrained")
    rows = figure.subplots(2, 3)
    for axes, (act, title) in zip(rows, (("g_alone", "G alone steps"), ("whole", "Algorithm 1")), strict=True):
        d_fake, gradient, third = axes
        for name, run in acts[act].items():
            steps = np.arange(run["d_fake"].shape[1])
            # In training what drifts changes nothing: its band would cover the other one's.
            _draw(d_fake, steps, _smooth(run["d_fake"]), name, banded=name != "drifting")
            _draw(gradient, steps, _smooth(run["gradient"]), name, banded=name != "drifting")
            moved = act == "g_alone"
            _draw(third, run["looks"], run["d_moved" if moved else "ks"], name, banded=name != "drifting" or moved)
        d_fake.set(ylim=(0, 1.02), ylabel="D(G(z)) in training")
        gradient.set(yscale="log", ylabel="norm of G's gradient")
        for axis in axes:
            axis.set(xlabel="step", xlim=(0, steps[-1] + 1))
            axis.set_title(title, fontsize=10)
            axis.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    rows[0][2].set(ylabel="mean |change of D(x)| on the data", ylim=(-0.02, 1))
    rows[0][2].set_title("G alone steps: D at sampling time", fontsize=10)
    rows[1][2].set(yscale="log", ylabel="KS distance of G's samples")
    for level in derived:
        rows[1][0].axhline(level, color=GREY, linewidth=0.8, linestyle=":")
        rows[1][0].annotate(f"{level:.3f}", (1, level), xycoords=("axes fraction", "data"), xytext=(3, 0),
                            textcoords="offset points", va="center", fontsize=8)  # fmt: skip
    figure.suptitle(
        f"lines: medians of {counted(len(run['ks']), 'seed')}; bands: their middle half; "
        "dotted: where D is derived to settle",
        fontsize=10,
    )
    handles = rows[0][0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def _draw(axis: Axes, steps: np.ndarray, curves: np.ndarray, name: str, banded: bool) -> None:
    """The median and, as the range is that of the seeds that never arrive, quartiles."""
    colour, style, width, label = STYLES[name]
    if banded:
        band(axis, steps, *np.quantile(curves, (0.25, 0.75), axis=0), colour)
    axis.plot(steps, np.median(curves, axis=0), color=colour, linestyle=style, linewidth=width, label=label)


def _smooth(curves: np.ndarray) -> np.ndarray:
    """Each step averaged with the steps around it, a fiftieth of the run in all: a single batch is noise."""
    width = max(1, curves.shape[1] // 50)
    ends = np.pad(curves, ((0, 0), (width // 2, width - 1 - width // 2)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(ends, width, axis=1).mean(axis=-1)
