"""Shares of the queue: places for everybody, and turns that clients take with each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pullback_server.errors import resource_exhausted
from pullback_server.jobs.device_clock import DeviceClock

MAX_QUEUED = 1_000
"""Jobs that wait, of all clients together."""
TURN = timedelta(seconds=30)
"""Each further job of a client is treated as if it had come so much later than it did."""
RETRY_SECONDS = 30.0


@dataclass(frozen=True)
class Queued:
    """A job that waits.

    Attributes:
        job: Its id.
        created: When it came.
    """

    job: str
    created: datetime


class QueueShares:
    """Knows whose the jobs are that wait or run; the store knows it beyond the server's end. Lives on the event loop.

    What a server took in that noted no owners belongs to nobody that is known, and so to one client.

    Attributes:
        clock: How long jobs of each key had devices.
    """

    def __init__(self) -> None:
        self.clock = DeviceClock()
        self._owners: dict[str, str] = {}
        self._running: set[str] = set()
        # Who else waits for a job's result, and since when.
        self._wanted: dict[str, dict[str, datetime]] = {}

    def waiting(self, client: str) -> int:
        """How many jobs of a client wait."""
        return sum(owner == client and job not in self._running for job, owner in self._owners.items())

    def running(self, client: str) -> int:
        """How many jobs of a client run."""
        return sum(self._owners.get(job) == client for job in self._running)

    def is_wanted(self, job: str) -> bool:
        """Whether somebody waits for the result of a job who has not brought it."""
        return any(client != self._owners.get(job) for client in self._wanted.get(job, ()))

    def came(self, job: str, client: str) -> None:
        """A client has brought a job."""
        self._owners[job] = client

    def wanted(self, job: str, client: str, since: datetime) -> None:
        """A client waits for the result of a job, whoever brought that: it has its turn when it would have theirs."""
        if job not in self._owners:
            # It has ended meanwhile.
            return
        clients = self._wanted.setdefault(job, {})
        if len(clients) < MAX_QUEUED:
            clients.setdefault(client, since)

    def started(self, job: str) -> None:
        """A job runs."""
        self._running.add(job)

    def requeued(self, job: str) -> None:
        """A job waits again."""
        self.clock.ended(job)
        self._running.discard(job)

    def ended(self, job: str) -> None:
        """A job has ended, or was not taken in."""
        self.clock.ended(job)
        self._owners.pop(job, None)
        self._wanted.pop(job, None)
        self._running.discard(job)

    def in_turn(self, queued: Sequence[Queued]) -> list[int]:
        """The order in which waiting jobs get their turns.

        Clients alternate, however many jobs one of them has brought at once; and nobody is overtaken for good, for what
        comes much later has its turn later. What several clients wait for has the earliest turn that any of them has.

        Args:
            queued: Jobs that wait, the oldest first.

        Returns:
            Their numbers.
        """
        ranks = Counter(self._owners.get(job, "") for job in self._running)
        # Who wants another's job comes between the jobs, and has no fewer turns for it.
        asked = [(each.created, number, self._owners.get(each.job, ""), 1) for number, each in enumerate(queued)]
        for number, each in enumerate(queued):
            asked += [(since, number, client, 0) for client, since in self._wanted.get(each.job, {}).items()]
        turns: dict[int, datetime] = {}
        for came, number, client, jobs in sorted(asked, key=lambda each: each[0]):
            turn = came + ranks[client] * TURN
            turns[number] = min(turns.get(number, turn), turn)
            ranks[client] += jobs
        return sorted(turns, key=lambda number: (turns[number], number))


def check_place(own: int, total: int) -> None:
    """Refuses a job for which there is no place: a client may have as many as are left for others.

    Args:
        own: Jobs of the client that wait.
        total: Jobs that wait.

    Raises:
        ApiError: RESOURCE_EXHAUSTED; says when to try again.
    """
    free = MAX_QUEUED - total
    if free <= 0:
        raise resource_exhausted(
            f"{total:,} jobs wait already; try again when some have ended, in {RETRY_SECONDS:g} s", RETRY_SECONDS
        )
    if own >= free:
        raise resource_exhausted(
            f"{own:,} jobs of this client wait already, and the {free:,} places that are left are for others; "
            f"try again when some have ended, in {RETRY_SECONDS:g} s",
            RETRY_SECONDS,
        )
