"""Audience of a session: those who wait for something to happen in it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

from pullback_api.v1 import search_pb2
from pullback_server.deadlines import within

# Of one who watches and does not read: what is sent live is lost on them then, the log has all else.
MAX_UNREAD = 1_000
# What a listener gets: an event that is sent live, or None where the log has more.
Listener = asyncio.Queue[search_pb2.SessionEvent | None]


class Audience:
    """Wakes those who wait, and passes on what is sent live. Lives on the event loop."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._listeners: set[Listener] = set()

    @property
    def changed(self) -> asyncio.Event:
        """Is set when something happens next."""
        return self._changed

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """A queue of all that happens from now on."""
        listener: Listener = asyncio.Queue()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def notify(self, message: search_pb2.SessionEvent | None = None) -> None:
        """Says that the log has more, or passes on what is sent live."""
        self._changed.set()
        self._changed = asyncio.Event()
        for listener in self._listeners:
            # One that has something to read looks at the log after it.
            if listener.qsize() < MAX_UNREAD:
                listener.put_nowait(message)


async def wait_for(event: asyncio.Event, timeout: float) -> None:
    """Waits until the event is set, at most `timeout` seconds."""
    with contextlib.suppress(asyncio.TimeoutError):
        await within(timeout, event.wait())
