"""The pictures of gradient_vanishing.py: orange is the saturating loss, blue the non-saturating one."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.pictures.style import BLUE, GREY, ORANGE

COLOURS = {"saturating": ORANGE, "nonsaturating": BLUE}
NAMES = {"saturating": "saturating", "nonsaturating": "non-saturating"}
FORMULAS = {"saturating": "E log(1 - D(G(z)))", "nonsaturating": "-E log D(G(z))"}


def all_panels(curves: dict, marks: dict, closed: dict, stage: dict, races: list[dict]) -> Figure:
    figure = Figure(figsize=(13, 10.5), layout="constrained")
    a, b, c, d = figure.subplots(2, 2).flat
    losses_and_slopes(a, curves, marks)
    closed_form(b, closed)
    frozen_generator(c, stage)
    c.set_title(f"c  G frozen at its start, D from scratch: median and range of {len(stage['x'])} seeds")
    c.legend(frameon=False, fontsize=8, loc="lower left")
    arrivals(d, races)
    return figure


def three_stages(stages: list[dict]) -> Figure:
    """Panel c again, for a G that is frozen at its start, on its way and at its end."""
    figure = Figure(figsize=(13, 4.8), layout="constrained")
    axes = figure.subplots(1, len(stages), sharey=True, squeeze=False)[0]
    for axis, stage in zip(axes, stages, strict=True):
        frozen_generator(axis, stage)
        axis.set_title(
            f"G after {stage['steps']:,} steps: its samples have mean {np.mean(stage['x']):.1f}", fontsize=10
        )
        axis.label_outer()
    figure.suptitle(f"D trained from scratch against a frozen G: median and range of {len(stage['x'])} seeds")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return figure


def epochs(stages: list[dict]) -> Figure:
    """Both norms and variances for a DCGAN that is frozen after some epochs."""
    figure = Figure(figsize=(13, 4.8), layout="constrained")
    axes = figure.subplots(1, len(stages), sharey=True, squeeze=False)[0]
    for axis, stage in zip(axes, stages, strict=True):
        both_norms(axis, stage)
        axis.set_title(f"G after {stage['steps']} epoch{'s' if stage['steps'] > 1 else ''}", fontsize=10)
        axis.label_outer()
    count = len(stages[0]["saturating"])
    figure.suptitle(f"MNIST's DCGAN: D trained from scratch against a frozen G, median and range of {count} Ds")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def losses_and_slopes(axis: Axes, curves: dict[str, np.ndarray], marks: dict[str, np.ndarray]) -> None:
    for name, colour in COLOURS.items():
        axis.plot(curves["logit"], curves[f"{name}_loss"], color=colour, linewidth=1, linestyle="--")
        axis.plot(
            curves["logit"],
            curves[f"{name}_slope"],
            color=colour,
            linewidth=2.2,
            label=f"{NAMES[name]}, {FORMULAS[name]}",
        )
        axis.plot(marks["logit"], marks[f"{name}_slope"], "o", color=colour)
    for logit, d in zip(marks["logit"], marks["d_of_g"], strict=True):
        axis.axvline(logit, color=GREY, linewidth=0.7, linestyle=":")
        axis.annotate(f"D(G(z)) = {d:.3g}", (logit, -1.2), rotation=90, ha="right", va="top", fontsize=8)
    axis.plot([], [], color="black", linewidth=2.2, label="slope in the logit")
    axis.plot([], [], color="black", linewidth=1, linestyle="--", label="loss [nats]")
    axis.set(
        xlabel="D's logit on a fake", ylabel="loss and slope", ylim=(-4, 4), title="a  Where D wins, one slope is gone"
    )
    axis.legend(frameon=False, fontsize=8, loc="upper left")


def closed_form(axis: Axes, closed: dict[str, np.ndarray]) -> None:
    theta, closed = closed["theta"][1:], {name: values[1:] for name, values in closed.items()}  # at 0 all are 0
    for exact, name in (("2 JSD", "saturating"), ("KL - 2 JSD", "nonsaturating")):
        axis.plot(theta, closed[exact], color=COLOURS[name], linewidth=4, alpha=0.35, label=f"{exact}, exact")
        drawn = closed[f"{name} drawn"]
        middle = np.median(drawn, axis=1)
        axis.errorbar(theta, middle, (middle - drawn.min(axis=1), drawn.max(axis=1) - middle), fmt=".",
                      color=COLOURS[name], markersize=4, linewidth=0.8,
                      label=f"{NAMES[name]}, sampled")  # fmt: skip
    axis.plot(theta, closed["KL"], color="black", linestyle=":", label="KL, exact: theta")
    axis.set(xlabel="theta, where p_g = N(theta, 1) and p_data = N(0, 1)", ylabel="gradient in theta", yscale="log",
             ylim=(1e-24, 1e3), title="b  At the optimal D: grad 2 JSD dies, grad (KL - 2 JSD) does not")  # fmt: skip
    axis.annotate("sampled: the rare draws that\ncarry this gradient are not drawn", (20, 1e-5), fontsize=8,
                  ha="right", color=COLOURS["saturating"])  # fmt: skip
    axis.legend(frameon=False, fontsize=8, loc="lower left")


def frozen_generator(axis: Axes, stage: dict) -> None:
    """Both norms, and the bound on one of them."""
    both_norms(axis, stage)
    bound = np.median(stage["bound"], axis=0)
    axis.plot(stage["moments"], np.where(np.isfinite(bound), bound, np.nan), color="black", linestyle=":",
              label="the saturating norm's bound, Theorem 2.4 (median)")  # fmt: skip


def both_norms(axis: Axes, stage: dict) -> None:
    """Median over seeds, with the band from the lowest to the highest."""
    moments = stage["moments"]
    for name, colour in COLOURS.items():
        lowest, highest = stage[name].min(axis=0), stage[name].max(axis=0)
        axis.fill_between(moments, lowest, highest, color=colour, alpha=0.25, linewidth=0)
        axis.plot(moments, np.median(stage[name], axis=0), color=colour, label=f"{NAMES[name]}: norm")
        axis.plot(moments, np.median(stage[f"{name} spread"], axis=0), color=colour, linewidth=0.9, linestyle="--",
                  label=f"{NAMES[name]}: root of the variance between batches")  # fmt: skip
    axis.set(xlabel="step of D", xscale="symlog", xlim=(0, moments[-1]), yscale="log",
             ylabel="gradient in G's parameters")  # fmt: skip


def arrivals(axis: Axes, races: list[dict]) -> None:
    """One row for each race, a pair of rows for each setting."""
    rng = np.random.default_rng(0)  # moves dots apart, and nothing else
    places, arrived = [], []
    for row, race in enumerate(races):
        places.append(-(row + row // 2 * 0.6))
        after = race["arrived_after"]
        axis.plot(after, places[-1] + rng.uniform(-0.25, 0.25, len(after)), "o", color=COLOURS[race["loss"]],
                  markersize=5, alpha=0.7)  # fmt: skip
        arrived.append(f"{NAMES[race['loss']]}: {len(after)} of {race['seeds']}")
    axis.set(xlabel="steps of Algorithm 1 until KS < .1 (a dot is a seed)", xlim=(0, races[0]["steps"] * 1.02),
             title="d  What it costs: which seeds arrive, and when")  # fmt: skip
    axis.set_yticks(
        [(first + second) / 2 for first, second in zip(places[::2], places[1::2], strict=True)],
        [f"data at {race['mean']:g}\nk = {race['k']}" for race in races[::2]],
    )
    right = axis.secondary_yaxis("right")
    right.set_yticks(places, arrived)
    for label, race in zip(right.get_yticklabels(), races, strict=True):
        label.set_color(COLOURS[race["loss"]])
