"""A small mnist_dcgan is killed twenty times at random moments, resumed, and compared with one left alone (5 minutes).

SIGKILL cannot be caught: what is on disk at that moment is all there is, a save half done included. With --processes
the run is that of several processes, and one of them is killed, or, at the last of several kills, first falls silent
(SIGSTOP). Writes result.json.
"""

import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jax
import numpy as np

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.progress import progress_bar
from experiments.command.quick import at_most
from experiments.command.results import save_result
from experiments.image_runs.classifier import check_cache
from experiments.image_runs.restore import restored
from experiments.image_runs.resume import CHECKPOINTS
from gan_from_scratch import check

SMALL = {
    "synthetic": 60, "samples": 60, "sample-every": 200,
    "batch": 8, "width": 4, "hidden": 6, "noise-dim": 5, "categories": 2,
}  # fmt: skip
PATIENCE = 60.0  # seconds in which the other processes of a run have to notice that one is gone
POLL = 0.01  # seconds between two looks at the folder: a save takes some tenths


@dataclass(frozen=True)
class Config:
    """The network is tiny and its images are made up: what is tested is the saving."""

    kills: int = 20
    """How often the run is killed."""
    steps: int = 3_000
    """Steps of Algorithm 1; enough that the run is not over before the last kill."""
    checkpoint_every: int = 20
    """Steps from one checkpoint to the next."""
    wait: float = 1.5
    """Seconds from a new checkpoint to the kill: uniform between 0 and this, the time of some more saves."""
    processes: int = 1
    """Processes that make the run together. One of them is killed, and the others have to end by themselves."""
    seed: int = 0
    """Decides how long each kill waits, and whom it meets."""
    out: Path = Path("runs/killed_runs")
    """Folder for result.json."""
    cache: Path | None = None
    """Folder in which the classifier that judges is kept. None: the user's cache folder."""
    quick: bool = False
    """The whole pipeline in less than a minute: at most 1 kill, 120 steps."""

    def __post_init__(self):
        for name in ("kills", "steps", "checkpoint_every", "processes"):
            check.positive_integer(name, getattr(self, name))
        check.nonnegative("wait", self.wait)
        check.seed("seed", self.seed)
        if self.quick:
            at_most(self, kills=1, steps=120, wait=0.5)


def main(config: Config) -> None:
    """Kill, resume, compare, save."""
    started = time.perf_counter()
    check_cache(config.cache)
    prepare_folder(config.out, "killed_runs", ("result.json",))
    rng, kills = np.random.default_rng(config.seed), []
    arguments = partial(command, steps=config.steps, checkpoint_every=config.checkpoint_every, cache=config.cache)
    with tempfile.TemporaryDirectory(dir=config.out) as folder, progress_bar() as bar:
        killed, alone = Path(folder) / "killed", Path(folder) / "alone"
        task = bar.add_task("kills, and two runs to the end", total=config.kills + 2, numbers="")
        for i in range(config.kills):
            victim, wait = int(rng.integers(config.processes)), rng.uniform(0, config.wait)
            silent = config.processes > 1 and 0 < i == config.kills - 1
            kills.append(kill_once(arguments(killed), killed, wait, config.steps, config.processes, victim, silent))
            bar.update(task, advance=1, numbers=f"killed after step {kills[-1]['loaded_step']:,} of {config.steps:,}")
        for out in (killed, alone):
            codes = [process.wait() for process in started_together(arguments(out), config.processes)]
            if any(codes):
                raise OSError(f"the run in {out} ended with exit code {max(codes, key=abs)}")
            bar.advance(task)
        same = same_run(killed, alone)
    numbers = {
        "kills": kills,
        "while_saving": sum(kill["while_saving"] for kill in kills),
        "checkpoints_lost": sum(kill["loaded_step"] < kill["complete_step"] for kill in kills),
        "same_as_the_run_left_alone": same,
        "longest_until_others_ended": max((k["others_ended_after"] for k in kills if not k["silent"]), default=0.0),
        "until_silence_was_noticed": max((k["others_ended_after"] for k in kills if k["silent"]), default=None),
    }
    save_result(config.out, config, started, numbers)
    print(
        f"{len(kills)} kills, {numbers['while_saving']} of them while saving, lost {numbers['checkpoints_lost']} "
        f"checkpoints; the end is {'' if same else 'not '}that of the run left alone; results in {config.out}"
    )
    if config.processes > 1:
        print(f"the other processes ended at most {numbers['longest_until_others_ended']} s after a kill")


