"""The GAN of cifar_dcgan with all ten classes, for a minute: does it learn here, how fast, what does it make?"""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.command.progress import phase, progress_bar
from experiments.image_runs.gan import build
from experiments.image_runs.images import load
from experiments.image_runs.learn import CHUNK, METRICS
from experiments.image_runs.samples import fresh_images
from experiments.image_runs.settings import FROGS
from experiments.timing.images import program
from experiments.timing.plans import Plan

MADE_UP = 10_000  # images, where CIFAR-10 is not at hand: as many as one of its files has
SAMPLES = 100  # what one picture shows


def images(data_dir: Path | None) -> tuple[np.ndarray, str]:
    """CIFAR-10's 50,000 training images uint8 (n, 32, 32, 3) or made-up ones, and which they are.

    Nothing is downloaded. OSError or ValueError if `data_dir` is given and has not got them; in GAN_DATA_DIR they may
    be missing.
    """
    if data_dir or os.environ.get("GAN_DATA_DIR"):
        try:
            return load("cifar10", "train", data_dir, None)[0], "CIFAR-10, all ten classes"
        except FileNotFoundError:
            if data_dir:
                raise
    return load("cifar10", "train", None, MADE_UP)[0], f"{MADE_UP:,} made-up images, ten classes"


def learnt(
    plan: Plan, width: int, pixels: np.ndarray, seed: int, begun: float
) -> tuple[dict[str, Any], np.ndarray | None]:
    """How the run went, and SAMPLES images uint8 of the averaged G; None if a loss was not finite.

    It ends with the chunk in which its steps or its seconds are over, or those of the whole command, which perf_counter
    had `begun` at, or a loss is not finite.
    """
    # Nobody knows beforehand how many steps a minute holds, so the rates cannot fall until its end.
    training = replace(
        FROGS, steps=plan.run_steps, batch=plan.run_batch, dtype=plan.run_dtype, width=width, decay=False
    )
    with phase("compiling the short run"):
        gan = build(training, pixels.shape[1:])
        advance, state, pixels = program(gan, pixels, seed, training.mirror, CHUNK)
    history, seconds = {name: [] for name in METRICS}, 0.0
    with progress_bar() as bar:
        task = bar.add_task("all ten classes", total=plan.run_steps, numbers="")
        while True:
            started = time.perf_counter()
            state, measured, sound = advance(state, pixels)
            measured = jax.device_get(measured)
            seconds += time.perf_counter() - started
            history = {name: [*values, *measured[name].tolist()] for name, values in history.items()}
            finite = bool(sound) and bool(np.all([np.isfinite(values) for values in measured.values()]))
            speed = gan.batch * len(history["loss_d"]) / seconds
            last = f"D's loss {history['loss_d'][-1]:.2f}  G's {history['loss_g'][-1]:.2f}  {speed:,.0f} images/s"
            steps, late = len(history["loss_d"]), time.perf_counter() - begun > plan.run_until
            bar.update(task, completed=steps, numbers=last)
            if late or not finite or steps >= plan.run_steps or seconds >= plan.run_seconds:
                break
    numbers = {
        "batch": gan.batch,
        "dtype": training.dtype,
        "steps": steps,
        "seconds": round(seconds, 1),
        "images_per_second": gan.batch * steps / seconds,
        "finite": finite,
        # A single batch's loss is noise.
        "in_the_last_chunk": {name: float(np.mean(values[-CHUNK:])) for name, values in history.items() if finite},
    }
    return numbers, fresh_images(gan, state, jax.random.key(seed), SAMPLES) if finite else None
