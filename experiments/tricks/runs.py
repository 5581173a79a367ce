"""One run: a variation of the DCGAN, trained from one seed and judged; and the file that is kept of it."""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.command.folder import replacing
from experiments.image_runs.classifier import Judge
from experiments.image_runs.images import to_bytes, to_unit
from experiments.image_runs.samples import settled
from gan_from_scratch import train
from gan_from_scratch.images import metrics

CHUNK = 50  # steps in one compiled call
LAST = 100  # steps over which a loss at the end is a mean
JUDGED = 500  # images drawn in one call
OUT_OF_BOUNDS = 1e4  # the Frechet distance of a G that is no longer finite: several times that of a collapsed one
SCORES = {"seed", "frechet", "class_score", "variety", "loss_d_at_end", "loss_g_at_end", "seconds"}


class Setting(NamedTuple):
    """What all runs on one data set have in common. Images are uint8 (n, h, w, c)."""

    images: np.ndarray
    reference: np.ndarray  # the judge's features of the test images
    judge: Judge
    steps: int
    judged_by: str  # of what the judge and the images are: Frechet distances of other ones do not compare


def run(
    gan: train.GAN, in_unit: bool, setting: Setting, seed: int, tell: Callable[..., None]
) -> tuple[dict[str, Any], np.ndarray]:
    """Scores of a run and 10 of its images. `in_unit`: G's images lie in [0, 1], and D sees data in [0, 1] as well.

    The keys of start, data and noise are the seed's and no variation's: parameters that two variations share start
    alike, and with as many steps of D both see the same images in the same order.
    """
    started = time.perf_counter()
    key_init, key_train, key_settle, key_judge = jax.random.split(jax.random.key(seed), 4)
    state = start(gan, key_init)
    images, measured, done = jax.device_put(setting.images), [], 0
    while done < setting.steps:
        n = min(CHUNK, setting.steps - done)
        state, found = advance(gan, in_unit, state, images, key_train, n)
        measured.append(jax.tree.map(np.asarray, found))
        done += n
        tell(advance=n)
    at_end = {name: np.concatenate([part[name] for part in measured])[-LAST:].mean() for name in ("loss_d", "loss_g")}

    state = settled(gan, state, key_settle)
    z = gan.sample_noise(key_judge, len(setting.reference))
    parts = [(z[i : i + JUDGED], jax.random.fold_in(key_judge, i)) for i in range(0, len(z), JUDGED)]
    made = np.concatenate([draw(gan, in_unit, state, *part) for part in parts])
    sound = all(jnp.isfinite(w).all() for w in jax.tree.leaves(state.g.params))
    scores = judged(setting, made) if sound else {"frechet": OUT_OF_BOUNDS, "class_score": 1.0, "variety": 0.0}
    losses = {f"{name}_at_end": float(mean) if np.isfinite(mean) else None for name, mean in at_end.items()}
    return {"seed": seed, **scores, **losses, "seconds": round(time.perf_counter() - started, 1)}, made[:10]


@partial(jax.jit, static_argnames="gan")
def start(gan: train.GAN, key: Array) -> train.GANState:
    return train.init(gan, key)


@partial(jax.jit, static_argnames=("gan", "in_unit", "n"), donate_argnames="state")
def advance(gan: train.GAN, in_unit: bool, state: train.GANState, images: Array, key: Array, n: int):
    """n steps of Algorithm 1."""

    def sample_data(key, batch):
        x = to_unit(images[jax.random.randint(key, (batch,), 0, len(images))])
        return (x + 1) / 2 if in_unit else x

    return train.train(gan, state, sample_data, key, n)


@partial(jax.jit, static_argnames=("gan", "in_unit"))
def draw(gan: train.GAN, in_unit: bool, state: train.GANState, z: Array, key: Array) -> Array:
    """G(z) as bytes (n, h, w, c): train.generate's, but for a G that drops units at sampling time too, by the key."""
    x = gan.generator.apply({"params": state.g.params, **state.g.stats}, z, train=False, rngs={"dropout": key})
    return to_bytes(2 * x - 1 if in_unit else x)


def judged(setting: Setting, made: np.ndarray) -> dict[str, float]:
    """Frechet distance, class score, and variety: the total variance of the features over that of the test images."""
    logits, features = setting.judge(made)
    return {
        "frechet": metrics.frechet_distance(features, setting.reference),
        "class_score": metrics.class_score(np.asarray(jax.nn.softmax(logits.astype(np.float64)))),
        "variety": float(features.var(axis=0).sum() / setting.reference.var(axis=0).sum()),
    }


def file_of(folder: Path, data: str, name: str, seed: int) -> Path:
    return folder / f"{data}-{name}-{seed}.json"


def strip_of(path: Path) -> Path:
    """Where the images of a run lie, beside its file."""
    return path.with_suffix(".png")


def kept(path: Path, about: dict[str, Any]) -> dict[str, Any] | None:
    """The scores in a run's file; None without it or its images. ValueError for another run's, or for no such file."""
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        scores, described = dict(found["scores"]), dict(found["about"])
    except (OSError, ValueError, KeyError, TypeError):
        scores = {}
    if not scores.keys() >= SCORES:
        raise ValueError(f"--out has {path}, but that is no file of a run: move it away")
    if described != about:
        other = ", ".join(f"{key} {described.get(key)!r}" for key in about if described.get(key) != about[key])
        raise ValueError(f"--out has {path}, but that run had {other}: choose another folder, or the same settings")
    return scores if strip_of(path).exists() else None


def keep(path: Path, about: dict[str, Any], scores: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps({"about": about, "scores": scores}, indent=1, allow_nan=False) + "\n")
