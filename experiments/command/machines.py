"""Where a run is computed: on which devices, and by which processes together.

Every process runs the same command and computes the same things, each on its own devices. Only process 0 prints and
writes; all of them write a checkpoint, through orbax. They are one program: where one leaves, the others cannot go on.
"""

import os
import re
import sys
import threading
from contextlib import nullcontext
from dataclasses import dataclass

import jax
import numpy as np
from jax.experimental.multihost_utils import process_allgather

from experiments.command.progress import phase
from experiments.command.signals import leave
from gan_from_scratch import check

MEETING = 300  # seconds for which a process waits for the others at the start: a cluster may start them one by one
HEARTBEAT = 20  # seconds without a sign after which a process counts as dead, and the others end; JAX's default is 100
LONGEST_JUDGING = 24 * 3600  # seconds for which the others stay, while process 0 judges and draws
# How JAX begins to say that there is no cluster, or that this program has computed or met the others already.
ALONE = (
    "coordinator_address should be defined",
    "jax.distributed.initialize() must be called before",
    "distributed.initialize should only be called once",
)


@dataclass(frozen=True)
class Machines:
    """The processes of a SLURM step (one for each GPU), of a Cloud TPU slice or of an indexed Kubernetes job find each
    other: no setting is needed."""

    devices: int | None = None
    """Devices, of all processes together, over which each batch is spread; it must be a multiple. None: all there are.
    A run may be resumed on another number."""
    coordinator: str | None = None
    """HOST:PORT at which a run of several processes meets: a free port of the machine of process 0."""
    processes: int | None = None
    """How many processes run this command together, with --coordinator."""
    process: int | None = None
    """Which of them this is, from 0, with --coordinator. Only process 0 prints and writes results."""

    def __post_init__(self):
        if self.devices is not None:
            check.positive_integer("devices", self.devices)
        together = {"coordinator": self.coordinator, "processes": self.processes, "process": self.process}
        missing = [name for name, value in together.items() if value is None]
        if missing and len(missing) < len(together):
            raise ValueError(
                f"{' and '.join(missing)} must be given too: coordinator, processes and process go together"
            )
        if missing:
            return
        if not re.fullmatch(r"[^\s:]+:\d{1,5}|\[[\da-fA-F:]+\]:\d{1,5}", self.coordinator):
            raise ValueError(f"coordinator is {self.coordinator!r}, but must be HOST:PORT")
        if not 0 < int(self.coordinator.rpartition(":")[2]) < 2**16:
            raise ValueError(f"coordinator is {self.coordinator!r}, but its port must be above 0 and below 65536")
        check.positive_integer("processes", self.processes)
        check.nonnegative_integer("process", self.process)
        if self.process >= self.processes:
            raise ValueError(f"process is {self.process}, but must be below processes, {self.processes}")


def join(machines: Machines) -> None:
    """Return when all processes are there, if there are several. To be called before JAX computes anything.

    Where the cluster says who belongs together, or `machines` does, the process joins the others, and if it is not
    process 0, it prints no more. A program that has joined them, or computed, already is left as it is. OSError if the
    others cannot be met.
    """
    waiting = phase(f"waiting for {machines.processes} processes at {machines.coordinator}")
    with waiting if machines.coordinator else nullcontext():
        _meet(machines)
    if several() and jax.process_index():
        sys.stdout.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what libraries print below Python as well


def _meet(machines: Machines) -> None:
    # JAX's own handler of SIGTERM would take the place of signals.py's, and knows no Ctrl-C; `agreed` serves both.
    jax.config.update("jax_enable_preemption_service", False)
    where = f" at {machines.coordinator}" if machines.coordinator else ""
    # Where JAX itself waits in vain, it ends the process with a trace of its stack.
    in_vain = threading.Timer(MEETING, leave, (2, f"error: not all processes met{where} within {MEETING} seconds"))
    in_vain.daemon = True
    in_vain.start()
    try:
        jax.distributed.initialize(
            machines.coordinator,
            machines.processes,
            machines.process,
            cluster_detection_method=None if in_a_job() else "deactivate",
            initialization_timeout=2 * MEETING,
            heartbeat_timeout_seconds=HEARTBEAT,
            shutdown_timeout_seconds=LONGEST_JUDGING,
        )
    except (ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        if machines.coordinator is None and reason.startswith(ALONE):
            return
        raise OSError(f"the other processes could not be met{where}: {reason}") from None
    finally:
        in_vain.cancel()


def in_a_job() -> bool:
    """Whether JAX may look for a cluster. In a pod of Kubernetes that is no part of an indexed job there is none."""
    return "KUBERNETES_SERVICE_HOST" not in os.environ or "JOB_COMPLETION_INDEX" in os.environ


def first() -> bool:
    """Whether this is process 0, which prints, draws and writes results."""
    return jax.process_index() == 0


def agreed(flag: bool) -> bool:
    """Whether `flag` is true in any process. All must ask at the same place."""
    return flag if jax.process_count() == 1 else bool(np.any(process_allgather(np.array(flag))))


def same_in_all(what: str, number: int) -> None:
    """Raise OSError unless every process has this number. All must ask at the same place."""
    if jax.process_count() > 1 and len(found := {*process_allgather(np.array(number)).tolist()}) > 1:
        raise OSError(f"the processes differ in {what}: {sorted(found)}")


def several() -> bool:
    """Whether this process has joined others, and has not parted from them."""
    return jax.distributed.is_initialized()


def part() -> None:
    """Wait until all processes have come to their end, so that none takes another's for a crash."""
    jax.distributed.shutdown()
