"""The pictures of adversarial_examples: digits before and after the step, and errors against its size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.pictures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, WIDTH

STYLES = (
    (GREY, "-", "s"), (BLUE, "--", "v"), (ORANGE, "-", "o"), (GREEN, "-.", "^"), (PURPLE, "-", "X"), (BLUE, ":", "D")
)  # fmt: skip


def examples(shown: dict[str, list[dict[str, Any]]], eps: float) -> Figure:
    """A row for each model: of each of its digits the image, the step and the sum, with its verdicts above them."""
    columns = max(map(len, shown.values()))
    figure = Figure(figsize=(WIDTH, 1.3 * len(shown) + 0.4), layout="constrained")
    rows = figure.subfigures(len(shown), 1, squeeze=False)[:, 0]
    for row, (name, of_model) in zip(rows, shown.items(), strict=True):
        row.suptitle(name, fontsize=9, x=0.01, ha="left")
        axes = row.subplots(1, 3 * columns, squeeze=False)[0]
        for axis in axes:
            axis.axis("off")
        for i, digit in enumerate(of_model):
            of_digit = axes[3 * i : 3 * i + 3]
            bounds = ((0, 1), (-eps, eps), (-eps, 1 + eps))
            for axis, image, (low, high) in zip(of_digit, digit["images"], bounds, strict=True):
                axis.imshow(image, cmap="gray", vmin=low, vmax=high)
            for axis, said, confidence in zip(of_digit[::2], digit["digits"], digit["confidence"], strict=True):
                axis.set_title(f"{said}: {100 * confidence:.0f} %", fontsize=8)
    figure.suptitle(f"Digit, a step of {eps:g} in each pixel, their sum; above: what the network takes it for")
    return figure


def errors(epsilons: Sequence[float], curves: dict[str, Sequence[Sequence[float]]]) -> Figure:
    """Of each model the error after a step of each size: the median of its trainings, and each of them."""
    figure = Figure(figsize=(0.6 * WIDTH, 4.8), layout="constrained")
    axis = figure.subplots()
    for (name, of_seeds), (colour, line, mark) in zip(curves.items(), STYLES, strict=True):
        of_seeds = 100 * np.array(of_seeds)
        axis.plot(epsilons, of_seeds.T, color=colour, linewidth=0.5, alpha=0.5)
        axis.plot(epsilons, np.median(of_seeds, axis=0), line, marker=mark, color=colour, markersize=5, label=name)
    axis.axhline(90, color=GREY, linestyle=":", linewidth=0.8)
    axis.text(epsilons[-1], 90.5, "a guess among ten", color=GREY, fontsize=8, ha="right")
    axis.set(xlabel="step in each pixel, eps", ylabel="error on test digits [%]", ylim=(-2, 102))
    figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=8)
    return figure
