"""The pictures of the 1-D GAN and of a D against a fixed G."""

import itertools
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.command.results import counted
from experiments.pictures.style import BLUE, GREEN, GREY, LOSSES, ORANGE, WIDTH, band, save_figure_gif
from gan_from_scratch import theory

GRID = 400  # points of x at which densities and D are drawn
ARROWS = 21  # lines z -> x


class Frame(NamedTuple):
    """One moment of training: densities and D on the grid `x_grid`, and the map z -> x as two matching arrays."""

    step: int
    x_grid: Float[np.ndarray, " grid"]
    p_data: Float[np.ndarray, " grid"]
    p_g: Float[np.ndarray, " grid"]
    d: Float[np.ndarray, " grid"] | None
    z: Float[np.ndarray, " n"]
    x: Float[np.ndarray, " n"]


def density_of(samples: Float[np.ndarray, " n"], grid: Float[np.ndarray, " grid"]) -> Float[np.ndarray, " grid"]:
    """A histogram of the samples over an even grid, smoothed by a Gaussian of 1.5 grid steps: p_g as it is drawn."""
    step = grid[1] - grid[0]
    edges = np.append(grid - step / 2, grid[-1] + step / 2)
    counts, _ = np.histogram(samples, edges)
    kernel = np.exp(-0.5 * (np.arange(-6, 7) / 1.5) ** 2)
    return np.convolve(counts / (len(samples) * step), kernel / kernel.sum(), mode="same")


def figure_1(frames: list[Frame]) -> Figure:
    """Goodfellow et al. 2014, Figure 1: one column for each frame."""
    figure = Figure(figsize=(WIDTH, 4), layout="constrained")
    axes = figure.subplots(2, len(frames), squeeze=False, height_ratios=[3, 1], sharex="col")
    for column, frame in enumerate(frames):
        right = _draw_frame(axes[:, column], frame)
        if column > 0:
            axes[0, column].set_ylabel("")
            for axis in axes[:, column]:
                axis.set_yticklabels([])
        if column < len(frames) - 1 and right is not None:
            right.set_ylabel("")
            right.set_yticklabels([])
    _legend(figure, frames[0])
    return figure


def animation(frames: list[Frame], path: Path) -> None:
    """The whole training as a GIF."""
    figure = Figure(figsize=(4.6, 4.6), layout="constrained")
    axes = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    twin = axes[0].twinx()
    _legend(figure, frames[0])

    def draw(frame: Frame) -> None:
        for axis in (*axes, twin):
            axis.clear()
        _draw_frame(axes, frame, twin)

    save_figure_gif(figure, draw, frames, path)


def loss_curves(curves: dict[str, Float[np.ndarray, "seeds steps"]], generator_loss: str) -> Figure:
    """Both players' losses: the median seed and the range over seeds, each averaged over 1/8 octave of steps."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axis = figure.subplots()
    sign, minus = (1, "") if generator_loss == "nonsaturating" else (-1, "-")
    log_2 = math.log(2)
    for name, label, colour, level, text in (
        ("loss_d", "D's loss, $-V(D, G)$", BLUE, 2 * log_2, "2 log 2"),
        ("loss_g", f"G's loss, {LOSSES[generator_loss]}", ORANGE, sign * log_2, f"{minus}log 2"),
    ):
        curve = curves[name]
        steps = curve.shape[1]
        edges = np.unique(np.append(np.geomspace(1, steps + 1, 8 * steps.bit_length()).astype(int), steps + 1)) - 1
        smooth = np.stack([curve[:, a:b].mean(axis=1) for a, b in itertools.pairwise(edges)], axis=1)
        middle = np.sqrt((edges[:-1] + 1) * edges[1:])
        axis.plot(middle, np.median(smooth, axis=0), color=colour, label=label)
        band(axis, middle, smooth.min(axis=0), smooth.max(axis=0), colour)
        axis.axhline(level, color=colour, linestyle=":", linewidth=1)
        axis.annotate(text, (1, level), xycoords=("axes fraction", "data"), xytext=(4, 0),
                      textcoords="offset points", va="center", fontsize=8, color=colour)  # fmt: skip
    axis.set(xlabel="step of Algorithm 1", xscale="log", ylabel="loss [nats]")
    axis.set_title(f"lines: medians of {counted(len(curve), 'seed')}; bands: their range", fontsize=10)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def quantile_plot(
    u: Float[np.ndarray, " n"], ideal: Float[np.ndarray, " n"], learned: Float[np.ndarray, "seeds n"]
) -> Figure:
    """Each seed's quantile function beside the ideal map, and its error below. `learned` is sorted along each row."""
    figure = Figure(figsize=(5.6, 5.6), layout="constrained")
    top, bottom = figure.subplots(2, 1, height_ratios=[2, 1], sharex=True)
    top.plot(u, learned.T, color=GREEN, linewidth=0.6, alpha=0.6)
    top.plot([], [], color=GREEN, label=f"G, sorted ({counted(len(learned), 'seed')})")
    top.plot(u, ideal, color="black", linestyle=":", label="ideal map (quantiles of p_data)")
    top.set(ylabel="x")
    top.legend(frameon=False)
    bottom.plot(u, (learned - ideal).T, color=GREEN, linewidth=0.6, alpha=0.6)
    bottom.axhline(0, color="black", linestyle=":")
    # G of bounded noise does not reach the tails: a linear scale would show the error there and nothing else.
    bottom.set_yscale("asinh", linear_width=0.05)
    bottom.set(xlabel="share of the noise below z", ylabel="error in x", yticks=[-1, -0.1, 0, 0.1, 1],
               yticklabels=["-1", "-0.1", "0", "0.1", "1"])  # fmt: skip
    return figure


