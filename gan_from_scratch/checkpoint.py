"""Checkpoints on disk, by orbax: what a run needs to go on as if nothing had happened.

A checkpoint is written under a temporary name and renamed when it is complete, and the one before it is deleted only
after that. So whenever the process is killed, the newest complete checkpoint is whole, and it is the one that `load`
finds; where it was damaged later, `load` warns and finds the one before it. It holds the state, which decides every
later step (the draws depend on the run's key and on state.step alone), the history that the figures are made from, and
what was run, so that another run's checkpoint is not continued.

A state that lies on the devices of several processes is theirs together: each of them calls `save` and `load`, into one
folder that all of them see. It may be loaded onto another number of devices, or processes, than it was saved from.
"""

import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.experimental.multihost_utils import sync_global_devices

SLACK = 2**16  # bytes of descriptions beside the arrays
KEPT = 2  # the newest, and the one before it in case the newest is damaged later


class Checkpoint(NamedTuple):
    """`state` is any tree of arrays, `history` a dict of NumPy arrays, `about` a dict that JSON can hold."""

    step: int
    state: Any
    history: dict[str, np.ndarray]
    about: dict[str, Any]


def save(folder: str | os.PathLike, checkpoint: Checkpoint) -> None:
    """Write one more checkpoint into the folder. OSError if it cannot be written; the earlier ones are kept then."""
    folder = Path(folder)
    step, state, history, about = checkpoint
    together = _together(state)
    if not together:  # one of several processes may write alone, but to orbax no array of JAX is then its own
        state = jax.device_get(state)
    arguments = ocp.args.Composite(
        state=ocp.args.StandardSave(state), history=ocp.args.StandardSave(history), about=ocp.args.JsonSave(about)
    )
    aside = None
    try:
        if not together or jax.process_index() == 0:
            _check_room(folder, state, history)
            if (folder / str(step)).exists():  # a damaged one, which `load` passed over, or one of the same run
                aside = tempfile.mkdtemp(prefix=f"replaced-{step}-", dir=folder)
                (folder / str(step)).rename(Path(aside) / str(step))
        if together:
            sync_global_devices("the folder is ready")
        with _without_tracebacks(), _manager(folder, together) as manager:
            manager.save(step, args=arguments, force=True)
        if aside:
            shutil.rmtree(aside, ignore_errors=True)
    except jax.errors.JaxRuntimeError:  # another process is gone
        raise
    except Exception as error:  # tensorstore reports a full disk as a ValueError
        if aside and not (folder / str(step)).exists():
            (Path(aside) / str(step)).rename(folder / str(step))
            Path(aside).rmdir()
        earlier = newest(folder)
        kept = "there is no earlier one" if earlier is None else f"the one of step {earlier:,} is kept"
        reason = str(error).strip().partition("\n")[0]
        raise OSError(f"{folder}: the checkpoint of step {step:,} could not be written, {kept}: {reason}") from None


def load(folder: str | os.PathLike, like: Any) -> Checkpoint:
    """The newest complete checkpoint, with the shapes and types of `like`, and lying where its arrays lie.

    Shapes alone, as jax.eval_shape gives them, lie nowhere: the state is then on this machine's first device.

    FileNotFoundError if there is none, ValueError if its state is unlike `like`. A damaged one is passed over with a
    warning; OSError if no other is left.
    """
    return _newest_readable(Path(folder), lambda step: _loaded(Path(folder), step, like))


def about(folder: str | os.PathLike) -> dict[str, Any]:
    """What run the newest complete checkpoint belongs to. Errors as for `load`."""
    only_about = ocp.args.Composite(about=ocp.args.JsonRestore())
    return _newest_readable(Path(folder), lambda step: _restored(Path(folder), step, only_about).about)


def newest(folder: str | os.PathLike) -> int | None:
    """The step of the newest complete checkpoint, or None."""
    return max(_complete(Path(folder)), default=None)


