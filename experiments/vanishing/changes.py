"""five_orders: what lets G's saturating gradient fall, one change of D at a time against one and the same frozen G."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import numpy as np

from experiments.image_runs.gan import build
from experiments.image_runs.images import to_bytes
from experiments.image_runs.settings import Training
from experiments.vanishing import both_gradients
from experiments.vanishing.images import BATCHES, follower, judged, stacked
from gan_from_scratch import train

SAME, LONGER = "as in gradient_vanishing", "twice as many steps"  # two rows of one run: its first half, and all of it
CHANGES: dict[str, Callable[[Training], Training]] = {  # D's settings, made from G's
    SAME: lambda training: training,
    "D's rate 1e-3 instead of 2e-4": lambda training: replace(training, rate_d=1e-3),
    "D without BatchNorm": lambda training: replace(training, batch_norm=False),
    "D twice as wide": lambda training: replace(training, width=2 * training.width),
}
OF_DATA = {"mnist": tuple(CHANGES), "cifar10": tuple(CHANGES)[:-1]}  # there the wide D would take long
SHOWN = 10  # fakes of a kind in the picture


def runs(
    gan: train.GAN,
    training: Training,
    state: train.GANState,
    images: jax.Array,
    names: tuple[str, ...],
    keys: list[jax.Array],
    d_steps: int,
    report: Callable[[int, str], None],
) -> Iterator[tuple[str, dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """For each name of CHANGES, one after the other: the name, the stage, and fakes as its first D sees them.

    `state` has the frozen G, which learnt by `training`; a stage is as in both_gradients.summary_of_stage.
    """
    for name in names:
        changed = replace(build(CHANGES[name](training), images.shape[1:]), generator=gan.generator)
        follow, moments = follower(changed), moments_of(name, d_steps)
        curves, shown = [], {}
        for i, key in enumerate(keys):
            told = partial(report, numbers=f"{name}, D's seed {i}")
            end, curve = follow(state, images, key, moments, told)
            curves.append(curve)
            shown = shown or loud_and_middle(changed, end, jax.random.fold_in(key, 0))
        yield name, {"moments": np.array(moments), **stacked(curves)}, shown


def moments_of(name: str, d_steps: int) -> list[int]:
    """Steps of D at which is measured; SAME's go on to LONGER's."""
    moments = both_gradients.moments_to_look_at(d_steps)
    return sorted({*moments, *np.linspace(d_steps, 2 * d_steps, 5, dtype=int).tolist()}) if name == SAME else moments


def loud_and_middle(gan: train.GAN, state: train.GANState, key: jax.Array) -> dict[str, np.ndarray]:
    """SHOWN fakes (n, h, w, c) uint8 with the highest logits of BATCHES batches, and as many around the median."""
    z = gan.sample_noise(key, BATCHES * gan.batch)
    fakes, logits = jax.jit(lambda z: judged(gan, state, z))(z.reshape(BATCHES, gan.batch, -1))
    order = np.argsort(-logits.ravel())
    middle = (len(order) - SHOWN) // 2
    fakes = to_bytes(fakes.reshape(-1, *fakes.shape[2:]))
    return {"loud": fakes[order[:SHOWN]], "middle": fakes[order[middle : middle + SHOWN]]}


def rows(name: str, stage: dict[str, np.ndarray], d_steps: int) -> list[dict[str, Any]]:
    """Of one run: SAME's are two."""
    if name != SAME:
        return [row(name, stage)]
    first = stage["moments"] <= d_steps
    half = {key: curve[..., first] for key, curve in stage.items()}
    return [row(SAME, half), row(LONGER, stage)]


def row(name: str, stage: dict[str, np.ndarray]) -> dict[str, Any]:
    """For each D how far the saturating norm falls, of the mean of batches and of single ones, and what is left."""
    seeds = [
        {
            "orders_from_peak": both_gradients.orders_from_peak(stage["saturating"][i]),
            "orders_from_start": both_gradients.orders(stage["saturating"][i, 0], stage["saturating"][i].min()),
            "orders_of_a_batch_from_peak": both_gradients.orders_from_peak(stage["saturating of a batch"][i]),
            "nonsaturating_end_over_start": float(stage["nonsaturating"][i, -1] / stage["nonsaturating"][i, 0]),
            **{f"{said} at the end": float(stage[said][i, -1]) for said in ("median D(G(z))", "loud share")},
        }
        for i in range(len(stage["saturating"]))
    ]
    median = {name: np.median(stage[name], axis=0).tolist() for name in ("saturating", "nonsaturating")}
    return {"row": name, "d_steps": int(stage["moments"][-1]), "seeds": seeds,
            "d_step": stage["moments"].tolist(), "median": median}  # fmt: skip
