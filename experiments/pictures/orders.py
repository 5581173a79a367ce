"""The pictures of five_orders: the saturating norm in each row, and the fakes that carry what is left of it."""

import numpy as np
from matplotlib.figure import Figure

from experiments.pictures.images import tiles
from experiments.pictures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, WIDTH, band

STYLES = ((ORANGE, "-"), (BLUE, "--"), (GREEN, "-."), (PURPLE, (0, (5, 1, 1, 1, 1, 1))))
TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
WHO = {"loud": "the highest D(G(z))", "middle": "around the median"}


def orders(stages: dict[str, dict[str, dict[str, np.ndarray]]], d_steps: int) -> Figure:
    """A panel for each data set, in which each row is a curve over D's steps: medians, and ranges as bands."""
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    axes = figure.subplots(1, len(stages), sharey=True, squeeze=False)[0]
    handles = {}
    for axis, (data, rows) in zip(axes, stages.items(), strict=True):
        for (name, stage), (colour, line) in zip(rows.items(), STYLES, strict=False):
            norms = stage["saturating"]
            band(axis, stage["moments"], norms.min(axis=0), norms.max(axis=0), colour)
            (handles[name],) = axis.plot(
                stage["moments"], np.median(norms, axis=0), color=colour, linestyle=line, linewidth=2, label=name
            )
        axis.axvline(d_steps, color=GREY, linewidth=0.7, linestyle=":")
        axis.set(xlabel="step of D", xscale="symlog", xlim=(0, 2 * d_steps), yscale="log",
                 ylabel="saturating gradient in G's parameters, norm")  # fmt: skip
        axis.set_title(TITLES[data], fontsize=10)
        axis.label_outer()
    count = len(next(iter(stages[data].values()))["saturating"])
    figure.suptitle(
        f"D from scratch against a frozen G; lines: medians of {count} Ds; bands: their range; dots: step {d_steps:,}",
        fontsize=10,
    )
    figure.legend(handles=list(handles.values()), loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def fakes(shown: dict[str, dict[str, np.ndarray]]) -> Figure:
    """For each data set the fakes that say most in G's gradient, above some that say as much as most do."""
    figure = Figure(figsize=(WIDTH, 2.2 * len(shown)), layout="constrained")
    axes = figure.subplots(2 * len(shown), 1, squeeze=False)[:, 0]
    pairs = [(data, kind, images) for data, kinds in shown.items() for kind, images in kinds.items()]
    for axis, (data, kind, images) in zip(axes, pairs, strict=True):
        axis.imshow(tiles(images, len(images)), interpolation="nearest")
        axis.set_title(f"{TITLES[data]}: {WHO[kind]}", fontsize=9, loc="left")
        axis.axis("off")
    return figure
