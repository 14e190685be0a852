"""Wakes those who watch a job when something happens to it."""

from __future__ import annotations

import asyncio
from collections import defaultdict


class EventBroker:
    """Knows the latest event of each job that changes, and who waits for the next. Lives on the event loop."""

    def __init__(self) -> None:
        self._latest: dict[str, int] = {}
        self._previews: dict[str, tuple[int, tuple[bytes, ...]]] = {}
        self._waiting: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self.closing = False

    def publish(self, job: str, sequence: int, previews: tuple[bytes, ...] = (), *, ended: bool = False) -> None:
        """Says that the job's event of that number is in the store."""
        self._latest[job] = sequence
        if ended:
            self._previews.pop(job, None)
        elif previews:
            self._previews[job] = (sequence, previews)
        self._wake(job)

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
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[job].add(future)
        try:
            await asyncio.wait_for(future, timeout)
        except asyncio.TimeoutError:
            pass
        finally:
            self._waiting[job].discard(future)
            if not self._waiting[job]:
                del self._waiting[job]

    def close(self) -> None:
        """Wakes everybody: the server is going down."""
        self.closing = True
        for job in list(self._waiting):
            self._wake(job)

    def _wake(self, job: str) -> None:
        for future in self._waiting.get(job, ()):
            if not future.done():
                future.set_result(None)
