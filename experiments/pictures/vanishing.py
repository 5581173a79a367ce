"""The pictures of gradient_vanishing.py: orange is the saturating loss, blue the non-saturating one."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from experiments.command.results import counted
from experiments.pictures.style import BLUE, GREY, LOSSES, ORANGE, WIDTH, band

COLOURS = {"saturating": ORANGE, "nonsaturating": BLUE}
WIDTHS = {"saturating": 3, "nonsaturating": 1.2}  # drawn in this order, so that both are seen where they agree
LEGEND = {"fontsize": 8, "framealpha": 1, "edgecolor": "none"}  # on white: no line runs through the words
FORMULAS = {"saturating": "E log(1 - D(G(z)))", "nonsaturating": "-E log D(G(z))"}


def all_panels(curves: dict, marks: dict, closed: dict, stage: dict, races: list[dict]) -> Figure:
    figure = Figure(figsize=(WIDTH, 8.6), layout="constrained")
    a, b, c, d = figure.subplots(2, 2).flat
    losses_and_slopes(a, curves, marks)
    closed_form(b, closed)
    frozen_generator(c, stage)
    c.set_title("c  D from scratch, G frozen at its start", fontsize=10)
    c.legend(handles=_styles(), loc="best", title=f"medians of {counted(len(stage['x']), 'seed')}, bands: middle half",
             title_fontsize=8, alignment="left", **LEGEND)  # fmt: skip
    arrivals(d, races)
    return figure


def three_stages(stages: list[dict]) -> Figure:
    """Panel c again, for a G that is frozen at its start, on its way and at its end."""
    figure = Figure(figsize=(WIDTH, 4.4), layout="constrained")
    axes = figure.subplots(1, len(stages), sharey=True, squeeze=False)[0]
    for axis, stage in zip(axes, stages, strict=True):
        frozen_generator(axis, stage)
        axis.set_title(
            f"G after {counted(stage['steps'], 'step')}: samples' mean {np.mean(stage['x']):.1f}", fontsize=10
        )
        axis.label_outer()
    figure.suptitle(
        f"D from scratch against a frozen G; lines: medians of {counted(len(stage['x']), 'seed')}; "
        "bands: their middle half",
        fontsize=10,
    )
    handles = [*_colours(), *_styles()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def epochs(stages: list[dict]) -> Figure:
    """Both norms and variances for a DCGAN that is frozen after some epochs."""
    figure = Figure(figsize=(WIDTH, 4.4), layout="constrained")
    axes = figure.subplots(1, len(stages), sharey=True, squeeze=False)[0]
    for axis, stage in zip(axes, stages, strict=True):
        both_norms(axis, stage, (0, 1))  # three have no quartiles worth the name
        axis.set_title(f"G after {counted(stage['steps'], 'epoch')}", fontsize=10)
        axis.label_outer()
    count = counted(len(stages[0]["saturating"]), "D")
    figure.suptitle(
        f"MNIST's DCGAN: D from scratch against a frozen G; lines: medians of {count}; bands: their range", fontsize=10
    )
    handles = [*_colours(), *_styles()[:2]]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def losses_and_slopes(axis: Axes, curves: dict[str, np.ndarray], marks: dict[str, np.ndarray]) -> None:
    for name, colour in COLOURS.items():
        axis.plot(curves["logit"], curves[f"{name}_loss"], color=colour, linewidth=1, linestyle="--")
        axis.plot(
            curves["logit"],
            curves[f"{name}_slope"],
            color=colour,
            linewidth=2.2,
            label=f"{LOSSES[name]}, {FORMULAS[name]}",
        )
        axis.plot(marks["logit"], marks[f"{name}_slope"], "o", color=colour)
    for logit, d in zip(marks["logit"], marks["d_of_g"], strict=True):
        axis.axvline(logit, color=GREY, linewidth=0.7, linestyle=":")
        axis.annotate(f"D(G(z)) = {d:g}", (logit, -1.2), xytext=(-2, 0), textcoords="offset points", rotation=90,
                      ha="right", va="top", fontsize=8)  # fmt: skip
    axis.plot([], [], color="black", linewidth=2.2, label="slope in the logit")
    axis.plot([], [], color="black", linewidth=1, linestyle="--", label="loss [nats]")
    axis.set(xlabel="D's logit on a fake", ylabel="loss and slope", ylim=(-4, 4))
    axis.set_title("a  Where D wins, one slope is gone", fontsize=10)
    axis.legend(**LEGEND, loc="upper left")


def closed_form(axis: Axes, closed: dict[str, np.ndarray]) -> None:
    theta, closed = closed["theta"][1:], {name: values[1:] for name, values in closed.items()}  # at 0 all are 0
    for exact, name in (("2 JSD", "saturating"), ("KL - 2 JSD", "nonsaturating")):
        axis.plot(theta, closed[exact], color=COLOURS[name], linewidth=4, alpha=0.35, label=f"{exact}, exact")
        drawn = closed[f"{name} drawn"]
        middle = np.median(drawn, axis=1)
        axis.errorbar(theta, middle, (middle - drawn.min(axis=1), drawn.max(axis=1) - middle), fmt=".",
                      color=COLOURS[name], markersize=4, linewidth=0.8,
                      label=f"{LOSSES[name]}, sampled")  # fmt: skip
    axis.plot(theta, closed["KL"], color="black", linestyle=":", label="KL, exact: theta")
    axis.set(xlabel="theta, where p_g = N(theta, 1) and p_data = N(0, 1)", ylabel="gradient in theta", yscale="log",
             ylim=(1e-24, 1e3))  # fmt: skip
    axis.set_title("b  At D*, 2 JSD's gradient dies, KL - 2 JSD's does not", fontsize=10)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.annotate("sampled (median, range):\nthe rare draws that carry\nthis gradient are not drawn", (20, 1e-1),
                  fontsize=8, ha="right", va="top", color=COLOURS["saturating"])  # fmt: skip
    axis.legend(**LEGEND, loc="lower left")


def frozen_generator(axis: Axes, stage: dict) -> None:
    """Both norms, and the bound on one of them."""
    both_norms(axis, stage, (0.25, 0.75))
    bound = np.median(stage["bound"], axis=0)
    axis.plot(stage["moments"], np.where(np.isfinite(bound), bound, np.nan), color="black", linestyle=":")


def both_norms(axis: Axes, stage: dict, levels: tuple[float, float]) -> None:
    """Medians over seeds, and the norms' band between two quantiles."""
    moments = stage["moments"]
    for name, colour in COLOURS.items():
        band(axis, moments, *np.quantile(stage[name], levels, axis=0), colour)
        axis.plot(moments, np.median(stage[name], axis=0), color=colour, linewidth=WIDTHS[name])
        axis.plot(moments, np.median(stage[f"{name} spread"], axis=0), color=colour, linewidth=WIDTHS[name] / 2,
                  linestyle="--")  # fmt: skip
    axis.set(xlabel="step of D", xscale="symlog", xlim=(0, moments[-1]), yscale="log",
             ylabel="gradient in G's parameters")  # fmt: skip


