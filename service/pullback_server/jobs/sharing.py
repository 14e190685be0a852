"""Sharing of jobs: parts of one are computed by workers that have nothing else to do.

The worker of a job says which part another one is to compute, and takes what comes of it; it waits for nothing. A part
is a second's work, so whoever comes next has its turn soon. What a part does not bring, for whatever reason, the job's
own worker computes: where another one dies, nothing is lost but that second.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from pullback_server.executor import Executor
from pullback_server.protocol.batching import MEASUREMENT
from pullback_server.protocol.messages import (
    Finished,
    JobFailed,
    JobMessage,
    LendPart,
    PartLent,
    Progressed,
    StartJob,
    Stopped,
    TakePart,
    Worked,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Part:
    """A part that another worker is at.

    Attributes:
        job: Id of the job.
        part: What it is, as the job's worker says it.
    """

    job: str
    part: bytes


class Sharing:
    """Knows which jobs that run have something to lend, and who is at which part. Lives on the event loop.

    Args:
        executor: The workers.
        on_room: Called when there may be something to share again.
    """

    def __init__(self, executor: Executor, on_room: Callable[[], None]) -> None:
        self._executor = executor
        self._on_room = on_room
        self._jobs: dict[str, StartJob] = {}
        self._parts: dict[str, _Part] = {}
        self._numbers = itertools.count(1)
        # Jobs that have said that they have something to lend, and those that were asked for it and have not answered.
        self._lending: set[str] = set()
        self._asked: set[str] = set()

    def began(self, start: StartJob) -> None:
        """A worker was given a job."""
        # Whoever computes a part needs neither photographs nor eigenbasis, and is at it for a second.
        self._jobs[start.job] = replace(start, load=MEASUREMENT, payload=None, eigenbasis=None, checkpoint="")

    def offer(self) -> None:
        """Has parts of jobs lent to workers with nothing to do; called while no job waits for them."""
        for job in self._lending - self._asked:
            if self._executor.idle_beside(job):
                self._asked.add(job)
                self._executor.tell(LendPart(job))

    def heard(self, message: JobMessage) -> bool:
        """Hears what workers say; returns whether it is of parts, and concerns nobody else."""
        if isinstance(message, PartLent):
            self._lend(message)
        elif (part := self._parts.get(message.job)) is not None:
            if not isinstance(message, Progressed | Worked):
                self._end_part(message.job, part, message)
        elif isinstance(message, Progressed):
            self._hear_lending(message)
            return False
        else:
            self.ended(message.job)
            return False
        return True

    def lost(self, jobs: Collection[str]) -> frozenset[str]:
        """The worker of those jobs has died; returns those of them that are parts, and concern nobody else."""
        parts = frozenset(job for job in jobs if job in self._parts)
        for job in jobs:
            if (part := self._parts.pop(job, None)) is not None:
                _log.warning("a worker died at a part of job %s, which goes on by itself", part.job)
                self._give_up(part)
            else:
                self.ended(job)
        return parts

    def ended(self, job: str) -> None:
        """A job is on no worker any more, for whatever reason: nobody needs its parts."""
        self._jobs.pop(job, None)
        self._asked.discard(job)
        self._lending.discard(job)
        for name in [name for name, part in self._parts.items() if part.job == job]:
            # Its entry stays until it says that it has stopped.
            self._executor.cancel(name)

    def _hear_lending(self, progress: Progressed) -> None:
        if not progress.lends or progress.job not in self._jobs:
            self._lending.discard(progress.job)
        elif progress.job not in self._lending:
            self._lending.add(progress.job)
            self._on_room()

    def _lend(self, lent: PartLent) -> None:
        self._asked.discard(lent.job)
        start = self._jobs.get(lent.job)
        if not lent.part:
            self._lending.discard(lent.job)
            return
        name = f"{lent.job}/{next(self._numbers)}"
        idle = self._executor.idle_beside(lent.job)
        if start is None or not idle or not self._executor.assign(replace(start, job=name, part=lent.part), idle[0]):
            # Another job came before.
            self._executor.tell(TakePart(lent.job, lent.part, b""))
            return
        if not any(part.job == lent.job for part in self._parts.values()):
            _log.info("a worker with nothing else to do computes a part of job %s", lent.job)
        self._parts[name] = _Part(lent.job, lent.part)
        # There may be more of both.
        self._on_room()

    def _end_part(self, name: str, part: _Part, message: Finished | JobFailed | Stopped) -> None:
        del self._parts[name]
        if isinstance(message, Finished):
            self._executor.tell(TakePart(part.job, part.part, message.result))
        elif isinstance(message, JobFailed):
            _log.warning("a part of job %s has failed, which goes on by itself: %s", part.job, message.failure.message)
            self._give_up(part)
        else:
            self._executor.tell(TakePart(part.job, part.part, b""))

    def _give_up(self, part: _Part) -> None:
        """Has a job go on by itself: where its parts come to grief, others are not to be drawn into it again."""
        self._jobs.pop(part.job, None)
        self._lending.discard(part.job)
        self._executor.tell(TakePart(part.job, part.part, b""))
