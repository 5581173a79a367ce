"""Each command on a rough day: interrupted, on a full disk, without memory, beside files of others (40 minutes).

A command should end within 10 seconds of a signal, say what is wrong in one sentence, and lose no file that it did not
write. All run with --quick, in a folder of their own, where no terminal is. Writes result.json.
"""

import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.command.folder import prepare_folder
from experiments.command.line import command_line
from experiments.command.progress import progress_bar
from experiments.command.quick import at_most
from experiments.command.results import save_result
from gan_from_scratch import check

# Each command's further arguments, and settings that no machine has the memory for.
COMMANDS = {
    "goodfellow_1d": ([], ["--seeds", "1000000000"]),
    "optimal_discriminator": ([], ["--batch", "100000000000"]),
    "gradient_vanishing": ([], ["--batch", "100000000000"]),
    "five_orders": ([], ["--batch", "1000000000", "--synthetic", "1000000000"]),
    "dirac_gan": ([], ["--steps", "1000000000000"]),
    "frozen_players": ([], ["--batch", "100000000000"]),
    "mode_collapse": ([], ["--seeds", "1000000000"]),
    "goodfellow_mnist": ([], ["--width-g", "1000000000"]),
    "parzen_critique": ([], None),
    "mnist_dcgan": ([], ["--noise-dim", "1000000000000"]),
    "cifar_dcgan": ([], ["--batch", "1000000000", "--synthetic", "1000000000"]),
    "advice": ([], ["--width", "1000000000"]),
    "stacked_mnist": ([], ["--noise-dim", "1000000000000"]),
    "conditional": ([], ["--batch", "1000000000"]),
    "vae": ([], ["--hidden", "1000000000"]),
    "adversarial_examples": ([], ["--batch", "1000000000"]),
    "cyclegan": ([], ["--batch", "1000000000"]),
    "style_transfer": ([], ["--width", "1000000000"]),
    "classifier": ([], ["--batch", "1000000000"]),
    "sample": (["--run", "{mnist_dcgan}"], ["--n", "1000000000000"]),
    "pytorch_dcgan": ([], None),
    "benchmark": ([], ["--seeds", "1000000000"]),
    "killed_runs": ([], None),
    "scaling": ([], ["--batch", "64000000000"]),
}
# Those that judge images, those with --cache, and those with --data-dir, and using it.
IMAGES = {
    "goodfellow_mnist", "parzen_critique", "mnist_dcgan", "cifar_dcgan", "stacked_mnist", "advice", "classifier",
    "pytorch_dcgan", "conditional", "vae", "cyclegan", "style_transfer",
}  # fmt: skip
CACHED, DATA = IMAGES | {"killed_runs"}, IMAGES | {"sample", "five_orders", "adversarial_examples"}
RESUMED = ("goodfellow_mnist", "mnist_dcgan", "cifar_dcgan", "stacked_mnist")  # those with --resume
LARGEST_FILE = 4  # KiB, on a disk that is all but full
EARLIEST = 0.05  # seconds: before, Python itself starts, and ends in its own way
LAST_MOMENT = 0.8  # of its time alone, after which a command may be over before the signal
MOST_TRIES = 3  # for each interruption
LATEST = 10.0  # seconds from a signal to the end
LONGEST = 600.0  # seconds after which a command counts as hanging


@dataclass(frozen=True)
class Config:
    """What is done to the commands."""

    interruptions: int = 60
    """Ctrl-Cs at random moments, over all commands together."""
    only: tuple[str, ...] = tuple(COMMANDS)
    """Which commands."""
    seed: int = 0
    """Decides the moments."""
    data_dir: Path | None = None
    """Folder with the data's files. None: what GAN_DATA_DIR names, else a download."""
    out: Path = Path("runs/rough_day")
    """Folder for the result."""
    quick: bool = False
    """In less than a minute: one interruption, of the first command alone."""

    def __post_init__(self):
        check.nonnegative_integer("interruptions", self.interruptions)
        check.seed("seed", self.seed)
        if not self.only:
            raise ValueError(f"only is empty, but must name at least one of {', '.join(COMMANDS)}")
        for name in self.only:
            check.one_of("only", name, COMMANDS)
        if self.quick:
            at_most(self, interruptions=1, only=self.only[:1])


