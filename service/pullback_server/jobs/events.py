"""Events of jobs: those who watch a job wake when something happens to it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

MOST_ENDED = 1_000
"""How many of the jobs that have ended are known."""


class EventBroker:
    """Knows the latest event of each job that changes, and who waits for the next. Lives on the event loop."""

    def __init__(self) -> None:
        self._latest: dict[str, int] = {}
        # Of those that have ended, the last ones are known yet: somebody may have looked into the store just before.
        self._ended: dict[str, None] = {}
        self._previews: dict[str, tuple[int, tuple[bytes, ...]]] = {}
        self._waiting: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._ends: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self.closing = False

    def publish(self, job: str, sequence: int, previews: tuple[bytes, ...] = (), *, ended: bool = False) -> None:
        """Says that the job's event of that number is in the store."""
        self._latest[job] = sequence
        if ended:
            self._ended[job] = None
            if len(self._ended) > MOST_ENDED:
                oldest = next(iter(self._ended))
                del self._ended[oldest], self._latest[oldest]
            self._previews.pop(job, None)
            _wake(self._ends.get(job, ()))
        elif previews:
            self._previews[job] = (sequence, previews)
        _wake(self._waiting.get(job, ()))

    def previews(self, job: str, sequence: int) -> tuple[bytes, ...]:
        """The previews that came with that event, if they are still at hand."""
        at, previews = self._previews.get(job, (0, ()))
        return previews if at == sequence else ()

    async def wait(self, job: str, after: int, timeout: float | None = None) -> None:
        """Returns once the job may have an event of a higher number than `after`, or after `timeout` seconds.

        Returns at once where such an event was published before, or the server is going down. May return early: look
        into the store.
        """
        if self.closing or self._latest.get(job, 0) > after:
            return
        with _noted(self._waiting, job) as future:
            # `wait_for` would forget a cancellation that comes with the event.
            await asyncio.wait([future], timeout=timeout)

    @contextmanager
    def ending(self, job: str) -> Iterator[asyncio.Future[None]]:
        """What is done once the job ends from now on, or the server goes down: begin with it, then look into the store.

        Steps of progress wake nobody here, however many wait for the end.
        """
        with _noted(self._ends, job) as future:
            yield future

    def close(self) -> None:
        """Wakes everybody: the server is going down."""
        self.closing = True
        for futures in (*self._waiting.values(), *self._ends.values()):
            _wake(futures)


@contextmanager
def _noted(waiting: defaultdict[str, set[asyncio.Future[None]]], job: str) -> Iterator[asyncio.Future[None]]:
    """A future among those that wait for something of a job."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting[job].add(future)
    try:
        yield future
    finally:
        waiting[job].discard(future)
        if not waiting[job]:
            del waiting[job]


def _wake(futures: Iterable[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