def _draw_frame(axes, frame: Frame, twin=None):
    """Densities and D above, the map below. Returns the axis of D's probabilities, or None if D judges sets."""
    top, bottom = axes
    top.plot(frame.x_grid, frame.p_data, color="black", linestyle=":")
    top.plot(frame.x_grid, frame.p_g, color=GREEN)
    # Room for the true density; a p_g that is a spike, as it is at the start, runs out of the picture.
    top.set(ylim=(0, 2 * frame.p_data.max()), ylabel="density", title=f"step {frame.step:,}")
    if frame.d is not None:
        twin = top.twinx() if twin is None else twin
        twin.plot(frame.x_grid, frame.d, color=BLUE, linestyle="--")
        seen = frame.p_data + frame.p_g > 1e-4 * frame.p_data.max()  # elsewhere D* is 0 / 0
        optimal = np.where(seen, theory.optimal_discriminator(frame.p_data, frame.p_g), np.nan)
        twin.plot(frame.x_grid, optimal, color=GREY, linewidth=1)
        twin.set(ylim=(0, 1))
        twin.set_ylabel("D(x), D*(x)", color=BLUE)
        twin.tick_params(axis="y", colors=BLUE)
        twin.yaxis.set_label_position("right")
        twin.yaxis.tick_right()
    elif twin is not None:
        twin.set_axis_off()

    chosen = np.linspace(0, len(frame.z) - 1, ARROWS).round().astype(int)
    low, high = frame.x_grid[0], frame.x_grid[-1]
    # z is drawn on a ruler as wide as the picture, whatever its own range is.
    place = low + (high - low) * (frame.z[chosen] - frame.z[0]) / (frame.z[-1] - frame.z[0])
    bottom.plot([place, frame.x[chosen]], [np.zeros(ARROWS), np.ones(ARROWS)], color=GREEN, linewidth=0.7)
    bottom.set(ylim=(-0.05, 1.05), yticks=[0, 1], yticklabels=["z", "x"], xlim=(low, high), xlabel="x")
    return twin if frame.d is not None else None


def _legend(figure: Figure, frame: Frame) -> None:
    """One legend for the whole figure, below the data."""
    handles = [
        Line2D([], [], color="black", linestyle=":", label="p_data"),
        Line2D([], [], color=GREEN, label="p_g, and the map z → x"),
    ]
    if frame.d is not None:
        handles += [
            Line2D([], [], color=BLUE, linestyle="--", label="D(x)"),
            Line2D([], [], color=GREY, linewidth=1, label="D*(x)"),
        ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=4 if figure.get_figwidth() > 6 else 2, frameon=False
    )


def optimum_plot(
    x: Float[np.ndarray, " grid"],
    densities: tuple[Float[np.ndarray, " grid"], Float[np.ndarray, " grid"]],
    learned: Float[np.ndarray, "seeds grid"],
    optimal: Float[np.ndarray, " grid"],
    values: tuple[Int[np.ndarray, " times"], Float[np.ndarray, "seeds times"], float],
    title: str,
) -> Figure:
    """The learned D over D*, and V over training approaching C(G). `values` is (steps, V of each seed, C(G))."""
    figure = Figure(figsize=(WIDTH, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    peak = 2 * max(map(np.max, densities))
    for density, name, colour, style in zip(densities, ("p_data", "p_g"), ("black", GREEN), (":", "-"), strict=True):
        left.plot(x, density / peak, color=colour, linestyle=style, linewidth=1.2, label=f"{name}, scaled")
        left.fill_between(x, density / peak, color=colour, alpha=0.1, linewidth=0)
    left.plot(x, optimal, color=GREY, linewidth=3, label="D* = p_data / (p_data + p_g)")
    left.plot(x, learned.T, color=BLUE, linestyle="--", linewidth=1)
    left.plot([], [], color=BLUE, linestyle="--", label=f"learned D ({counted(len(learned), 'seed')})")
    left.set(xlabel="x", ylabel="D(x)", ylim=(0, 1.02))
    left.set_title(f"{title}: D approaches D*", fontsize=10)

    steps, value, limit = values
    right.axhline(limit, color=GREY, linewidth=3)
    right.plot(steps, value.T, color=BLUE, linestyle="--", linewidth=1)
    right.annotate(f"C(G) = {limit:.4f}", (0.02, limit), xycoords=("axes fraction", "data"), xytext=(0, 5),
                   textcoords="offset points")  # fmt: skip
    right.margins(y=0.15)
    right.set(
        xlabel="step of D",
        xscale="symlog",
        xlim=(0, steps[-1]),
        ylabel="V(D, G) [nats]",
    )
    right.set_title("V approaches C(G) from below", fontsize=10)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure
