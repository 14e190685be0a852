"""Words for people: of states, times and scores."""

from __future__ import annotations

from datetime import datetime, timezone

from nicegui import ui

from pullback_client.jobs.events import JobState
from pullback_client.search.records import SessionState, SessionStatus
from pullback_client.text.quantities import duration
from pullback_client.wire.names import id_of

_MOMENT_SECONDS = 60.0
_CHIPS = {
    JobState.RUNNING: "busy",
    JobState.SUCCEEDED: "good",
    JobState.FAILED: "bad",
    SessionState.ACTIVE: "busy",
    SessionState.PAUSED: "bad",
}


def chip(state: JobState | SessionState) -> ui.label:
    """A state as a chip."""
    return ui.label(state.value).classes(f"chip {_CHIPS.get(state, '')}")


def chip_of_session(status: SessionStatus) -> None:
    """Where a session stands, and what is wrong with it."""
    chip(status.state)
    if status.state is SessionState.ACTIVE and status.finished:
        ui.label("finished").classes("chip good")
    if status.failure() is not None:
        ui.label("failed").classes("chip bad")


def short(name: str) -> str:
    """The beginning of a resource's id."""
    return id_of(name)[:8]


def score(value: float | None) -> str:
    """A score with four digits that count; a dash for none."""
    return "–" if value is None else f"{value:.4g}"


def best_of(status: SessionStatus) -> str:
    """The best scores so far of a session's threads; empty before the first."""
    found = [score(thread.best_score) for thread in status.threads if thread.best_score is not None]
    return ", ".join(found)


def ago(moment: datetime) -> str:
    """How long ago that was."""
    seconds = (datetime.now(timezone.utc) - moment).total_seconds()
    return f"{duration(seconds)} ago" if seconds >= _MOMENT_SECONDS else "just now"
