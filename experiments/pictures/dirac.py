"""The pictures of dirac_gan.py."""

from pathlib import Path

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.pictures.style import BLUE, GREEN, GREY, ORANGE, save_figure_gif
from gan_from_scratch import dynamics

COLOURS = (BLUE, ORANGE, GREEN)  # one for each start
REACH = 2.0  # of the pictures in theta and psi
ARROWS = 15  # on each side
FRAMES = 60  # in the GIF
TAIL = 30  # steps of a trajectory that stay visible in the GIF


def side_by_side(fields: dict[str, dynamics.Field], paths: list[np.ndarray]) -> Figure:
    """One panel for each method: its field, and where it leads each start."""
    figure, axes = _panels(fields, (13, 7.4))
    for axis, path in zip(axes, paths, strict=True):
        for points, colour in zip(path, COLOURS, strict=True):
            axis.plot(*points.T, color=colour, linewidth=0.8)
            axis.plot(*points[0], "o", color=colour, markersize=4)
            axis.plot(*points[-1], "s", color=colour, markersize=5, markeredgecolor="black")
    figure.suptitle("from each circle to its square; the game is settled at the cross", fontsize=11)
    return figure


def moving(fields: dict[str, dynamics.Field], paths: list[np.ndarray], path: Path) -> None:
    """The same as a GIF: a point for each start, and the steps that it took last."""
    figure, axes = _panels(fields, (10, 6))
    tails = [[axis.plot([], [], color=colour, linewidth=1)[0] for colour in COLOURS] for axis in axes]
    heads = [[axis.plot([], [], "o", color=colour, markersize=5)[0] for colour in COLOURS] for axis in axes]

    def draw(step: int) -> None:
        figure.suptitle(f"step {step}", fontsize=11)
        for panel, of_panel in enumerate(paths):
            for start, points in enumerate(of_panel):
                tails[panel][start].set_data(*points[max(0, step - TAIL) : step + 1].T)
                heads[panel][start].set_data(*points[step : step + 1].T)

    steps = paths[0].shape[1] - 1
    save_figure_gif(figure, draw, np.unique(np.linspace(0, steps, FRAMES).round().astype(int)).tolist(), path)


def small_games(bilinear: dict[str, np.ndarray], field: dynamics.Field, example: np.ndarray) -> Figure:
    """f = x y: paths, and distances from the solution; and Nagarajan & Kolter's example."""
    figure = Figure(figsize=(13, 4.6), layout="constrained")
    ways, distances, nk = figure.subplots(1, 3)
    for (name, points), colour in zip(bilinear.items(), COLOURS, strict=True):
        ways.plot(*points.T, color=colour, linewidth=0.8, label=name)
        distances.plot(np.hypot(*points.T), color=colour)
    ways.plot(0, 0, "+", color="black", markersize=10)
    ways.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), xlabel="x", ylabel="y", title="f = x y", aspect="equal")
    distances.set(xlabel="step", ylabel="distance from (0, 0)", yscale="log", title="f = x y: who arrives")
    _draw_field(nk, field, center=1.0)
    for points, colour in zip(example, COLOURS[: len(example)], strict=True):
        nk.plot(*points.T, color=colour, linewidth=0.8)
        nk.plot(*points[0], "o", color=colour, markersize=4)
    nk.set(title="Nagarajan & Kolter's GAN")
    figure.legend(*ways.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def spectra(spectra: list[np.ndarray], rows: list[dict]) -> Figure:
    """The eigenvalues of each 1-D GAN's first seed in the complex plane."""
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    axes = figure.subplots(1, len(rows), sharex=True, sharey=True, squeeze=False)[0]
    for axis, found, row in zip(axes, spectra, rows, strict=True):
        axis.axvline(0, color=GREY, linewidth=0.8)
        grows = found.real > 0.01
        axis.plot(found[~grows].real, found[~grows].imag, ".", color=BLUE, markersize=4)
        axis.plot(found[grows].real, found[grows].imag, "x", color=ORANGE, markersize=6)
        axis.set_xscale("symlog", linthresh=0.1)
        axis.set_yscale("symlog", linthresh=0.1)
        axis.set(xlabel="real part", title=f"{row['loss']}, R1 {row['r1']:g}".replace("nons", "non-s"))
        axis.label_outer()
    figure.supylabel("imaginary part", fontsize=10)
    figure.suptitle(
        "1-D GAN: eigenvalues of the field's Jacobian near the end; crosses (real part > .01) grow", fontsize=11
    )
    return figure


def _panels(fields: dict[str, dynamics.Field], size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=size, layout="constrained")
    axes = list(figure.subplots(2, len(fields) // 2, sharex=True, sharey=True).flat)
    for axis, (name, field) in zip(axes, fields.items(), strict=True):
        _draw_field(axis, field)
        axis.set_title(name, fontsize=8)
        axis.label_outer()
    return figure, axes


def _draw_field(axis: Axes, field: dynamics.Field, center: float = 0.0) -> None:
    """The directions of the field, and the equilibrium at theta = center, psi = 0."""
    theta, psi = np.meshgrid(np.linspace(-REACH, REACH, ARROWS) + center, np.linspace(-REACH, REACH, ARROWS))
    velocity = jax.vmap(field)(dynamics.Point(theta.ravel(), psi.ravel()))
    speed = np.maximum(np.hypot(*velocity), np.finfo(np.float32).tiny)
    axis.quiver(theta, psi, velocity.theta / speed, velocity.psi / speed, color=GREY, alpha=0.6, scale=28, width=0.003)
    axis.plot(center, 0, "+", color="black", markersize=10)
    axis.set(xlim=(center - REACH, center + REACH), ylim=(-REACH, REACH), xlabel="theta (G)", ylabel="psi (D)",
             aspect="equal")  # fmt: skip
