"""The pictures of advice: the effect of every sentence, D's loss against the images, and some runs' images."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from experiments.command.results import counted, times
from experiments.pictures.images import save_picture
from experiments.pictures.style import BLUE, GREY, ORANGE, WIDTH

STYLES = ((BLUE, "o"), (ORANGE, "s"), (GREY, "|"), (GREY, "x"))  # of help, harm, no difference, too few pairs
TITLES = {"mnist": "digits", "cifar10": "frogs"}
WIDEST = 4.0  # factor on the Frechet distance at which the axis ends: beyond it a number stands
TICKS = (0.25, 0.5, 0.8, 1, 1.25, 2, 4)
LINE = 0.27  # inches a sentence


def effects(sentences: dict[str, dict[str, dict[str, Any]]], verdicts: tuple[str, ...]) -> Figure:
    """A panel for each data set: a line for each sentence, the strongest help on top, by what the advice multiplies.

    `verdicts`: how help, harm, no difference and too few pairs are called.
    """
    styles = dict(zip(verdicts, STYLES, strict=True))
    rows = [len(of_data) for of_data in sentences.values()]
    figure = Figure(figsize=(WIDTH, 1.5 + LINE * sum(rows) + 0.6 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=rows)[:, 0]
    for axis, (data, of_data) in zip(axes, sentences.items(), strict=True):
        ordered = sorted(of_data.values(), key=lambda sentence: -np.median(sentence["factors"]))
        for i, sentence in enumerate(ordered):
            factors, least = np.array(sentence["factors"]), sentence["least"]
            colour, mark = styles[sentence["verdict"]]
            axis.barh(i, least - 1 / least, left=1 / least, color=GREY, alpha=0.15, height=0.8)
            axis.plot([factors.min(), factors.max()], [i, i], color=colour, linewidth=1.5)
            middle = float(np.median(factors))
            if 1 / WIDEST < middle < WIDEST:
                axis.plot(middle, i, mark, color=colour, markersize=8)
            else:
                edge, side = (WIDEST, "right") if middle > 1 else (1 / WIDEST, "left")
                text = f" {'<' * (middle < 1)} {times(middle)} {'>' * (middle > 1)} "
                axis.text(edge, i, text, color=colour, ha=side, va="center", fontsize=8, backgroundcolor="white")
        axis.axvline(1, color="black", linewidth=0.7)
        axis.set_yticks(range(len(ordered)), [sentence["text"] for sentence in ordered], fontsize=8)
        axis.set(xscale="log", xlim=(1 / WIDEST, WIDEST), ylim=(-0.7, len(ordered) - 0.3))
        axis.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
        axis.minorticks_off()
        axis.set_title(TITLES[data], fontsize=10)
    count = len(next(iter(sentences[data].values()))["factors"])
    axes[-1].set_xlabel("Frechet distance with the advice / without it: median and range of the pairs")
    given = {sentence["verdict"] for of_data in sentences.values() for sentence in of_data.values()}
    for verdict in filter(given.__contains__, styles):
        colour, mark = styles[verdict]
        axes[-1].plot([], [], mark, color=colour, label=verdict)
    axes[-1].fill_between([], [], color=GREY, alpha=0.15, label="within the spread between seeds")
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.suptitle(f"Each sentence: {count} pairs of runs that differ in it alone", fontsize=10)
    return figure


def losses(points: dict[str, list[tuple[float, float]]], correlations: dict[str, float | None]) -> Figure:
    """A dot for each run of a data set, (D's loss at its end, Frechet distance), and their rank correlation."""
    figure = Figure(figsize=(WIDTH, 4), layout="constrained")
    axes = figure.subplots(1, len(points), squeeze=False)[0]
    for axis, (data, of_data) in zip(axes, points.items(), strict=True):
        axis.plot(
            [loss for loss, _ in of_data], [frechet for _, frechet in of_data], "o", color=BLUE, markersize=4, alpha=0.5
        )
        axis.axvline(2 * np.log(2), color=GREY, linestyle=":", label="D cannot tell: 2 log 2")
        axis.set(xlabel="D's loss over the last steps [nats]", ylabel="Frechet distance", yscale="log")
        said = "" if correlations[data] is None else f", rank correlation {correlations[data]:.2f}"
        axis.set_title(f"{TITLES[data]}: {counted(len(of_data), 'run')}{said}", fontsize=10)
        axis.legend(frameon=False, fontsize=8)
    return figure


def samples(shown: dict[str, Path]) -> Figure:
    """A strip of images for each run, from its file."""
    figure = Figure(figsize=(WIDTH, 1.15 * len(shown)), layout="constrained")
    axes = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axis, (title, path) in zip(axes, shown.items(), strict=True):
        with Image.open(path) as strip:
            axis.imshow(np.asarray(strip), cmap="gray", vmin=0, vmax=255)
        axis.set_title(title, fontsize=8, loc="left")
        axis.axis("off")
    return figure


def save_strip(images: np.ndarray, path: Path) -> None:
    """Images (n, h, w, c) uint8 beside each other."""
    strip = np.concatenate(list(images), axis=1)
    save_picture(strip[..., 0] if strip.shape[-1] == 1 else strip, path)
