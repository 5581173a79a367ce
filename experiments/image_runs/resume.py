"""Where an image run begins: at its start or at a checkpoint, which says of which run it is."""

import json
from dataclasses import MISSING, fields
from functools import partial
from pathlib import Path
from typing import Any

import jax
from jax import Array
from jax.sharding import Mesh

from experiments.command.machines import same_in_all
from experiments.command.progress import phase
from experiments.command.results import PLACES, flat
from experiments.image_runs.images import PAPER, SHAPES
from experiments.image_runs.learn import Progress, at_the_start
from experiments.image_runs.settings import Training
from gan_from_scratch import checkpoint, train
from gan_from_scratch.parallel.mesh import everywhere

CHECKPOINTS = "checkpoints"  # their folder in --out


def description(name: str, config: Any) -> dict[str, Any]:
    """What a checkpoint says of its run on the data set `name`, as JSON gives it back."""
    return json.loads(json.dumps({"data": name, **flat(config)}, default=str))


@phase("first weights")
def beginning(gan: train.GAN, key: Array, folder: Path, about: dict[str, Any], resume: bool, over: Mesh) -> Progress:
    """Before the first step, or with `resume` at the newest checkpoint in `folder`; on every device of the mesh.

    ValueError if that belongs to another run than `about` describes, or if there are checkpoints and no `resume`.
    """
    init = jax.jit(partial(train.init, gan), out_shardings=everywhere(over))
    state = init(jax.random.fold_in(key, 0))
    if not resume:
        if checkpoint.newest(folder) is not None:
            raise ValueError(f"{folder} holds checkpoints: go on from them with --resume, or choose another --out")
        return at_the_start(state, SHAPES[about["data"]])
    refuse_another(about_of(folder), about)
    found = checkpoint.load(folder, state)
    same_in_all("the newest checkpoint that they can read, of step", found.step)
    if found.step > about["steps"]:
        raise ValueError(f"steps is {about['steps']}, but must be at least {found.step}, the checkpoint's")
    return Progress(found.state, found.history)


def refuse_another(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise ValueError unless a run described as `wanted` can go on from a checkpoint of one described as `found`."""
    free = {*PLACES, "resume", "checkpoint_every", "devices", "processes"}
    if wanted.get("data") != PAPER:
        free |= {"samples", "quick"}  # a run of PAPER judges as many on its way, on data that --quick makes smaller
    if not wanted["decay"]:
        free |= {"steps", "epochs"}  # with rates that do not end a run may be made longer
    checkpoint.refuse_another(
        *({key: value for key, value in run.items() if key not in free} for run in (found, wanted))
    )


def about_of(folder: Path) -> dict[str, Any]:
    """What run the newest checkpoint belongs to. ValueError if it is none of an image GAN's.

    A setting of Training that is younger than the checkpoint was off in its run, as its default is.
    """
    about = checkpoint.about(folder)
    if about.get("data") not in SHAPES or "steps" not in about:
        raise ValueError(
            f"{folder}: expected a checkpoint of mnist_dcgan, cifar_dcgan, stacked_mnist or goodfellow_mnist, found one"
            " of something else"
        )
    if about["data"] == PAPER:
        return about
    usual = {field.name: field.default for field in fields(Training) if field.default is not MISSING}
    return usual | about


def kept(folder: Path) -> str:
    """In words, what a run that broke off can go on from."""
    step = checkpoint.newest(folder)
    return "there is no checkpoint" if step is None else f"the newest checkpoint is of step {step:,}"
