"""The pictures of conditional: densities of two classes on the line, and digits by what was asked."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from experiments.pictures.images import tiles
from experiments.pictures.style import BLUE, GREY, ORANGE, WIDTH

REACH = 5.0  # of the line: beyond it lies less than .2 % of the widest mixture
HIGHEST = 0.6  # density drawn: three times the data's; G's edges go higher
BINS = np.linspace(-REACH, REACH, 81)


def line(ways: Sequence[tuple[str, float]], ms: Sequence[float], made: Sequence[np.ndarray]) -> Figure:
    """A row for each m, a column for each way: of its samples (m, n, 3) each class's density, and the true one."""
    figure = Figure(figsize=(WIDTH, 2 * len(ms) + 0.6), layout="constrained")
    axes = figure.subplots(len(ms), len(ways), sharex=True, sharey=True, squeeze=False)
    x = np.linspace(-REACH, REACH, 200)
    for i, (m, line_of_axes) in enumerate(zip(ms, axes, strict=True)):
        for (way, weight), of_m, axis in zip(ways, made, line_of_axes, strict=True):
            xy = of_m[i]
            for column, sign, colour in ((1, -1, BLUE), (2, 1, ORANGE)):
                counts, _ = np.histogram(xy[xy[:, column] > 0, 0], BINS)
                axis.stairs(counts / len(xy) / np.diff(BINS), BINS, fill=True, color=colour, alpha=0.4)
                true = np.exp(-((x - sign * m) ** 2) / 2) / np.sqrt(2 * np.pi) / 2
                axis.plot(x, true, color=colour, linewidth=1)
            axis.set_title(way + f", $L_C$ times {weight:g} in G" * (way == "AC-GAN"), fontsize=9)
            axis.axvline(0, color=GREY, linewidth=0.5, linestyle=":")
        line_of_axes[0].set(ylim=(0, HIGHEST))
        line_of_axes[0].set_ylabel(f"m = {m:g}: density", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel("x")
    title = f"Filled: what G makes of each class, cut off at {HIGHEST:g}. Lines: the data's"
    figure.suptitle(title, fontsize=10)
    return figure


def digits(shown: dict[str, np.ndarray], columns: int, beside: bool) -> Figure:
    """A panel for each way, beside or below one another, with a row of images for each class that was asked for."""
    across = len(shown) if beside else 1
    down = len(shown) // across
    tall = WIDTH / across * len(next(iter(shown.values()))) / columns**2 + 0.4
    figure = Figure(figsize=(WIDTH, down * tall), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis, (way, images) in zip(axes, shown.items(), strict=True):
        axis.imshow(tiles(images, columns))
        axis.set_title(way, fontsize=10)
        axis.axis("off")
    return figure
