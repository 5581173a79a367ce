"""Ctrl-C and SIGTERM: a command is over soon after, whatever it waits for.

Python hears a signal only between two of its own instructions, and XLA may compile or compute for minutes in one. But
each signal also writes a byte into a pipe at once, and the thread that reads it waits for nobody.
"""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

GRACE = 8.0  # seconds from a signal to the end, if the command does not come to it by itself
AGAIN = 1.0  # seconds after which an interrupt that had no effect is repeated
INTERRUPTED, CLOSED_PIPE = 130, 141  # exit codes: as a shell has them for SIGINT and SIGPIPE


def leave(code: int, message: str) -> NoReturn:
    """End the process here: Python's own way out can crash in the threads in which XLA still computes."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    show_cursor = "\x1b[?25h" if sys.stderr.isatty() else ""  # a progress bar hides it
    if message:
        with suppress(OSError):
            os.write(2, f"{show_cursor}{message}\n".encode())  # no lock is waited for that another thread may hold
    os._exit(code)


@contextmanager
def watched(grace: float | None, told: str = "") -> Iterator[None]:
    """Inside the block a second signal ends the process at once, and the first one `grace` seconds later at the latest.

    `told` is said at the first one. Only signals that Python handles are seen, and only in the main thread.
    """
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    before, hook = signal.set_wakeup_fd(writing, warn_on_full_buffer=False), sys.unraisablehook
    sys.unraisablehook = lambda report: None if report.exc_type is KeyboardInterrupt else hook(report)
    threading.Thread(target=_watch, args=(reading, grace, told), daemon=True).start()
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.set_wakeup_fd(before)
        os.close(writing)  # which the thread hears as well


def _watch(pipe: int, grace: float | None, told: str) -> None:
    came = _heard(pipe, None)
    if came and told:
        os.write(2, f"{told}\n".encode())
    latest = None if grace is None else time.monotonic() + grace
    while came:
        again = _heard(pipe, None if latest is None else AGAIN)
        if again or (latest is not None and time.monotonic() > latest):
            leave(INTERRUPTED, "error: interrupted")
        if again is None:
            # What the first one raised was lost, as in a callback of the garbage collector: raise it once more.
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            _heard(pipe, AGAIN)  # the byte that this writes
        came = again is not False
    os.close(pipe)


def _heard(pipe: int, wait: float | None) -> bool | None:
    """Whether a signal came, or, False, the pipe was closed; None if neither did while it waited."""
    something, _, _ = select.select([pipe], [], [], wait)
    return bool(os.read(pipe, 1)) if something else None


@contextmanager
def stop_signals() -> Iterator["Stopped"]:
    """Inside the block a first Ctrl-C or SIGTERM interrupts nothing; what is yielded tells whether one came.

    A second one ends the process at once. Outside the main thread, where Python hears no signals, none ever comes.
    """
    stopped = Stopped()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    usual = {signum: signal.signal(signum, stopped.note) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        with watched(None, "stopping after the steps under way, with a checkpoint; a second signal stops at once"):
            yield stopped
    finally:
        for signum, handler in usual.items():
            signal.signal(signum, handler)


class Stopped:
    """Whether a signal came: call it to know."""

    def __init__(self):
        self._came = threading.Event()

    def note(self, number: int, frame: Any) -> None:
        self._came.set()

    def __call__(self) -> bool:
        return self._came.is_set()
