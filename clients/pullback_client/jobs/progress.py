"""Progress of jobs: a bar in a terminal, a callback elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from pullback_client.jobs.events import JobEvent

ProgressCallback: TypeAlias = Callable[[JobEvent], None]
ProgressOption: TypeAlias = "ProgressCallback | bool | None"
"""A callback; True = a bar; False = nothing; None = a bar where standard error is a terminal, else nothing."""

_PHOTOGRAPHS = "photographs"  # the bar that several jobs share; no job has this name


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
        progress, portion = event.progress, event.portion
        bar = event.job if portion is None else _PHOTOGRAPHS
        if bar not in self._tasks:
            self._tasks[bar] = self._progress.add_task("", total=None, loss="")
        description, completed, total = progress.phase or event.state.value, float(progress.step), progress.total
        if portion is not None:
            description = f"photographs: {description} {progress.step}/{progress.total or '?'}"
            completed, total = portion.done + portion.count * _share(event), portion.total
        self._progress.update(
            self._tasks[bar],
            description=description,
            completed=completed,
            total=total or None,
            loss="" if progress.loss is None else f"loss {progress.loss:.4f}",
        )
        if event.state.ended and completed >= total:
            self._progress.stop_task(self._tasks[bar])


def _share(event: JobEvent) -> float:
    """How much of a job is done, from 0 to 1."""
    progress = event.progress
    if event.state.ended:
        return 1.0
    # What comes before the optimization, such as loading models, has steps of its own, but no loss.
    return progress.step / progress.total if progress.loss is not None and progress.total else 0.0


def _ignore(event: JobEvent) -> None:
    del event
