"""Shares of a worker's time: batches share it evenly, and the jobs of a batch share what the batch gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass
class _Batch:
    """Seconds that a batch has had, and each of its jobs."""

    used: float
    jobs: dict[str, float]


class Shares:
    """Who has had how much of a worker's time.

    Who has had least is next, so that a short job never waits for the end of a long one.

    A batch, and a job of a batch, begins with what the one that has had least has had: it gets its share from then on,
    and does not make up for the time before it came.
    """

    def __init__(self) -> None:
        self._batches: dict[str, _Batch] = {}

    def add(self, job: str, batch: str) -> None:
        """A job has come."""
        if batch not in self._batches:
            least = min((each.used for each in self._batches.values()), default=0.0)
            self._batches[batch] = _Batch(least, {})
        jobs = self._batches[batch].jobs
        jobs[job] = min(jobs.values(), default=0.0)

    def remove(self, job: str) -> None:
        """A job has gone."""
        batch = self._batch_of(job)
        del self._batches[batch].jobs[job]
        if not self._batches[batch].jobs:
            del self._batches[batch]

    def charge(self, job: str, seconds: float) -> None:
        """A job has had so much time."""
        batch = self._batches[self._batch_of(job)]
        batch.used += seconds
        batch.jobs[job] += seconds

    def next_batch(self) -> Mapping[str, float]:
        """The jobs of the batch whose turn it is, with the seconds that each has had. At least one job has come."""
        return min(self._batches.values(), key=lambda each: each.used).jobs

    def _batch_of(self, job: str) -> str:
        return next(name for name, batch in self._batches.items() if job in batch.jobs)
