"""The pictures of dirac_gan.py."""

from pathlib import Path

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.pictures.style import BLUE, GREEN, GREY, LOSSES, ORANGE, PURPLE, WIDTH, save_figure_gif
from gan_from_scratch import dynamics

COLOURS = (BLUE, ORANGE, GREEN)  # one for each start, and on f = x y one for each method
REACH = 2.0  # of the pictures in theta and psi
ARROWS = 15  # on each side
FRAMES = 60  # in the GIF
TAIL = 30  # steps of a trajectory that stay visible in the GIF
STILL = 0.01  # real parts up to here are drawn on a linear scale, and do not count as growth


def side_by_side(fields: dict[str, dynamics.Field], paths: list[np.ndarray]) -> Figure:
    """One panel for each method: its field, and where it leads each start."""
    figure, axes = _panels(fields)
    for axis, path in zip(axes, paths, strict=True):
        for points, colour, size in zip(path, COLOURS, (8, 5.5, 3), strict=True):  # where all arrive all are seen
            axis.plot(*points.T, color=colour, linewidth=0.8)
            axis.plot(*points[0], "o", color=colour, markersize=4)
            axis.plot(*points[-1], "s", color=colour, markersize=size, markeredgecolor="black", markeredgewidth=0.6)
    figure.suptitle(
        "each colour is a start, from its circle to its square (no square: it has left); "
        "the game is settled at the cross",
        fontsize=10,
    )
    return figure


def moving(fields: dict[str, dynamics.Field], paths: list[np.ndarray], path: Path) -> None:
    """The same as a GIF: a point for each start, and the steps that it took last."""
    figure, axes = _panels(fields)
    tails = [[axis.plot([], [], color=colour, linewidth=1)[0] for colour in COLOURS] for axis in axes]
    heads = [[axis.plot([], [], "o", color=colour, markersize=5)[0] for colour in COLOURS] for axis in axes]

    def draw(step: int) -> None:
        figure.suptitle(f"step {step}; each colour is a start, and the game is settled at the cross", fontsize=10)
        for panel, of_panel in enumerate(paths):
            for start, points in enumerate(of_panel):
                tails[panel][start].set_data(*points[max(0, step - TAIL) : step + 1].T)
                heads[panel][start].set_data(*points[step : step + 1].T)

    steps = paths[0].shape[1] - 1
    save_figure_gif(figure, draw, np.unique(np.linspace(0, steps, FRAMES).round().astype(int)).tolist(), path)


def small_games(bilinear: dict[str, np.ndarray], field: dynamics.Field, example: np.ndarray) -> Figure:
    """f = x y: paths, and distances from the solution; and Nagarajan & Kolter's example."""
    figure = Figure(figsize=(WIDTH, 4), layout="constrained")
    ways, distances, nk = figure.subplots(1, 3)
    for (name, points), colour in zip(bilinear.items(), COLOURS, strict=True):
        ways.plot(*points.T, color=colour, linewidth=0.8)
        ways.plot(*points[0], "o", color="black", markersize=4)
        distances.plot(np.hypot(*points.T), color=colour, label=name)
    ways.plot(0, 0, "+", color="black", markersize=10)
    ways.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), xlabel="x", ylabel="y", aspect="equal")
    ways.set_title("f = x y, from the black dot", fontsize=10)
    distances.set(xlabel="step", ylabel="distance from (0, 0)", yscale="log", box_aspect=1)
    distances.set_title("f = x y: who arrives", fontsize=10)
    _draw_field(nk, field, center=1.0)
    nk.plot([], [], "+", color="black", markersize=10, label="where the game is settled")
    for points, colour in zip(example, (PURPLE, "black"), strict=True):  # starts, so no colour of a method's
        theta, psi = points[0]
        nk.plot(*points.T, color=colour, linewidth=1)
        nk.plot(theta, psi, "o", color=colour, markersize=4)
        label = f"Nagarajan & Kolter's, from ({theta:.3g}, {psi:.3g})"
        nk.plot([], [], "o-", color=colour, linewidth=1, markersize=4, label=label)
    nk.set_title("Nagarajan & Kolter's GAN", fontsize=10)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def spectra(spectra: list[np.ndarray], rows: list[dict]) -> Figure:
    """The eigenvalues of each 1-D GAN's first seed in the complex plane."""
    figure = Figure(figsize=(WIDTH, 6), layout="constrained")
    columns = min(2, len(rows))
    axes = figure.subplots(-(-len(rows) // columns), columns, sharex=True, sharey=True, squeeze=False).flat
    together = np.concatenate(spectra)
    reach = 2 * max(1, np.abs(together.real).max())  # the same on both sides, so that growth has ticks too
    tall = 5 * max(1, together.imag.max())  # the corners are free for words
    for axis, found, row in zip(axes, spectra, rows, strict=True):
        axis.axvspan(0, reach, color=ORANGE, alpha=0.1, linewidth=0)
        grows = found.real > STILL
        axis.plot(found[~grows].real, found[~grows].imag, ".", color=BLUE, markersize=4)
        axis.plot(found[grows].real, found[grows].imag, "x", color=ORANGE, markersize=5)
        axis.set_xscale("symlog", linthresh=STILL)
        axis.set_yscale("symlog", linthresh=STILL)
        axis.set(xlim=(-reach, reach), ylim=(-tall, tall), xlabel="real part", ylabel="imaginary part")
        name = f"{LOSSES[row['loss']]}, R1 {row['r1']:g}"
        axis.set_title(f"{name}: {grows.sum()} of {len(found):,} above {STILL:g}", fontsize=10)
        axis.text(0.02, 0.97, "decays", transform=axis.transAxes, va="top", fontsize=9, color=BLUE)
        axis.text(0.98, 0.97, "grows", transform=axis.transAxes, ha="right", va="top", fontsize=9, color=ORANGE)
        axis.label_outer()
    figure.suptitle(
        f"1-D GAN: eigenvalues of the field's Jacobian near the end; a cross where the real part is above {STILL:g}",
        fontsize=10,
    )
    return figure


def _panels(fields: dict[str, dynamics.Field]) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(WIDTH, 6), layout="constrained")
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
    axis.quiver(theta, psi, velocity.theta / speed, velocity.psi / speed, color=GREY, alpha=0.6, scale=24, width=0.005)
    axis.plot(center, 0, "+", color="black", markersize=10, zorder=3)  # also above what has arrived
    axis.set(xlim=(center - REACH, center + REACH), ylim=(-REACH, REACH), xlabel="theta (G)", ylabel="psi (D)",
             aspect="equal")  # fmt: skip
