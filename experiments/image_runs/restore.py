"""A run that is over, or under way: its GAN and where it stands."""

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.image_runs import goodfellow
from experiments.image_runs.gan import build
from experiments.image_runs.goodfellow import FURTHEST, PaperTraining
from experiments.image_runs.images import PAPER, SHAPES
from experiments.image_runs.learn import Progress
from experiments.image_runs.resume import CHECKPOINTS, about_of
from experiments.image_runs.settings import Training
from gan_from_scratch import checkpoint, train


def restored(out: Path) -> tuple[train.GAN, Progress, dict[str, Any]]:
    """The GAN of the run in --out, to sample from, its newest checkpoint, and what the run was.

    To that is added how far uniform noise goes from 0: `furthest`.
    """
    about = about_of(out / CHECKPOINTS)
    shape = SHAPES[about["data"]]
    about |= {"furthest": 1.0}
    if about["data"] == PAPER:
        about |= {"categories": 0, "category_sets": 1, "furthest": FURTHEST}  # its z says none
        # One image in the place of those that its first biases and its schedules come from.
        gan = goodfellow.build(settings_in(about, PaperTraining), np.zeros((1, *shape), np.uint8))
    else:
        gan = build(settings_in(about, Training), shape)
    like = jax.eval_shape(partial(train.init, gan), jax.random.key(0))
    found = checkpoint.load(out / CHECKPOINTS, like)
    return gan, Progress(found.state, found.history), about


def settings_in(about: dict[str, Any], kind: type) -> Any:
    return kind(**{field.name: about[field.name] for field in fields(kind)})
