"""What a command shows while it works: a bar on a terminal, lines elsewhere, and never 10 seconds of silence."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

# Seconds to the first line and from then on, where there is no terminal. A line is late where compiling or drawing lets
# no other thread speak.
FIRST, EVERY = 3.0, 5.0
NARROW = 72  # columns of a terminal below which a bar would leave no place for numbers


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar with the newest numbers behind it, to be given tasks with a field `numbers`."""
    name, numbers = TextColumn("{task.description}"), TextColumn("{task.fields[numbers]}")
    bar = Progress(name, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), numbers)
    if bar.console.width < NARROW:
        bar.columns = (TextColumn("{task.description} {task.completed:.0f}/{task.total:.0f} {task.fields[numbers]}"),)
    with _shown(bar):
        yield bar


@contextmanager
def phase(name: str) -> Iterator[None]:
    """A part of a command of which no steps are counted."""
    bar = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True)
    if not bar.console.is_terminal:
        bar.console.print(name, highlight=False)
    with _shown(bar):
        bar.add_task(name, total=None, numbers="")
        yield


@contextmanager
def _shown(bar: Progress) -> Iterator[None]:
    if bar.console.is_terminal:
        with bar:
            yield
        return
    bar.disable = True
    over = threading.Event()

    def tell() -> None:
        wait = FIRST
        while not over.wait(wait):
            wait = EVERY
            for task in bar.tasks:
                if not task.finished:
                    bar.console.print(line(task), highlight=False, soft_wrap=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
        for task in bar.tasks:
            if task.total is not None:
                bar.console.print(line(task), highlight=False, soft_wrap=True)
    finally:
        over.set()
        teller.join()


def line(task: Task) -> str:
    """Name, steps, seconds so far and newest numbers of a task."""
    steps = "" if task.total is None else f" {task.completed:,.0f} of {task.total:,.0f},"
    return f"{task.description.strip()}:{steps} {task.elapsed or 0:.0f} s  {task.fields['numbers']}".rstrip()
