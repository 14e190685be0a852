"""Evolving images for a function: the loop of a session without a rig."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image

from pullback_client.errors import FailedPreconditionError, InvalidArgumentError
from pullback_client.search.batch import Batch
from pullback_client.search.records import GenerationSummary, SessionState, SessionStatus
from pullback_client.search.results import ScoreInput, TrialResult, reports

if TYPE_CHECKING:
    from pullback_client.search.session import EvolutionSession

ScoreFunction: TypeAlias = Callable[[Image.Image], ScoreInput]
"""From an image to its score, to the values of several channels, or to None where there is none."""

GenerationCallback: TypeAlias = Callable[[GenerationSummary], None]
"""What to do with every generation that was closed."""


def run(
    session: EvolutionSession,
    score: ScoreFunction,
    *,
    generations: int | None,
    progress: GenerationCallback | None,
    while_leased: Callable[[str], None],
) -> SessionStatus:
    """See `EvolutionSession.run`; that a thread cannot go on, the status alone says.

    Images are scored as they are finished. Where the function raises, what it had scored is told before.
    """
    if generations is not None and generations < 1:
        raise InvalidArgumentError(f"generations must be at least 1, got {generations}; leave it out for no bound")
    status = session.status()
    seen = status.last_sequence
    while not status.finished:
        # Where a number of generations is asked for, threads that have it are left alone.
        going = [
            thread.thread
            for thread in status.threads
            if not thread.ended and (generations is None or thread.generations < generations)
        ]
        if not going:
            break
        batch = session.next_batch(threads=going, images=True, while_leased=while_leased, raise_failed=False)
        if batch is not None:
            _score(session, batch, score, generations)
        seen, status = _report(session, seen, progress)
        if batch is None:
            break
    return status


def _score(session: EvolutionSession, batch: Batch, score: ScoreFunction, generations: int | None) -> None:
    wanted = [trial for trial in batch if generations is None or trial.generation < generations]
    scores: list[ScoreInput] = []
    try:
        for trial in wanted:
            value = score(trial.image)
            # What cannot be told is refused here, so that the others can be.
            reports(trial, value)
            scores.append(value)
    finally:
        # Nothing that was scored is lost, and nobody waits for what was not.
        told = wanted[: len(scores)]
        rest = {trial.id: TrialResult(outcome="abandoned") for trial in batch if trial not in told}
        try:
            session.tell(batch, {trial.id: value for trial, value in zip(told, scores, strict=True)} | rest)
        except FailedPreconditionError:
            # Somebody closed it in the meantime, and no more scores are taken.
            if session.status().state is not SessionState.CLOSED:
                raise


def _report(session: EvolutionSession, seen: int, progress: GenerationCallback | None) -> tuple[int, SessionStatus]:
    """Reports the generations that were closed since an event; returns the last event's number and the status."""
    if progress is None:
        return seen, session.status()
    for event in session.events(seen):
        seen = max(seen, event.sequence)
        if event.kind == "generation_closed" and event.generation is not None:
            progress(event.generation)
    return seen, session.last_status
