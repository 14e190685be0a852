"""Exposition: the metrics, and whether the server lives and is ready, over HTTP on an address of their own.

For Prometheus and for supervisors, who have no key: numbers, and nothing of what anybody computes. It speaks just as
much HTTP as they need, so that metrics need neither Starlette nor uvicorn.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import re
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from pullback_server.address import AddressError, is_loopback_host
from pullback_server.deadlines import within
from pullback_server.supervision import Health
from pullback_server.watching.readiness import livez, readyz

DEFAULT_HOST = "127.0.0.1"
HEAD_SECONDS, ANSWER_SECONDS = 5.0, 5.0
_HEAD_BYTES = 8192
_MAX_CONNECTIONS = 32
_ADDRESS = re.compile(r"(?:(?P<host>\[[0-9a-fA-F:]+\]|[^:\[\]]+):)?(?P<port>\d{1,5})")
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}

_log = logging.getLogger(__name__)
_Answer = tuple[int, str, bytes]


def parse_address(address: str) -> tuple[str, int]:
    """Host and port of `PORT` or `HOST:PORT`; the host is this machine alone where none is said.

    Raises:
        AddressError: It is neither.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > 65_535:
        raise AddressError(
            f"--metrics: expected PORT, for this machine alone, or HOST:PORT, such as 127.0.0.1:9464, but {address!r} "
            "came"
        )
    return (match["host"] or DEFAULT_HOST).strip("[]"), int(match["port"])


class Exposition:
    """Answers `GET /metrics`, `/livez` and `/readyz`, from `start` to `stop`.

    Args:
        address: `PORT` or `HOST:PORT`; port 0 for any free one.
        registry: The metrics.
        health: Whether the server is ready.
        refresh: Brings up to date what is not counted as it happens; called before each answer.

    Attributes:
        port: The port, once it has started.

    Raises:
        AddressError: The address is none.
    """

    def __init__(
        self, address: str, registry: CollectorRegistry, health: Health, refresh: Callable[[], Awaitable[None]]
    ) -> None:
        self._host, self._wanted = parse_address(address)
        self._registry = registry
        self._health = health
        self._refresh = refresh
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def target(self) -> str:
        """`host:port`."""
        return f"[{self._host}]:{self.port}" if ":" in self._host else f"{self._host}:{self.port}"

    async def start(self) -> None:
        """Answers from now on.

        Raises:
            AddressError: The port is taken, or the host is none of this machine's.
        """
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self._wanted, limit=_HEAD_BYTES)
        except OSError as error:
            raise AddressError(
                f"cannot expose metrics on {self._host}:{self._wanted}: {error.strerror or error}; choose another "
                "address for --metrics, or port 0 for any that is free"
            ) from None
        self.port = self._server.sockets[0].getsockname()[1]
        _log.info("metrics are at http://%s/metrics", self.target)
        if not is_loopback_host(self._host):
            _log.warning("--metrics %s: whoever reaches that address can read them; they need no key", self.target)

    async def stop(self) -> None:
        """Answers no more."""
        if self._server is not None:
            self._server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (asyncio runs it in one)
        self._open.add(task)
        try:
            if len(self._open) <= _MAX_CONNECTIONS:
                head = await within(HEAD_SECONDS, reader.readuntil(b"\r\n\r\n"))
                status, kind, body = await self._answer(head.decode("latin-1"))
                writer.write(_head(status, kind, len(body)) + (b"" if head.startswith(b"HEAD ") else body))
                await within(ANSWER_SECONDS, writer.drain())
        except (asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            # Whoever asks so gets no answer.
            pass
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, head: str) -> _Answer:
        first, *lines = head.split("\r\n")
        method, _, target = first.partition(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if method not in ("GET", "HEAD"):
            return _text(405, "expected GET")
        if is_loopback_host(self._host) and not _names_address(headers.get("host", "")):
            # A page of the web whose name was pointed at this machine.
            return _text(403, "expected a request to an address or to localhost")
        match target.split(" ")[0].partition("?")[0]:
            case "/metrics":
                await self._refresh()
                encode, kind = choose_encoder(headers.get("accept", ""))
                return 200, kind, encode(self._registry)
            case "/livez":
                return _json(livez())
            case "/readyz":
                return _json(readyz(self._health))
            case _:
                return _text(404, "there are /metrics, /livez and /readyz")


def _head(status: int, kind: str, length: int) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Service Unavailable')}",
        f"Content-Type: {kind}",
        f"Content-Length: {length}",
        "X-Content-Type-Options: nosniff",
        "Cache-Control: no-store",
        "Connection: close",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _text(status: int, text: str) -> _Answer:
    return status, "text/plain; charset=utf-8", f"{text}\n".encode()


def _json(answer: tuple[int, dict[str, object]]) -> _Answer:
    status, content = answer
    return status, "application/json", json.dumps(content).encode()


def _names_address(host: str) -> bool:
    """Whether a Host header names an address, which nobody can point elsewhere, or this machine."""
    name = host.rpartition(":")[0] if host.rpartition("]")[2].count(":") else host
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
