"""Log-likelihoods under Parzen windows: against their width, and while a GAN learns."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.pictures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, WIDTH

STYLES = {"newest G": (BLUE, "-"), "averaged G": (ORANGE, "-."), "training images": (GREEN, "--")}
BELOW = 400  # nats below the highest curve's top, where the drawing ends


def against_sigma(sigmas: Sequence[float], curves: dict[str, Sequence[float]]) -> Figure:
    """A curve for each kind of images, with a mark at the sigma that validation images choose."""
    figure = Figure(figsize=(WIDTH / 2, 4), layout="constrained")
    axis = figure.subplots()
    highest = max(max(curve) for curve in curves.values())
    for name, curve in curves.items():
        colour, line = STYLES[name]
        axis.plot(sigmas, curve, line, marker=".", color=colour, label=f"windows around {name}")
        best = int(np.argmax(curve))
        axis.plot(sigmas[best], curve[best], "o", markersize=9, markerfacecolor="none", color=colour)
    axis.set_xscale("log")
    axis.set_xticks([0.1, 0.2, 0.5, 1], ["0.1", "0.2", "0.5", "1"])
    axis.minorticks_off()
    axis.set(xlabel="width of a window, sigma", ylabel="log-likelihood of validation images [nats]")
    axis.set_ylim(highest - BELOW, highest + BELOW / 10)
    _legend_above(axis)
    return figure


def against_epochs(epochs: Sequence[float], estimates: dict[str, Sequence[float]], real: float, paper: float) -> Figure:
    """The estimates of validation images as G learns; training images' and the paper's, of test images, as lines."""
    figure = Figure(figsize=(WIDTH / 2, 4), layout="constrained")
    axis = figure.subplots()
    for name, of_epoch in estimates.items():
        colour, line = STYLES[name]
        axis.plot(epochs, of_epoch, line, marker=".", color=colour, label=f"{name}, of validation images")
    colour, line = STYLES["training images"]
    axis.axhline(real, color=colour, linestyle=line, label="training images, of validation images")
    axis.axhline(paper, color=PURPLE, linestyle=":", label="the paper's GAN, of test images")
    axis.axhline(0, color=GREY, linewidth=0.5)
    axis.set(xlabel="epoch", ylabel="Parzen log-likelihood [nats]")
    lowest, highest = min(0.0, *map(min, estimates.values())), max(real, paper)
    axis.set_ylim(max(lowest, highest - BELOW), highest + BELOW / 10)
    axis.margins(x=0)
    _legend_above(axis)
    return figure


def _legend_above(axis: Axes) -> None:
    axis.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0)


def kinds(shown: dict[str, tuple[np.ndarray, str]]) -> Figure:
    """A row for each kind of images (n, h, w, 1) uint8, beside one another, under its name and what is said of it."""
    figure = Figure(figsize=(WIDTH, 1.25 * len(shown)), layout="constrained")
    axes = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axis, (name, (images, words)) in zip(axes, shown.items(), strict=True):
        beside = np.concatenate([np.pad(image[..., 0], 1, constant_values=255) for image in images], axis=1)
        axis.imshow(beside, cmap="gray", vmin=0, vmax=255)
        axis.set_title(f"{name}: {words}", fontsize=8, loc="left")
        axis.set_axis_off()
    return figure
