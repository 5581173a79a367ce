"""The pictures of vae: images of each kind above one another, and the bounds while the VAE learns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.pictures.parzen import kinds
from experiments.pictures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, WIDTH

CURVES = {
    "elbo_training": ("ELBO, training digits", BLUE, "--"),
    "elbo_test": ("ELBO, test digits", ORANGE, "-"),
    "closer_test": ("importance-weighted bound, test digits", GREEN, "-"),
}
HIGHEST = 30  # nats above the last values, where the drawing ends: the first epoch lies far above


def images(shown: dict[str, np.ndarray], found: dict[str, Any]) -> Figure:
    """A row for each kind of images (n, h, w, 1) uint8, with what was measured of it."""
    return kinds({name: (of_kind, words(name, found)) for name, of_kind in shown.items()})


def words(name: str, found: dict[str, Any]) -> str:
    if name in found["judged"]:
        of = found["judged"][name]
        return f"Frechet distance {of['frechet']:.2f}, sharpness {of['sharpness']:.3f}"
    if name in found["lines"]:
        of = found["lines"][name]
        kept = "" if of["kept"] is None else f"; of one class and still in the middle {100 * of['kept']:.0f} %"
        return f"the judge is sure by {of['sure_ends']:.2f} at ends, {of['sure_middle']:.2f} in the middle{kept}"
    return f"sharpness {found['sharpness_of_test']:.3f}"


def curves(
    of_seeds: Sequence[dict[str, list[float]]],
    estimates: Sequence[dict[str, float]],
    published: dict[str, float] | None,
) -> Figure:
    """Bounds, with their sign turned, against epochs; a dot for each seed's estimate of all test digits at the end."""
    figure = Figure(figsize=(0.6 * WIDTH, 4.4), layout="constrained")
    axis = figure.subplots()
    for name, (label, colour, line) in CURVES.items():
        for i, of in enumerate(of_seeds):
            axis.plot(of["epochs"], -np.array(of[name]), line, color=colour, label=label if i == 0 else None)
    ends = [(of["epochs"][-1], of_end["mean"]) for of, of_end in zip(of_seeds, estimates, strict=True)]
    label = "its last value, with more draws and digits"
    axis.plot(*zip(*ends, strict=True), "o", color=PURPLE, clip_on=False, zorder=3, label=label)
    values = [*(end for _, end in ends), *(-of["elbo_training"][-1] for of in of_seeds)]
    if published:
        label = f"Burda et al., {published['epochs']:,} epochs: {published['nats']}"
        axis.axhline(published["nats"], color=GREY, linestyle=":", linewidth=1, label=label)
        values.append(published["nats"])
    axis.set(xlabel="epoch", ylabel="-log p(x), at most [nats]", ylim=(min(values) - 2, max(values) + HIGHEST))
    axis.margins(x=0)
    axis.legend(frameon=False, fontsize=8)
    return figure
