"""Progress of long work on standard error: a bar on a terminal, and in a log file a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn

from segcore.durations import duration
from segcore.text_console import TextConsole

_FIRST_LINE, _NEXT_LINES = 5.0, 60.0  # seconds after which a log file gets its lines


class Advance(Protocol):
    """Counts work that is done; `total` is told where it was not known before."""

    def __call__(self, steps: int = 1, total: int | None = None) -> None: ...


def counting_bars() -> Progress:
    """Bars of a count and the time left on standard error, drawn on a terminal alone: a context manager."""
    console = TextConsole(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def counted(what: str, total: int | None, unit: str) -> Iterator[Advance]:
    """Count work inside the block: how much is done, how much a second, and the time left.

    Args:
        what: What is worked on.
        total: How much there is; None where that is not known.
        unit: What is counted, in the plural: `images`.

    Yields:
        A function to call after each, or after several.
    """
    console = TextConsole(stderr=True, highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"))
    # Lines that are printed meanwhile go above the bar; those into a pipe or file stay there.
    bar = Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=sys.stdout.isatty(),
        speed_estimate_period=60,
    )
    bar.add_task(escape(what), total=total, speed="")
    (task,) = bar.tasks
    next_line = time.monotonic() + _FIRST_LINE

    def advance(steps: int = 1, total: int | None = None) -> None:
        nonlocal next_line
        bar.update(task.id, advance=steps, total=total)
        if task.speed:
            bar.update(task.id, speed=f"{task.speed:.1f} {unit}/s")
        if bar.disable and task.speed and time.monotonic() >= next_line:
            next_line = time.monotonic() + _NEXT_LINES
            console.print(escape(_line(what, task, unit)))

    with bar:
        yield advance


def _line(what: str, task: Task, unit: str) -> str:
    """`ride.mp4: 112 of 1800 frames, 22.4 frames/s, about 1 min 15 s left`."""
    of = f" of {task.total:.0f}" if task.total else ""
    left = f", about {duration(task.time_remaining)} left" if task.time_remaining else ""
    return f"{what}: {task.completed:.0f}{of} {unit}, {task.speed or 0:.1f} {unit}/s{left}"
