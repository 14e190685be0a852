"""Turns of jobs: one step of some, in pieces between which other work is done."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice

from pullback.inversion import Evaluation, Problem, Query, evaluate_together
from pullback_server.worker.failures import end_if_lost
from pullback_server.worker.jobs import RunningJob
from pullback_server.worker.tasks import BatchTask


class Turn:
    """One step of one job, or of several of a batch that are evaluated together.

    A job whose step raises fails alone.

    Attributes:
        jobs: The jobs that are still in it.
        rows: How many latents of each are evaluated, by job.
        failed: Why those that failed did, by job.
    """

    def __init__(self, jobs: Sequence[RunningJob]) -> None:
        self.jobs = list(jobs)
        self.rows = {job.id: 1 for job in jobs}
        self.failed: dict[str, Exception] = {}
        self._pieces = self._compute()

    def advance(self) -> bool:
        """Does the next piece; returns whether it was the last one."""
        return next(self._pieces, True) is True

    def shares(self, seconds: float) -> dict[str, float]:
        """How much of some time each job has had, by rows."""
        rows = sum(self.rows[job.id] for job in self.jobs)
        return {job.id: seconds * self.rows[job.id] / rows for job in self.jobs}

    def drop(self, job: str) -> None:
        """Makes no step of a job that was cancelled."""
        self.jobs = [each for each in self.jobs if each.id != job]

    def _compute(self) -> Iterator[None]:
        asked: list[tuple[RunningJob, BatchTask, Sequence[tuple[Problem, Query]]]] = []
        for job in self.jobs:
            with self._failing_alone(job):
                if (task := job.shared) is not None:
                    asked.append((job, task, task.ask()))
                else:
                    job.step()
        if not asked:
            return
        for job, _, questions in asked:
            self.rows[job.id] = sum(query.points[..., 0].numel() for _, query in questions)
        answers = yield from _evaluate([questions for *_, questions in asked])
        for (job, task, _), answer in zip(asked, answers, strict=True):
            if job in self.jobs:
                with self._failing_alone(job):
                    task.tell(_raised(answer))
                    task.evaluated += self.rows[job.id]
                    job.after_step(task)

    @contextmanager
    def _failing_alone(self, job: RunningJob) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            end_if_lost(error, f"job {job.id}")
            self.failed[job.id] = error


def _evaluate(
    asked: Sequence[Sequence[tuple[Problem, Query]]],
) -> Generator[None, None, list[list[Evaluation] | Exception]]:
    """What each job gets for what it asks, or why it gets nothing."""
    try:
        problems, queries = zip(*chain.from_iterable(asked), strict=True)
        found = iter((yield from evaluate_together.in_pieces(problems, queries)))
        return [list(islice(found, len(questions))) for questions in asked]
    except Exception as error:
        end_if_lost(error, "an evaluation")
        if len(asked) == 1:
            return [error]
    # Which of them is at fault shows when each is evaluated by itself.
    answers = []
    for questions in asked:
        answers += yield from _evaluate([questions])
    return answers


def _raised(answer: list[Evaluation] | Exception) -> list[Evaluation]:
    if isinstance(answer, Exception):
        raise answer
    return answer
