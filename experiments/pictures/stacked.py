"""Stacked digits as pictures: an image beside its three channels, and how often each of a thousand kinds was made."""

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from experiments.pictures.images import tiles
from experiments.pictures.style import WIDTH

LEAST, MOST = 1 / 8, 8  # times as often as equal shares: where the colours end
ACROSS = 4  # images beside one another


def with_channels(images: np.ndarray) -> np.ndarray:
    """Images (n, h, w, 3) uint8 as one picture: each in colour, then its three channels in grey, then a gap."""
    n, height, width, _ = images.shape
    grey = np.moveaxis(images, -1, 1)[..., None].repeat(3, axis=-1)
    gap = np.full((n, 1, height, width, 3), 255, np.uint8)
    return tiles(np.concatenate([images[:, None], grey, gap], axis=1).reshape(-1, height, width, 3), 5 * ACROSS)


def kinds(counts: dict[str, np.ndarray]) -> Figure:
    """A panel for each entry (1000,): how often each kind was made, over equal shares; black ones never were."""
    figure = Figure(figsize=(WIDTH, 1.9 * len(counts) + 0.5), layout="constrained")
    axes = figure.subplots(len(counts), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (title, of_kind) in zip(axes, counts.items(), strict=True):
        axis.set_facecolor("black")
        times = np.ma.masked_equal(of_kind.reshape(10, 100) * of_kind.size / of_kind.sum(), 0)
        norm = LogNorm(LEAST, MOST)
        drawn = axis.imshow(times, cmap="PuOr_r", norm=norm, aspect="auto", interpolation="nearest")
        axis.set(title=f"{title}: {np.sum(of_kind > 0):,} of {of_kind.size:,} kinds", ylabel="first digit")
        axis.set(yticks=range(0, 10, 3), xticks=range(0, 100, 10), xticklabels=[f"{ten}0" for ten in range(10)])
    axes[-1].set_xlabel("second and third digit")
    ticks = [1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8]
    bar = figure.colorbar(drawn, ax=axes, ticks=ticks, extend="both", pad=0.01)
    bar.ax.minorticks_off()
    bar.ax.set_yticks(ticks, labels=["1/8", "1/4", "1/2", "1", "2", "4", "8"])
    bar.set_label("times its share\n(black: never)")
    return figure