def command(out: Path, steps: int, checkpoint_every: int, cache: Path | None) -> list[str]:
    """The run, resumed if there is something to resume."""
    options = SMALL | {"steps": steps, "checkpoint-every": checkpoint_every, "out": out}
    if cache:
        options["cache"] = cache
    arguments = [f"--{name}={value}" for name, value in options.items()]
    resume = ["--resume"] * bool(complete_steps(out))
    return [sys.executable, "-m", "experiments.mnist_dcgan", *arguments, *resume]


def complete_steps(out: Path) -> list[int]:
    """Steps of the complete checkpoints, which alone have plain numbers for names."""
    folder = out / CHECKPOINTS
    return [int(path.name) for path in folder.glob("*") if path.name.isdigit()]


def started_together(arguments: list[str], processes: int) -> list[subprocess.Popen]:
    """So many processes of one run, which meet at a free port of this machine."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    meeting = [f"--coordinator=localhost:{port}", f"--processes={processes}"]
    return [
        subprocess.Popen(arguments + [*meeting, f"--process={i}"] * (processes > 1), stdout=subprocess.DEVNULL)
        for i in range(processes)
    ]


def kill_once(
    arguments: list[str], out: Path, wait: float, steps: int, processes: int, victim: int, silent: bool
) -> dict[str, int | float | bool]:
    """Start a run of so many steps in `out`; after one more checkpoint wait, kill, and load what is left.

    The processes beside the victim are given PATIENCE to end by themselves; if it is to fall silent, before the kill.
    """
    before = max(complete_steps(out), default=0)
    running = started_together(arguments, processes)
    try:
        while max(complete_steps(out), default=0) == before and running[victim].poll() is None:
            time.sleep(POLL)
        time.sleep(wait)
        code, complete = running[victim].poll(), max(complete_steps(out), default=0)
        running[victim].send_signal(signal.SIGSTOP if silent else signal.SIGKILL)
        killed = time.perf_counter()
        for process in running[:victim] + running[victim + 1 :]:
            process.wait(PATIENCE)
        ended_after = time.perf_counter() - killed
    except subprocess.TimeoutExpired:
        raise OSError(f"a process went on for {PATIENCE} seconds after another one of its run was gone") from None
    finally:  # an interrupt among the ends
        for process in running:
            process.kill()
            process.wait()
    if code == 0:
        raise ValueError(f"steps is {steps}, but must be more: the run was over before it could be killed")
    if code is not None:
        raise OSError(f"the run that was to be killed ended by itself, with exit code {code}")
    folder = out / CHECKPOINTS
    while_saving = any("tmp" in path.name for path in folder.iterdir())
    _, progress, _ = restored(out)
    return {
        "complete_step": complete,
        "loaded_step": int(progress.state.step),
        "while_saving": while_saving,
        "victim": victim,
        "silent": silent,
        "others_ended_after": round(ended_after, 1),
    }


def same_run(one: Path, other: Path) -> bool:
    """Whether two runs ended with the same bits: parameters, statistics, optimizers, and what the figures show."""
    ends = []
    for out in (one, other):
        _, end, _ = restored(out)
        ends.append((end.state, {name: x for name, x in end.history.items() if name != "seconds"}))
    leaves = [[np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(end)] for end in ends]
    return leaves[0] == leaves[1]


if __name__ == "__main__":
    command_line(Config, main, __doc__)