def _colours() -> list[Line2D]:
    return [Line2D([], [], color=COLOURS[name], linewidth=WIDTHS[name], label=LOSSES[name]) for name in COLOURS]


def _styles() -> list[Line2D]:
    labels = {"-": "norm", "--": "standard deviation between batches", ":": "saturating norm's bound, Theorem 2.4"}
    return [Line2D([], [], color="black", linestyle=style, label=label) for style, label in labels.items()]


def arrivals(axis: Axes, races: list[dict]) -> None:
    """One row for each race, a pair of rows for each setting."""
    rng = np.random.default_rng(0)  # moves dots apart, and nothing else
    places, arrived = [], []
    for row, race in enumerate(races):
        places.append(-(row + row // 2 * 0.6))
        after = race["arrived_after"]
        axis.plot(after, places[-1] + rng.uniform(-0.25, 0.25, len(after)), "o", color=COLOURS[race["loss"]],
                  markersize=5, alpha=0.7)  # fmt: skip
        arrived.append(f"{LOSSES[race['loss']]}:\n{len(after)} of {race['seeds']}")
    axis.set(xlabel="steps of Algorithm 1 until KS < 0.1 (a dot is a seed)", xlim=(0, races[0]["steps"] * 1.02))
    axis.set_title("d  Which seeds arrive, and when (k: steps of D)", fontsize=10)
    axis.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axis.set_yticks(
        [(first + second) / 2 for first, second in zip(places[::2], places[1::2], strict=True)],
        [f"data at {race['mean']:g}\nk = {race['k']}" for race in races[::2]],
    )
    right = axis.secondary_yaxis("right")
    right.set_yticks(places, arrived, fontsize=8)
    for label, race in zip(right.get_yticklabels(), races, strict=True):
        label.set_color(COLOURS[race["loss"]])
