"""Bars of progress: what one says after an event, wherever it is drawn."""

from __future__ import annotations

from typing import NamedTuple

from pullback_client.jobs.events import JobEvent

_PHOTOGRAPHS = "photographs"  # the bar that several jobs share; no job has this name


class Bar(NamedTuple):
    """One bar.

    Attributes:
        name: Of what; events of one name move one bar.
        description: What is done.
        completed: How much of it.
        total: Of how much; 0 while that is not known.
        loss: The loss, as it is written; may be empty.
        ended: Whether it moves no more.
    """

    name: str
    description: str
    completed: float
    total: float
    loss: str
    ended: bool


def bar_of(event: JobEvent) -> Bar:
    """The bar after an event. The jobs of an inversion that takes several requests share one: it counts photographs."""
    progress, portion = event.progress, event.portion
    description, completed, total = progress.phase or event.state.value, float(progress.step), float(progress.total)
    if portion is not None:
        description = f"photographs: {description} {progress.step}/{progress.total or '?'}"
        completed, total = portion.done + portion.count * _share(event), float(portion.total)
    return Bar(
        name=event.job if portion is None else _PHOTOGRAPHS,
        description=description,
        completed=completed,
        total=total,
        loss="" if progress.loss is None else f"loss {progress.loss:.4f}",
        ended=event.state.ended and completed >= total,
    )


def _share(event: JobEvent) -> float:
    """How much of a job is done, from 0 to 1."""
    progress = event.progress
    if event.state.ended:
        return 1.0
    # What comes before the optimization, such as loading models, has steps of its own, but no loss.
    return progress.step / progress.total if progress.loss is not None and progress.total else 0.0
