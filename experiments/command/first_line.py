"""The first line of a command, said before its imports: JAX alone takes seconds."""

import os
import re
import sys
from itertools import pairwise
from pathlib import Path

from experiments.command.quick import compile_sooner
from experiments.command.signals import CLOSED_PIPE, leave
from gan_from_scratch.__main__ import headlines

COMMANDS = Path(__file__).parents[1]


def begin() -> None:
    """Print what the command that `python -m` names is for, unless its help or process 0 will.

    What else must be settled before JAX is imported: how programs are compiled for --quick.
    """
    name = named()
    if name is None:
        return
    if "--quick" in sys.argv:
        compile_sooner()
    slurm = os.environ if "SLURM_STEP_NODELIST" in os.environ else {}
    another_process = re.search(r"--process[= ]0*[1-9]", " ".join(sys.argv)) or slurm.get("SLURM_PROCID", "0") != "0"
    if not {"-h", "--help"} & {*sys.argv} and not another_process:
        try:
            print(headlines(COMMANDS)[name], flush=True)
        except BrokenPipeError:
            leave(CLOSED_PIPE, "")


def named() -> str | None:
    """The NAME in `python -m experiments.NAME`, as which this process was started, or None."""
    for before, after in pairwise(sys.orig_argv):
        package, _, name = after.partition(".")
        if before == "-m" and package == "experiments" and (COMMANDS / f"{name}.py").is_file():
            return name
    return None
