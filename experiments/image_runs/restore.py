"""A run that is over, or under way: its GAN and where it stands."""

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import jax

from experiments.image_runs.gan import build
from experiments.image_runs.images import SHAPES
from experiments.image_runs.learn import Progress
from experiments.image_runs.resume import CHECKPOINTS, about_of
from experiments.image_runs.settings import Training
from gan_from_scratch import checkpoint, train


def restored(out: Path) -> tuple[train.GAN, Progress, dict[str, Any]]:
    """The GAN of the run in --out, its newest checkpoint, and what the run was."""
    about = about_of(out / CHECKPOINTS)
    training = Training(**{field.name: about[field.name] for field in fields(Training)})
    gan = build(training, SHAPES[about["data"]])
    like = jax.eval_shape(partial(train.init, gan), jax.random.key(0))
    found = checkpoint.load(out / CHECKPOINTS, like)
    return gan, Progress(found.state, found.history), about
