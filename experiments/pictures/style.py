"""Colours that colour-blind readers can tell apart (Okabe & Ito 2008), and how a figure that moves is saved."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from experiments.command.results import replacing

BLUE, GREEN, ORANGE, GREY = "#0072B2", "#009E73", "#D55E00", "#7F7F7F"


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
