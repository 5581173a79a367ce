"""The pictures of style_transfer: both pictures beside the result, textures beside what imitates them, losses."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.pictures.style import BLUE, GREEN, ORANGE, WIDTH

STYLES = ((BLUE, "-"), (ORANGE, "--"), (GREEN, "-."))


def to_bytes(picture: np.ndarray) -> np.ndarray:
    return np.round(255 * np.clip(np.asarray(picture), 0, 1)).astype(np.uint8)


def cut_off(picture: Array) -> Array:
    """As a file will have it: in [0, 1], in steps of a byte."""
    return jnp.round(255 * jnp.clip(picture, 0, 1)) / 255


def transfer(shown: dict[str, np.ndarray]) -> Figure:
    """Content, style and result in a row."""
    tallest = max(picture.shape[0] / picture.shape[1] for picture in shown.values())
    figure = Figure(figsize=(WIDTH, WIDTH / len(shown) * min(tallest, 2) + 0.4), layout="constrained")
    for axis, (name, picture) in zip(figure.subplots(1, len(shown)), shown.items(), strict=True):
        show(axis, picture)
        axis.set_title(name, fontsize=10)
    return figure


def textures(shown: dict[str, dict[str, np.ndarray]], multiples: dict[str, dict[str, list[float]]]) -> Figure:
    """A row for each texture: itself and its imitations, below each its loss as a multiple of the second draw's."""
    columns = len(next(iter(shown.values())))
    figure = Figure(figsize=(WIDTH, (WIDTH / columns + 0.5) * len(shown) + 0.4), layout="constrained")
    for row, (texture, drawn) in zip(figure.subplots(len(shown), columns, squeeze=False), shown.items(), strict=True):
        row[0].set_ylabel(texture, fontsize=10)
        for axis, (name, picture) in zip(row, drawn.items(), strict=True):
            show(axis, picture)
            axis.set_title(name, fontsize=9)
            if name in multiples[texture]:
                axis.set_xlabel(" and ".join(map(short, multiples[texture][name])), fontsize=9)
    figure.suptitle("Below: Gram loss on both networks that were not used, a second draw's being 1", fontsize=10)
    return figure


def short(multiple: float) -> str:
    return f"{multiple:,.0f}" if multiple > 99 else f"{multiple:.3g}"


def losses(curves: dict[str, Sequence[Sequence[float]]]) -> Figure:
    """What is minimised, over steps of L-BFGS, as a share of what it was at first: a line for each seed."""
    figure = Figure(figsize=(0.6 * WIDTH, 4), layout="constrained")
    axis = figure.subplots()
    for (name, of_seeds), (colour, line) in zip(curves.items(), STYLES[: len(curves)], strict=True):
        for i, values in enumerate(of_seeds):
            axis.plot(np.array(values) / (values[0] or 1), line, color=colour, label=None if i else name, linewidth=1.2)
    axis.set(yscale="log", xlabel="step of L-BFGS", ylabel="loss / loss at first")
    axis.margins(x=0)
    figure.legend(loc="outside upper center", ncols=len(curves), frameon=False, fontsize=8)
    return figure


def show(axis: Axes, picture: np.ndarray) -> None:
    axis.imshow(to_bytes(picture), interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
