"""Connections of HTTP: as many as there are descriptors for, and none that says nothing for long."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0
"""How long a client may take to send the head of a request, from the connection or the head's first byte."""
MAX_CONNECTIONS = 256
ACCEPTED_AT_ONCE = 16
"""Connections that are taken in one turn of the event loop: each costs a descriptor until it is looked at."""
_COMPLAINT_SECONDS = 30.0

_log = logging.getLogger(__name__)


class Connection(H11Protocol):
    """A connection that is closed where its request's head does not come, or where there are too many."""

    header_seconds = HEADER_SECONDS
    max_connections = MAX_CONNECTIONS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        self._head: asyncio.TimerHandle | None = None
        if len(self.connections) > self.max_connections:
            # An answer would take a turn of the event loop and a descriptor that others need.
            transport.abort()
            return
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._end_wait()
        elif self._head is None and self.timeout_keep_alive_task is None:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._end_wait()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._head = self.loop.call_later(self.header_seconds, self._close)

    def _end_wait(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _close(self) -> None:
        if not self.transport.is_closing() and self.conn.their_state is h11.IDLE:
            self.transport.close()


def quieten_accepting(loop: asyncio.AbstractEventLoop) -> None:
    """Says once in a while that no connection can be accepted, where asyncio would say it for every attempt.

    Out of descriptors, asyncio tries as often in one turn as connections may wait, with a traceback each.
    """
    before = loop.get_exception_handler()
    said = 0.0

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal said
        if "accept() out of system resource" not in context.get("message", ""):
            (before or type(loop).default_exception_handler)(loop, context)
        elif loop.time() >= said + _COMPLAINT_SECONDS or not said:
            said = loop.time()
            _log.error("no connection can be accepted: %s; clients wait until others have ended", context["exception"])

    loop.set_exception_handler(handle)
