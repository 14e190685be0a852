"""Connections of HTTP: as many as there are descriptors for, and none that says nothing, or reads nothing, for long."""

from __future__ import annotations

import asyncio
import logging
from operator import itemgetter
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0
"""How long a client may take to send the head of a request, from the connection or the head's first byte."""
KEEP_ALIVE_SECONDS = 120
"""How long a connection may wait for its next request: longer than clients keep one that they do not use (httpx 5 s,
.NET 60 s, Go 90 s), as a request that crosses the server's closing of its connection is never answered."""
READ_SECONDS = 30.0
"""How often it is looked whether a client reads what was answered."""
READ_BYTES = 32 * 1024
"""What a client has to take of an answer, or all of it, from one look to the next."""
MAX_CONNECTIONS = 256
ACCEPTED_AT_ONCE = 16
"""Connections that are taken in one turn of the event loop: each costs a descriptor until it is looked at."""
_COMPLAINT_SECONDS = 30.0

_log = logging.getLogger(__name__)


class Connection(H11Protocol):
    """A connection that is closed where its request's head does not come, its answer is not read, or they are too many.

    Answers wait whole in memory until they are read, however slow their reader is, or whether it reads at all.
    """

    header_seconds = HEADER_SECONDS
    read_seconds = READ_SECONDS
    max_connections = MAX_CONNECTIONS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        self._counted = _Counted(transport)
        super().connection_made(self._counted)  # type: ignore[arg-type]
        self._head: asyncio.TimerHandle | None = None
        self._look = self.loop.call_later(self.read_seconds, self._see_it_read, self._counted.taken, 0)
        if len(self.connections) > self.max_connections and not self._make_room():
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
        self._look.cancel()
        # Of a connection that broke, uvicorn would keep the timer, and with it the connection, until it is due.
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    @property
    def waits_until(self) -> float | None:
        """When it is closed if no further request comes, by the loop's clock; None where it waits for none.

        It has one, it never had one, or it is being closed.
        """
        ending = self.timeout_keep_alive_task
        if ending is None or self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            return None
        return ending.when()

    def _make_room(self) -> bool:
        """Closes the connection that has waited longest for its next request; False where none waits for one."""
        waiting = [
            (until, each)
            for each in self.connections
            if isinstance(each, Connection) and (until := each.waits_until) is not None
        ]
        if not waiting:
            return False
        min(waiting, key=itemgetter(0))[1].timeout_keep_alive_handler()
        return True

    def _wait_for_head(self) -> None:
        self._head = self.loop.call_later(self.header_seconds, self._close)

    def _end_wait(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _close(self) -> None:
        if not self.transport.is_closing() and self.conn.their_state is h11.IDLE:
            self.transport.close()

    def _see_it_read(self, taken_before: int, unread_before: int) -> None:
        """Cuts off a client that has had something to read since the last look and took next to nothing of it."""
        taken, unread = self._counted.taken, self._counted.unread
        if unread and unread_before and taken - taken_before < READ_BYTES:
            _log.info("cut off a client that does not read its answer: %s bytes of it waited", f"{unread:,}")
            # To close it would wait until all of that is sent.
            self.transport.abort()
            return
        self._look = self.loop.call_later(self.read_seconds, self._see_it_read, taken, unread)


class _Counted:
    """A transport that knows how much of what was written has been taken off its hands."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._written = 0

    def write(self, data: bytes) -> None:
        """Sends data, or keeps it until there is room for it on the way."""
        self._written += len(data)
        self._transport.write(data)

    @property
    def unread(self) -> int:
        """Bytes that wait for room on the way to the client."""
        # A transport of TLS tells of its own alone, and asyncio has no other way to that beneath, which has the rest.
        beneath = getattr(getattr(self._transport, "_ssl_protocol", None), "_transport", None)
        return sum(each.get_write_buffer_size() for each in (self._transport, beneath) if each is not None)

    @property
    def taken(self) -> int:
        """Bytes that are on the way, or with the client."""
        return self._written - self.unread

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


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
