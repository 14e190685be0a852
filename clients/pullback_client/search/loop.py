"""Loop of a session without a rig: images evolve for a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from pullback_api.v1 import search_pb2
from pullback_client.errors import FailedPreconditionError, InvalidArgumentError
from pullback_client.search.batch import Batch, Trial
from pullback_client.search.exchange import TrialExchange
from pullback_client.search.records import GenerationSummary, SessionState, SessionStatus
from pullback_client.search.results import ScoreInput, TrialResult, reports

ScoreFunction: TypeAlias = Callable[[Any], ScoreInput]
"""From an image, of Pillow, to its score, to the values of several channels, or to NaN where it has none. In a session
of sounds, from a `Sound`."""

GenerationCallback: TypeAlias = Callable[[GenerationSummary], None]
"""What to do with every generation that was closed."""

MAX_FAILURES = 100
"""Trials in a row without a score after which a run ends: what is shown again for ever would otherwise never."""


def run(
    session: TrialExchange,
    score: ScoreFunction,
    *,
    generations: int | None,
    progress: GenerationCallback | None,
    while_leased: Callable[[str], None],
    max_failures: int | None = MAX_FAILURES,
) -> SessionStatus:
    """See `EvolutionSession.run`; that a thread cannot go on, the status alone says.

    Images are scored as they are finished. Where the function raises, what it had scored is told before.
    """
    if generations is not None and generations < 1:
        raise InvalidArgumentError(f"generations must be at least 1, got {generations}; leave it out for no bound")
    if max_failures is not None and max_failures < 1:
        raise InvalidArgumentError(f"max_failures must be at least 1, got {max_failures}; None for no bound")
    scorer = _Scorer(score, max_failures)
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
            _score(session, batch, scorer, generations)
        seen, status = _report(session, seen, progress)
        if batch is None:
            break
    return status


class _Scorer:
    """A score function that has to give scores: in the end, and in any case something.

    Args:
        function: The function.
        most: After so many trials in a row without a score there is an error; None = never.
    """

    def __init__(self, function: ScoreFunction, most: int | None) -> None:
        self._function = function
        self._most = most
        self._failures = 0

    def __call__(self, trial: Trial) -> ScoreInput:
        """The score of a trial's image.

        Raises:
            InvalidArgumentError: It is none that can be told, or None: as of a function that does not end in `return`.
        """
        value = self._function(trial.image if trial.sound is None else trial.sound)
        if value is None:
            raise InvalidArgumentError(
                f"the score function {self._name} returned None for {trial.image_id}: is a `return` missing? "
                "Return the score, or float('nan') where an image has none"
            )
        (report,) = reports(trial, value)
        if not trial.reference:
            scored = report.outcome == search_pb2.OUTCOME_SCORED
            self._failures = 0 if scored else self._failures + 1
        return value

    def check(self, trial: Trial) -> None:
        """Raises FailedPreconditionError where so many trials in a row had no score, and this one was the last."""
        if self._most is not None and self._failures >= self._most:
            raise FailedPreconditionError(
                f"the score function {self._name} gave {self._failures} trials in a row no score, the last of them "
                f"{trial.id} of {trial.image_id}, and such images are shown again and again: mend it and run the "
                "session again, or allow more with max_failures"
            )

    @property
    def _name(self) -> str:
        return getattr(self._function, "__qualname__", None) or repr(self._function)


def _score(session: TrialExchange, batch: Batch, scorer: _Scorer, generations: int | None) -> None:
    wanted = [trial for trial in batch if generations is None or trial.generation < generations]
    scores: list[ScoreInput] = []
    try:
        for trial in wanted:
            # What cannot be told is refused here, so that the others can be.
            scores.append(scorer(trial))
            scorer.check(trial)
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


def _report(session: TrialExchange, seen: int, progress: GenerationCallback | None) -> tuple[int, SessionStatus]:
    """Reports the generations that were closed since an event; returns the last event's number and the status."""
    if progress is None:
        return seen, session.status()
    for event in session.events(seen):
        seen = max(seen, event.sequence)
        if event.kind == "generation_closed" and event.generation is not None:
            progress(event.generation)
    return seen, session.last_status
