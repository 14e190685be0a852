"""Progress of jobs: a bar in a terminal, a callback elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from pullback_client.models import JobEvent

ProgressCallback: TypeAlias = Callable[[JobEvent], None]
ProgressOption: TypeAlias = "ProgressCallback | bool | None"
"""A callback; True = a bar; False = nothing; None = a bar where standard error is a terminal, else nothing."""


@contextmanager
def reporting(option: ProgressOption, console: Console | None = None) -> Iterator[ProgressCallback]:
    """What to call with every event of the jobs followed in the block.

    Args:
        option: See `ProgressOption`.
        console: Where a bar is drawn; None = standard error.
    """
    if callable(option):
        yield option
        return
    if option is None:
        option = sys.stderr.isatty() if console is None else console.is_terminal
    if not option:
        yield _ignore
        return
    with Bars(console or Console(stderr=True)) as bars:
        yield bars


class Bars:
    """Progress bars, one for every job: what it does, steps, loss and time.

    Args:
        console: Where they are drawn.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def __call__(self, event: JobEvent) -> None:
        """Draws an event."""
        progress = event.progress
        if event.job not in self._tasks:
            self._tasks[event.job] = self._progress.add_task("", total=None, loss="")
        task = self._tasks[event.job]
        self._progress.update(
            task,
            description=progress.phase or event.state.value,
            completed=progress.step,
            total=progress.total or None,
            loss="" if progress.loss is None else f"loss {progress.loss:.4f}",
        )
        if event.state.ended:
            self._progress.stop_task(task)


def _ignore(event: JobEvent) -> None:
    del event