class Ended(NamedTuple):
    """How a process ended: exit code, seconds, seconds from the signal, when it said something, and its last words."""

    code: int
    seconds: float
    after_signal: float
    moments: list[float]
    errors: str


def main(config: Config) -> None:
    """Run, interrupt, starve; count."""
    started = time.perf_counter()
    prepare_folder(config.out, "rough_day", ("result.json",))
    rng = np.random.default_rng(config.seed)
    with tempfile.TemporaryDirectory(dir=config.out) as folder, progress_bar() as bar:
        place = Path(folder)
        task = bar.add_task("rough day", total=5 * len(config.only) + config.interruptions, numbers="")

        def each(what: str, commands: list[str], do: Callable[[str], Any]) -> dict[str, Any]:
            found = {}
            for name in commands:
                bar.update(task, numbers=f"{what}: {name}")
                found[name] = do(name)
                bar.advance(task)
            return found

        calm = each("left alone", list(config.only), partial(left_alone, config.data_dir, place))
        interrupted = []
        # Where a command was over before its signal came, another takes its turn.
        for i in range(MOST_TRIES * config.interruptions):
            if sum(row["after_signal_s"] > 0 for row in interrupted) == config.interruptions:
                break
            name = config.only[i % len(config.only)]
            bar.update(task, numbers=f"interrupted: {name}")
            after = rng.uniform(EARLIEST, LAST_MOMENT * calm[name]["seconds"])
            interrupted.append(interrupt(config.data_dir, place, name, place / f"interrupted-{i}", after))
            bar.advance(task, interrupted[-1]["after_signal_s"] > 0)
        numbers = {
            "left_alone": calm,
            "interrupted": interrupted,
            "full_disk": each("full disk", list(config.only), partial(full_disk, config.data_dir, place)),
            "too_large": each("too large", [name for name in config.only if COMMANDS[name][1]],
                              partial(too_large, config.data_dir, place)),
            "unwritable": each("unwritable", list(config.only), partial(unwritable, config.data_dir, place)),
            "foreign": each("foreign files", list(config.only), partial(foreign, config.data_dir, place)),
        }  # fmt: skip
    numbers["counts"] = counts(numbers)
    save_result(config.out, config, started, numbers)
    for name, count in numbers["counts"].items():
        print(f"{name.replace('_', ' '):55}{count:>10}")
    print(f"results in {config.out}")


# What is done to a command


def left_alone(data_dir: Path | None, place: Path, name: str) -> dict[str, Any]:
    """How soon it speaks, how long it is silent, how long it takes."""
    ended = run(arguments(data_dir, place, name, place / name))
    first, second, *_ = [*ended.moments, ended.seconds, ended.seconds]
    silences = np.diff([0.0, *ended.moments, ended.seconds])
    return told(ended) | {"first_line_s": first, "second_line_s": second, "longest_silence_s": float(silences.max())}


def interrupt(data_dir: Path | None, place: Path, name: str, out: Path, after: float) -> dict[str, Any]:
    """SIGINT after so many seconds, or, if it was faster this time, nothing."""
    return {"command": name, "after_s": after} | told(run(arguments(data_dir, place, name, out), interrupt_after=after))


def full_disk(data_dir: Path | None, place: Path, name: str) -> dict[str, Any]:
    """No file may grow beyond LARGEST_FILE."""
    return told(run(arguments(data_dir, place, name, place / f"{name}-full"), full_disk=True))


def too_large(data_dir: Path | None, place: Path, name: str) -> dict[str, Any]:
    quick, out = arguments(data_dir, place, name, place / f"{name}-large"), place / f"{name}-large"
    ended = run([argument for argument in quick if argument != "--quick"] + COMMANDS[name][1])
    return told(ended) | {"wrote": out.exists()}


def unwritable(data_dir: Path | None, place: Path, name: str) -> dict[str, Any]:
    """A device where the folder of results, the cache or the data should be."""
    nowhere, found = "/dev/null", {}
    for option in ["--out", *["--cache"] * (name in CACHED), *["--data-dir"] * (name in DATA)]:
        usual = arguments(data_dir, place, name, place / f"{name}-nowhere")
        found[option] = told(run([*usual, option, nowhere]))
    return found


def foreign(data_dir: Path | None, place: Path, name: str) -> dict[str, Any]:
    """In --out lies a file of another's with the name of one that the command writes."""
    out = place / f"{name}-foreign"
    out.mkdir()
    (out / "result.json").write_text("precious")
    ended = run(arguments(data_dir, place, name, out))
    return told(ended) | {"lost": (out / "result.json").read_text() != "precious"}


