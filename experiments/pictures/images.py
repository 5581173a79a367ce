"""Grids of images, GIFs of grids, and the curves of a training run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from experiments.command.folder import replacing
from experiments.command.progress import phase
from experiments.command.results import save_figure
from experiments.pictures.style import BLUE, GREEN, GREY, LOSSES, ORANGE, WIDTH

ENLARGED = 2  # screen pixels for one of an image's
GAP = 2  # screen pixels between images


def tiles(images: np.ndarray, columns: int) -> np.ndarray:
    """Images (n, h, w, c) uint8 as one picture (rows, columns, 3) uint8 on a white ground, row after row."""
    n, height, width, _ = images.shape
    images = np.broadcast_to(images, (n, height, width, 3)).repeat(ENLARGED, axis=1).repeat(ENLARGED, axis=2)
    tall, wide = ENLARGED * height + GAP, ENLARGED * width + GAP
    rows = -(-n // columns)
    picture = np.full((GAP + rows * tall, GAP + columns * wide, 3), 255, np.uint8)
    for i, image in enumerate(images):
        top, left = GAP + i // columns * tall, GAP + i % columns * wide
        picture[top : top + tall - GAP, left : left + wide - GAP] = image
    return picture


def save_picture(picture: np.ndarray, path: Path) -> None:
    with replacing(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG")


def save_gif(pictures: Sequence[np.ndarray], path: Path) -> None:
    """Ten a second, and the last one stays for two seconds."""
    first, *later = (Image.fromarray(picture).quantize(128) for picture in pictures)
    durations = [100] * len(later) + [2000]  # milliseconds
    with replacing(path) as temporary:
        first.save(temporary, format="GIF", save_all=True, append_images=later, duration=durations, loop=0)


@phase("drawing pictures")
def draw_run(history: dict[str, np.ndarray], loss: str, out: Path) -> None:
    """losses.png; training.gif, the same noises again and again."""
    if len(history["loss_d"]):
        save_figure(out, "losses.png", curves(history, loss))
    save_gif([tiles(frame, 8) for frame in history["frames"]], out / "training.gif")


def curves(history: dict[str, np.ndarray], generator_loss: str) -> Figure:
    """Losses on the left, probabilities on the right; each a mean over about 1/100 of the run."""
    figure = Figure(figsize=(WIDTH, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = len(history["loss_d"])
    edges = np.unique(np.linspace(0, steps, min(steps, 100) + 1).round().astype(int))
    middle = (edges[:-1] + edges[1:]) / 2

    def draw(axis, name: str, label: str, colour: str, style: str) -> None:
        means = np.add.reduceat(history[name], edges[:-1]) / np.diff(edges)
        axis.plot(middle, means, color=colour, linestyle=style, label=label)

    compares = generator_loss == "relativistic"
    label, chance, at_chance = ("relativistic", "log 2", 1) if compares else ("$-V(D, G)$", "2 log 2", 2)
    draw(left, "loss_d", f"D's loss, {label}", BLUE, "-")
    draw(left, "loss_g", f"G's loss, {LOSSES[generator_loss]}", ORANGE, "--")
    left.axhline(at_chance * np.log(2), color=GREY, linestyle=":", label=f"D's loss where it cannot tell, {chance}")
    left.set(xlabel="step of Algorithm 1", ylabel="loss [nats]")
    draw(right, "d_real", "D(x), real", BLUE, "-")
    draw(right, "d_fake", "D(G(z)), generated", GREEN, "--")
    right.axhline(0.5, color=GREY, linestyle=":", label="1/2")
    right.set(xlabel="step of Algorithm 1", ylabel="probability", ylim=(0, 1))
    for axis in (left, right):
        axis.margins(x=0)
        axis.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
    return figure
