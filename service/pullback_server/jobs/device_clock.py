"""Clock of devices: how long each key's jobs had one, those that share a worker each their part of its time."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable


class DeviceClock:
    """Counts the time of workers to the owners of the jobs that they are at.

    Args:
        now: Seconds of a clock that never goes back.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        # The jobs of each worker with their owners, and until when its time is counted.
        self._jobs: defaultdict[int, dict[str, str]] = defaultdict(dict)
        self._counted: dict[int, float] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def began(self, job: str, owner: str, worker: int) -> None:
        """A worker is at a job."""
        self._count(worker)
        self._jobs[worker][job] = owner

    def ended(self, job: str) -> None:
        """A job is with no worker any more, if it was."""
        for worker, jobs in self._jobs.items():
            if job in jobs:
                self._count(worker)
                del jobs[job]

    def taken(self) -> dict[str, float]:
        """The seconds of each owner since this was asked last, without those of nobody."""
        for worker in list(self._jobs):
            self._count(worker)
        found = {owner: seconds for owner, seconds in self._seconds.items() if owner and seconds > 0}
        self._seconds.clear()
        return found

    def _count(self, worker: int) -> None:
        now, jobs = self._now(), self._jobs[worker]
        since = self._counted.get(worker, now)
        self._counted[worker] = now
        for owner in jobs.values():
            self._seconds[owner] += (now - since) / len(jobs)