# How


def arguments(data_dir: Path | None, place: Path, name: str, out: Path) -> list[str]:
    """The command line; trained classifiers are kept together."""
    own = [argument.format(mnist_dcgan=place / "mnist_dcgan") for argument in COMMANDS[name][0]]
    cache = ["--cache", str(place / "cache")] * (name in CACHED)
    data = ["--data-dir", str(data_dir)] * (name in DATA and data_dir is not None)
    return [sys.executable, "-m", f"experiments.{name}", "--quick", "--out", str(out), *own, *cache, *data]


def run(command: list[str], interrupt_after: float | None = None, full_disk: bool = False) -> Ended:
    if full_disk:
        command = ["bash", "-c", f'ulimit -f {LARGEST_FILE}; exec "$0" "$@"', *command]
    moments, errors, started = [], [], time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:

        def read(stream, keep: list[str] | None) -> None:
            for line in stream:
                moments.append(time.perf_counter() - started)
                if keep is not None:
                    keep.append(line)

        readers = [threading.Thread(target=read, args=pair) for pair in ((child.stdout, None), (child.stderr, errors))]
        for reader in readers:
            reader.start()
        signalled = None
        try:
            child.wait(interrupt_after or LONGEST)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGINT)
            signalled = time.perf_counter()
            with suppress(subprocess.TimeoutExpired):
                child.wait(LONGEST)
        finally:  # an interrupt of this command among the ends
            child.kill()
        ended = time.perf_counter()
        for reader in readers:
            reader.join()
    after = 0.0 if signalled is None else ended - signalled
    return Ended(child.returncode, ended - started, after, sorted(moments), "".join(errors))


def told(ended: Ended) -> dict[str, Any]:
    """What a result keeps of it."""
    return {
        "code": ended.code,
        "seconds": ended.seconds,
        "after_signal_s": ended.after_signal,
        "traceback": "Traceback" in ended.errors,
        "error_lines": len(ended.errors.splitlines()),
        "last_words": re.sub(r"/\S+/", "", ended.errors.strip().rpartition("\n")[2])[:300],  # no path of this machine
    }


def counts(numbers: dict[str, Any]) -> dict[str, float]:
    """What a reader wants to know."""
    refused = [row for rows in numbers["unwritable"].values() for row in rows.values()]
    starved = [*numbers["full_disk"].values(), *numbers["too_large"].values(), *refused, *numbers["foreign"].values()]
    full = list(numbers["full_disk"].values())
    stopped = [row for row in numbers["interrupted"] if row["after_signal_s"]]
    alone = list(numbers["left_alone"].values())
    return {
        "commands": len(alone),
        "commands_that_did_not_end_well_when_left_alone": sum(row["code"] != 0 for row in alone),
        "slowest_first_line_s": round(max(row["first_line_s"] for row in alone), 1),
        "slowest_second_line_s": round(max(row["second_line_s"] for row in alone), 1),
        "longest_silence_s": round(max(row["longest_silence_s"] for row in alone), 1),
        "slowest_quick_run_s": round(max(row["seconds"] for row in alone), 1),
        "interruptions": len(stopped),
        # A run that can go on says first that it stops, and then that it was interrupted.
        "interruptions_that_did_not_end_with_130_and_one_line": sum(
            row["code"] != 130 or row["error_lines"] > 1 + (row["command"] in RESUMED) for row in stopped
        ),
        "slowest_end_after_a_signal_s": round(max((row["after_signal_s"] for row in stopped), default=0.0), 1),
        "starved_runs": len(starved),
        # On a full disk a command that writes little may come to its end.
        "starved_runs_that_did_not_end_with_a_sentence_and_2": sum(
            row["traceback"] or row["code"] not in ((0, 2) if row in full else (2,)) for row in starved
        ),
        "tracebacks": sum(row["traceback"] for row in [*alone, *stopped, *starved]),
        "hangs": sum(
            row["after_signal_s"] > LATEST or row["seconds"] >= LONGEST for row in [*alone, *stopped, *starved]
        ),
        "foreign_files_lost": sum(row["lost"] for row in numbers["foreign"].values()),
    }


if __name__ == "__main__":
    command_line(Config, main, __doc__)
