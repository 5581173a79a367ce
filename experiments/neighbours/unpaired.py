"""Digits in two domains: unpaired to learn from; for the score the true partner of each test image is known."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.image_runs.classifier import Judge
from experiments.image_runs.images import to_bytes, to_unit
from experiments.neighbours.translation import State
from gan_from_scratch.neighbours.translators import rotation

SCORED = 2_000  # test digits, at most
SHOWN = 8  # in the picture
NOISE = 0.1  # standard deviation, of a range of 2: not to be seen, but it wipes out what is hidden in faint patterns
Map = Callable[[Array], Array]


class Task(NamedTuple):
    """What a translation should do to images (n, h, w, c), bytes, and what undoes it."""

    there: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray]


TASKS = {
    "rotation": Task(lambda x: np.rot90(x, 1, (1, 2)), lambda y: np.rot90(y, -1, (1, 2))),
    "inversion": Task(lambda x: 255 - x, lambda y: 255 - y),
}


def domains(images: np.ndarray, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """X and Y from disjoint halves: no image of Y has its partner in X."""
    half = len(images) // 2
    return images[:half], np.ascontiguousarray(task.there(images[half:]))


def at_angles(states: list[State], key: Array) -> list[State]:
    """Each state with another pose: G turns by one of evenly spread angles, F back by the same: an inverse pair.

    Spread, because from a wrong half of the circle a pose ends half a turn away from the right one, where digits look
    much alike; by a random offset, so that none of them need be right.
    """
    offset = jax.random.uniform(key)
    found = []
    for i, state in enumerate(states):
        angle = 2 * jnp.pi * (i + offset) / len(states)
        g, f = (
            player._replace(params=player.params | {"pose": rotation(turn)})
            for player, turn in ((state.g, angle), (state.f, -angle))
        )
        found.append(state._replace(g=g, f=f))
    return found


def scored(g: Map, f: Map, task: Task, test: tuple[np.ndarray, np.ndarray], judge: Judge, key: Array) -> dict[str, Any]:
    """Mean squared errors over pixels, images in [-1, 1], and the share of labels that survive.

    paired     of G(x) against x's true partner
    cycle      of F(G(x)) against x; `cycle_noisy`: of F(G(x) + noise). The truth has 0, and NOISE^2. (Chu et al. 2017:
               what G hides from D in faint patterns, F reads; noise wipes it out.)
    agreement  how often the judge, shown G(x) undone, says x's label
    """
    images, labels = (each[:SCORED] for each in test)
    x = to_unit(jnp.asarray(images))
    partner = to_unit(jnp.asarray(task.there(images)))
    fake = g(x)
    noisy = f(fake + NOISE * jax.random.normal(key, fake.shape))
    undone = task.back(np.asarray(to_bytes(jnp.clip(fake, -1, 1))))
    return {
        "paired": mean_squared(fake, partner),
        "cycle": mean_squared(f(fake), x),
        "cycle_noisy": mean_squared(noisy, x),
        "agreement": float(np.mean(judge(undone)[0].argmax(axis=1) == labels)),
    }


def chance(task: Task, test: tuple[np.ndarray, np.ndarray], judge: Judge) -> dict[str, float]:
    """A random other digit of Y in place of G(x), here the next one, or Y's mean image.

    The judge's share on test digits, and on the same digits upside down: what an upright one becomes by half a turn.
    """
    images, labels = (each[:SCORED] for each in test)
    partner = to_unit(jnp.asarray(task.there(images)))
    return {
        "paired": mean_squared(jnp.roll(partner, 1, axis=0), partner),
        "paired_of_mean": mean_squared(partner.mean(axis=0), partner),
        "agreement": float(np.mean(labels == np.roll(labels, 1))),
        "judge": float(np.mean(judge(images)[0].argmax(axis=1) == labels)),
        "judge_upside_down": float(np.mean(judge(images[:, ::-1, ::-1])[0].argmax(axis=1) == labels)),
    }


def examples(g: Map, f: Map, task: Task, images: np.ndarray) -> dict[str, np.ndarray]:
    """The first SHOWN test digits, bytes (n, h, w, c): as they are, translated, back again, and the true partners."""
    images = images[:SHOWN]
    fake = g(to_unit(jnp.asarray(images)))
    as_bytes = lambda x: np.asarray(to_bytes(jnp.clip(x, -1, 1)))  # noqa: E731
    return {"x": images, "G(x)": as_bytes(fake), "F(G(x))": as_bytes(f(fake)), "partner": task.there(images)}


def mean_squared(a: Array, b: Array) -> float:
    return float(jnp.mean((a - b) ** 2))
