"""One row of mode_collapse: a GAN trained from many seeds together, scored on its way, and kept in a file."""

import json
import math
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from experiments.command.folder import replacing
from gan_from_scratch import metrics, remedies, train
from gan_from_scratch.distributions import Mixture
from gan_from_scratch.parallel.mesh import spread_seeds

DRAWN = 2_500  # samples of each seed: the number of the published scores
MOMENTS = 32  # at which a run is looked at, after its start
SCORES = ("modes", "high_quality", "kl", "spread")


class Row(NamedTuple):
    """What is kept of a row: at each moment each seed's scores, and the first seed's samples, to be drawn."""

    steps: Int[np.ndarray, " moments"]
    scores: dict[str, Float[np.ndarray, "moments seeds"]]
    samples: Float[np.ndarray, "moments drawn 2"]
    seconds: float  # in the loop over steps, without compiling


def run(
    gan: train.GAN, data: Mixture, sample_data: train.Sampler, key: jax.Array, seeds: int, steps: int,
    tell: Callable[[int], None], devices: int | None = None,
) -> Row:  # fmt: skip
    """Train so many seeds at once on draws of sample_data; `tell` hears how many steps are done.

    Seeds go the same way in each row's draws.
    """
    key_init, key_run, key_z = (
        spread_seeds(jax.random.split(jax.random.fold_in(key, i), seeds), devices) for i in range(3)
    )
    states = jax.jit(jax.vmap(lambda key: train.init(gan, key)))(key_init)

    def advance(states, n):
        return jax.vmap(lambda state, key: train.train(gan, state, sample_data, key, n)[0])(states, key_run)

    @jax.jit
    @jax.vmap
    def look(state, key):
        return train.generate(gan, state._replace(g=remedies.averaged(state.g)), gan.sample_noise(key, DRAWN))

    programs = {n: jax.jit(advance, static_argnums=1, donate_argnums=0).lower(states, n).compile()
                for n in set(chunks(steps))}  # fmt: skip
    done, seconds, moments, seen = 0, 0.0, [0], [np.asarray(look(states, key_z))]
    for n in chunks(steps):
        started = time.perf_counter()
        states = jax.block_until_ready(programs[n](states))
        seconds += time.perf_counter() - started
        done += n
        moments.append(done)
        seen.append(np.asarray(look(states, key_z)))
        tell(done)
    found = [[scores(x, data) for x in of_seeds] for of_seeds in seen]
    by_name = {name: np.array([[score[name] for score in line] for line in found]) for name in SCORES}
    return Row(np.array(moments), by_name, np.array([x[0] for x in seen], np.float32), seconds)


def chunks(steps: int) -> list[int]:
    """Steps between moments: equal but for the last."""
    size = math.ceil(steps / MOMENTS)
    return [size] * (steps // size) + [steps % size] * bool(steps % size)


def scores(x: Float[np.ndarray, "drawn 2"], data: Mixture) -> dict[str, float]:
    """A G that has gone to infinity has found nothing."""
    x = np.where(np.isfinite(x).all(axis=1, keepdims=True), x, 1e9)
    found = metrics.mode_coverage(x, data.means, data.std)._asdict()
    return found | {"spread": metrics.mode_spread(x, data.means, data.std)}


def of_real_data(data: Mixture, key: jax.Array, seeds: int) -> dict[str, list[float]]:
    """As many draws of p_data, scored alike."""
    found = [scores(np.asarray(data.sample(key, DRAWN)), data) for key in jax.random.split(key, seeds)]
    return {name: [score[name] for score in found] for name in SCORES}


def save(row: Row, path: Path, about: dict[str, Any]) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, about=json.dumps(about), steps=row.steps, samples=row.samples, seconds=row.seconds, **row.scores)


def load(path: Path, about: dict[str, Any]) -> Row | None:
    """A row that an earlier run has finished, or None. ValueError if it was run with other settings."""
    try:
        with np.load(path) as file:
            kept = {name: file[name] for name in file.files}
        found = json.loads(str(kept["about"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        raise ValueError(f"{path} is no row of mode_collapse: move it away") from None
    for name, value in about.items():
        if found.get(name) != value:
            raise ValueError(
                f"{path} was run with {name} {found.get(name)}, not {value}: choose another --out, or move it away"
            )
    scores = {name: kept[name] for name in SCORES}
    return Row(kept["steps"], scores, kept["samples"], float(kept["seconds"]))
