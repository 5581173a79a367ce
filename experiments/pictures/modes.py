"""The pictures of mode_collapse.py."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.modes.rows import Row
from experiments.pictures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, WIDTH, band, save_figure_gif
from gan_from_scratch.distributions import Mixture

COLUMNS = (1 / 32, 1 / 8, 1 / 4, 1 / 2, 1.0)  # of a run's steps, in the strip
CELLS = 64  # of a density, on each side
MARGIN = 1.35  # of the pictures over the furthest centre
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, "black", GREY)
STYLES = ("-", "--")


def strip(rows: dict[str, Row], data: Mixture, real: np.ndarray) -> Figure:
    """A row for each method, columns in time, the data last: densities on one scale, of the first seed."""
    names = list(rows)
    figure = Figure(figsize=(WIDTH, 0.3 + 1.6 * len(names)), layout="constrained")
    axes = figure.subplots(len(names), len(COLUMNS) + 1, squeeze=False)
    for line, name in zip(axes, names, strict=True):
        row = rows[name]
        for axis, share in zip(line, COLUMNS, strict=False):
            i = int(np.argmin(np.abs(row.steps - share * row.steps[-1])))
            found = row.scores["modes"][i, 0]
            density(axis, row.samples[i], data)
            axis.set_title(f"step {row.steps[i]:,}: {found:.0f} of {len(data.means)}", fontsize=8)
        density(line[-1], real, data)
        line[-1].set_title("data", fontsize=8)
        line[0].set_ylabel(wrapped(name), fontsize=8)
    return figure


def density(axis: Axes, x: np.ndarray, data: Mixture) -> None:
    """A histogram, dark where many samples lie; its root is drawn, so that thin bridges between modes are seen."""
    reach = MARGIN * np.abs(data.means).max()
    edges = np.linspace(-reach, reach, CELLS + 1)
    counts, _, _ = np.histogram2d(*x.T, bins=(edges, edges))
    each = len(x) / len(data.means)  # in a mode, if all get the same; narrow ones lie in a cell or four
    axis.imshow(np.sqrt(counts.T / each), origin="lower", extent=(-reach, reach) * 2, cmap="Greys", vmin=0, vmax=0.8,
                interpolation="nearest")  # fmt: skip
    axis.set(xticks=[], yticks=[])


def curves(rows: dict[str, Row], modes: int, real_kl: float) -> Figure:
    """Modes and KL on the way: medians over seeds, with the range where there are few methods."""
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    found, kl = figure.subplots(1, 2)
    for i, (name, row) in enumerate(rows.items()):
        look = {"color": COLOURS[i % len(COLOURS)], "linestyle": STYLES[i // len(COLOURS) % 2], "linewidth": 1.3}
        for axis, score in ((found, "modes"), (kl, "kl")):
            values = row.scores[score][1:]
            if len(rows) <= 4:
                band(axis, row.steps[1:], values.min(axis=1), values.max(axis=1), look["color"])
            axis.plot(row.steps[1:], np.median(values, axis=1), **look, label=name)
    found.axhline(modes, color="black", linestyle=":", linewidth=0.8)
    found.set(xlabel="step", ylabel=f"modes with a sample, of {modes}", ylim=(0, modes * 1.05))
    kl.axhline(real_kl, color="black", linestyle=":", linewidth=0.8, label="real data")
    kl.set(xlabel="step", ylabel="KL to equal shares [nats]", yscale="log")
    handles, labels = kl.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def moving(rows: dict[str, Row], data: Mixture, path: Path) -> None:
    """Methods beside each other, at the same share of their steps, as a GIF."""
    figure = Figure(figsize=(2.6 * len(rows), 3), layout="constrained")
    axes = figure.subplots(1, len(rows), squeeze=False)[0]

    def draw(i: int) -> None:
        for axis, (name, row) in zip(axes, rows.items(), strict=True):
            axis.clear()
            density(axis, row.samples[i], data)
            axis.set_title(f"{wrapped(name)}\nstep {row.steps[i]:,}", fontsize=8)

    save_figure_gif(figure, draw, range(min(len(row.steps) for row in rows.values())), path)


def wrapped(name: str) -> str:
    """Broken at the comma, and where a line would be longer than a density is tall."""
    return "\n".join(textwrap.fill(part, 24) for part in name.replace(", ", ",\n", 1).splitlines())
