"""The pictures of cyclegan: where G sends the plane from each start, and digits translated and back."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.pictures.images import tiles
from experiments.pictures.style import GREY, WIDTH

SHOWN = 5  # starts
POINTS = 300


def plane(rows: dict[str, list[dict[str, Any]]]) -> Figure:
    """A row for each domain: a ring of points, coloured by their angle, and where G sends it from some starts."""
    figure = Figure(figsize=(WIDTH, 1.85 * len(rows) + 0.3), layout="constrained")
    axes = figure.subplots(len(rows), SHOWN + 1, squeeze=False)
    angle = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    # The radius grows by half with the angle, so that a reflection shows in the line as well as in the colours.
    ring = (1 + angle / (4 * np.pi)) * np.stack([np.cos(angle), np.sin(angle)])
    for of_row, (name, starts) in zip(axes, rows.items(), strict=True):
        ends = [start["matrix"] for start in sorted(starts, key=lambda start: start["value"])[:SHOWN]]
        titles = [title(start) for start in sorted(starts, key=lambda start: start["value"])[:SHOWN]]
        for axis, m, text in zip(of_row, [np.eye(2), *ends], ["x", *titles], strict=False):
            axis.scatter(*(np.array(m) @ ring), c=angle, cmap="twilight", s=6, vmin=0, vmax=2 * np.pi)
            axis.axhline(0, color=GREY, linewidth=0.5)
            axis.axvline(0, color=GREY, linewidth=0.5)
            axis.set(xlim=(-2, 2), ylim=(-2, 2), aspect="equal", xticks=(), yticks=())
            axis.set_title(text, fontsize=8)
        of_row[0].set_ylabel(name, fontsize=8)
    figure.suptitle("A spiral x and G(x), starts in the order of their objective, lowest first", fontsize=10)
    return figure


def title(start: dict[str, Any]) -> str:
    """Which orthogonal map, and how far from the truth."""
    # Rounded and with 0 added, a small negative angle is 0 and not -0.
    which = "reflection" if start["reflects"] else rf"$\theta$ = {round(start['theta']) + 0:d}°"
    return f"{which}, error {start['measured']:.2f}"


def digits(tasks: dict[str, dict[str, dict[str, np.ndarray]]]) -> Figure:
    """A column for each task: test digits and their true partners, and for each kind G(x) and F(G(x))."""
    kinds = list(next(iter(tasks.values())))
    figure = Figure(figsize=(WIDTH, 0.47 * (2 + 2 * len(kinds)) + 0.4), layout="constrained")
    for axis, (name, of_task) in zip(figure.subplots(1, len(tasks), squeeze=False)[0], tasks.items(), strict=True):
        first = of_task[kinds[0]]
        rows = [("x", first["x"]), ("true partner", first["partner"])]
        for kind in kinds:
            rows += [(f"{kind}: G(x)", of_task[kind]["G(x)"]), ("F(G(x))", of_task[kind]["F(G(x))"])]
        picture = tiles(np.concatenate([images for _, images in rows]), len(first["x"]))
        axis.imshow(picture)
        tall = len(picture) / len(rows)
        axis.set_yticks([(i + 0.5) * tall for i in range(len(rows))], [label for label, _ in rows], fontsize=8)
        axis.tick_params(length=0)
        axis.set_xticks(())
        axis.spines[:].set_visible(False)
        axis.set_title(name, fontsize=10)
    return figure
