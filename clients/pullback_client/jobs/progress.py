"""Progress of jobs: a bar in a terminal or a notebook, a callback elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from pullback_client.jobs.bars import bar_of
from pullback_client.jobs.events import JobEvent
from pullback_client.jobs.notebook_bars import NotebookBars, in_notebook

ProgressCallback: TypeAlias = Callable[[JobEvent], None]
ProgressOption: TypeAlias = "ProgressCallback | bool | None"
"""A callback; True = a bar; False = nothing; None = a bar in a notebook, or where standard error is a terminal."""


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
    if console is None and option is not False and in_notebook():
        with NotebookBars() as cells:
            yield cells
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

    The jobs of an inversion that takes several requests share one, which counts photographs.

    Args:
        console: Where they are drawn.
    """

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[loss]}", markup=False),
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
        bar = bar_of(event)
        if bar.name not in self._tasks:
            self._tasks[bar.name] = self._progress.add_task("", total=None, loss="")
        self._progress.update(
            self._tasks[bar.name],
            description=bar.description,
            completed=bar.completed,
            total=bar.total or None,
            loss=bar.loss,
        )
        if bar.ended:
            self._progress.stop_task(self._tasks[bar.name])


def _ignore(event: JobEvent) -> None:
    del event
