"""Colours that colour-blind readers can tell apart (Okabe & Ito 2008), and how a figure that moves is saved."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from experiments.command.folder import replacing

BLUE, GREEN, ORANGE, PURPLE, GREY = "#0072B2", "#009E73", "#D55E00", "#CC79A7", "#7F7F7F"
WIDTH = 10  # inches of a wide figure: where a README shows it at 900 pixels, 8 points are 10 pixels
LOSSES = {"saturating": "saturating", "nonsaturating": "non-saturating", "relativistic": "relativistic"}


def band(axis: Axes, x: np.ndarray, lowest: np.ndarray, highest: np.ndarray, colour: str) -> None:
    """A light band with edges: where two bands overlap the mixed colour is nobody's, and an edge says whose it is."""
    axis.fill_between(x, lowest, highest, color=colour, alpha=0.15, linewidth=0)
    for edge in (lowest, highest):
        axis.plot(x, edge, color=colour, linewidth=0.6, alpha=0.7)


def save_figure_gif(figure: Figure, draw: Callable[[Any], None], frames: Sequence[Any], path: Path) -> None:
    """`draw` changes the figure to each frame in turn: ten a second, and the last one stays for two seconds."""
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(90)
    pictures = []
    for frame in frames:
        draw(frame)
        canvas.draw()
        pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))
    # One palette for all, and no dithering: what stands still then is the same in each frame and takes no space.
    palette = pictures[-1].quantize(64, method=Image.Quantize.MAXCOVERAGE)  # few thin lines, much white
    first, *later = (picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures)
    durations = [100] * (len(frames) - 1) + [2000]  # milliseconds
    with replacing(path) as temporary:
        first.save(
            temporary, format="GIF", save_all=True, append_images=later, duration=durations, loop=0, optimize=False
        )