def refuse_another(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise ValueError that names the fields in which the run of a checkpoint differs from the one wanted."""
    differing = [
        f"{name} is {wanted.get(name)!r} here and {found.get(name)!r} there"
        for name in sorted(found.keys() | wanted.keys())
        if found.get(name) != wanted.get(name)
    ]
    if differing:
        raise ValueError(f"the checkpoint belongs to another run: {', '.join(differing)}")


def _check_room(folder: Path, *trees: Any) -> None:
    """OSError if so many bytes cannot be written there. orbax, whose threads write on, would show tracebacks."""
    folder.mkdir(parents=True, exist_ok=True)
    needed = SLACK + sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(trees))
    with tempfile.TemporaryFile(dir=folder) as file:
        if hasattr(os, "posix_fallocate"):  # not on macOS
            os.posix_fallocate(file.fileno(), 0, needed)


@contextmanager
def _without_tracebacks() -> Iterator[None]:
    """orbax logs each failed write with a traceback, and each save that a kill left half done; its threads report to a
    loop that is closed by then."""
    logger, hook = logging.getLogger("absl"), sys.unraisablehook
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    sys.unraisablehook = lambda report: None if "loop is closed" in str(report.exc_value) else hook(report)
    try:
        yield
    finally:
        logger.setLevel(level)
        sys.unraisablehook = hook


def _together(state: Any) -> bool:
    """Whether it lies on other processes' devices as well."""
    return not all(leaf.sharding.is_fully_addressable for leaf in jax.tree.leaves(state) if isinstance(leaf, jax.Array))


def _manager(folder: Path, together: bool = False) -> ocp.CheckpointManager:
    """Of all processes, or of this one alone: it then waits for no other."""
    alone = {"primary_host": jax.process_index(), "active_processes": {jax.process_index()}}
    processes = ocp.options.MultiprocessingOptions(
        **{} if together else alone, barrier_sync_key_prefix=None if together else f"alone_{jax.process_index()}"
    )
    options = ocp.CheckpointManagerOptions(
        max_to_keep=KEPT, enable_async_checkpointing=False, create=together, multiprocessing_options=processes
    )
    return ocp.CheckpointManager(folder.resolve(), options=options)


def _complete(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    with _without_tracebacks(), _manager(folder) as manager:
        return list(manager.all_steps())


def _newest_readable(folder: Path, read: Callable[[int], Any]) -> Any:
    steps = sorted(_complete(folder), reverse=True)
    if not steps:
        raise FileNotFoundError(f"{folder} has no complete checkpoint")
    damage = None
    for step in steps:
        try:
            found = read(step)
        except OSError as error:
            damage = damage or error
            continue
        if damage:
            warnings.warn(f"{damage}; the checkpoint of step {step:,} takes its place", stacklevel=3)
        return found
    raise damage


def _loaded(folder: Path, step: int, like: Any) -> Checkpoint:
    _refuse_another_network(folder, step, like)
    here = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])

    def wanted(leaf):
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=getattr(leaf, "sharding", None) or here)

    like = jax.tree.map(wanted, like)
    arguments = ocp.args.Composite(
        state=ocp.args.StandardRestore(like), history=ocp.args.StandardRestore(), about=ocp.args.JsonRestore()
    )
    found = _restored(folder, step, arguments)
    return Checkpoint(step, found.state, found.history, found.about)


def _refuse_another_network(folder: Path, step: int, like: Any) -> None:
    """Raise ValueError that names an array which is missing on one side or differs.

    Before any array is read: orbax gives up at the first that does not fit and never waits for the other reads.
    """
    try:
        found = _arrays(ocp.StandardCheckpointHandler().metadata(folder.resolve() / str(step) / "state").tree)
    except Exception as error:  # as in _restored
        raise _damaged(folder, step, error) from None
    wanted = _arrays(like)
    for name in sorted(found.keys() | wanted.keys()):
        there, here = found.get(name, "missing"), wanted.get(name, "missing")
        if there != here:
            raise ValueError(
                f"{folder / str(step)}: expected a checkpoint of this network, found another one "
                f"({name} is {there} there and {here} here)"
            )


def _arrays(tree: Any) -> dict[str, str]:
    """Path and description of each array; tuples, dicts and what orbax makes of them give the same paths."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): f"{leaf.dtype}{list(leaf.shape)}"
        for path, leaf in leaves
    }


def _restored(folder: Path, step: int, arguments: ocp.args.Composite) -> Any:
    try:
        with _manager(folder) as manager:
            return manager.restore(step, args=arguments)
    except Exception as error:  # orbax and tensorstore raise many kinds
        raise _damaged(folder, step, error) from None


def _damaged(folder: Path, step: int, error: Exception) -> OSError:
    return OSError(f"{folder / str(step)} is damaged ({str(error).strip().partition(chr(10))[0]})")
