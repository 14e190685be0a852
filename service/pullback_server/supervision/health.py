"""The server's health: which of its parts are well, for its own log and for those who ask over gRPC or HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

# What a part that has just been named is troubled by; nobody needs to read of it in the log.
STARTING = "starting"
# Trailing metadata of an answer of NOT_SERVING: one entry for each part that is not well.
UNWELL_METADATA = "pullback-unwell"

Status = health_pb2.HealthCheckResponse.ServingStatus

_SERVING, _NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
_log = logging.getLogger(__name__)


class Part:
    """A part of the server that can be well or not, such as a worker; made by `Health.part`.

    Attributes:
        name: What it is called: lower-case ASCII letters, digits and dashes.
        needed: Whether the server is not well while it is starting; another trouble of its always counts.
        trouble: What it is troubled by; None where it is well.
        restarts: How often it has ended and was begun again.
        pid: Of its process, where it has one of its own.
        device_memory: Bytes on its device: what it may take (`limit`), and of GPUs what there is (`total`), what its
            tensors have (`allocated`), what it keeps (`reserved`); empty where it has no device of its own.
    """

    def __init__(self, name: str, health: Health, *, needed: bool = True) -> None:
        self.name = name
        self.needed = needed
        self.trouble: str | None = STARTING
        self.restarts = 0
        self.pid: int | None = None
        self.device_memory: dict[str, int] = {}
        self._health = health

    def well(self) -> None:
        """Says that it does what it is there for."""
        if self.trouble is not None:
            _log.info("%s is well%s", self.name, "" if self.trouble == STARTING else f" again; it was: {self.trouble}")
            self.trouble = None
            self._health.changed()

    def unwell(self, trouble: str) -> None:
        """Says what it is troubled by, in a few words."""
        if self.trouble != trouble:
            if trouble != STARTING:
                _log.error("%s is not well: %s", self.name, trouble)
            self.trouble = trouble
            self._health.changed()


class Health:
    """Whether the server serves: it does while every part of it is well, and it is not going down.

    Lives on the event loop.
    """

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}
        self._closed = False
        self._change = asyncio.Event()

    def part(self, name: str, *, needed: bool = True) -> Part:
        """The part of that name; one that is new is starting, and so not yet well.

        Args:
            name: What it is called.
            needed: Whether the server is not well while a part that is new is starting.
        """
        if name not in self._parts:
            self._parts[name] = Part(name, self, needed=needed)
            self.changed()
        return self._parts[name]

    def items(self) -> Collection[tuple[str, Part]]:
        """Every part by its name."""
        return list(self._parts.items())

    @property
    def parts(self) -> Mapping[str, str | None]:
        """Every part, and what it is troubled by."""
        return {name: part.trouble for name, part in self._parts.items()}

    @property
    def troubles(self) -> Mapping[str, str]:
        """The parts for which the server is not well, and what each is troubled by."""
        found = {
            name: part.trouble
            for name, part in self._parts.items()
            if part.trouble is not None and (part.needed or part.trouble != STARTING)
        }
        return {**found, "server": "going down"} if self._closed else found

    @property
    def serving(self) -> bool:
        """Whether every part is well."""
        return not self.troubles

    @property
    def closed(self) -> bool:
        """Whether the server is going down."""
        return self._closed

    def close(self) -> None:
        """Says that the server is going down; it does not serve any more, whatever its parts say."""
        self._closed = True
        self.changed()

    @property
    def next_change(self) -> asyncio.Event:
        """Is set when something changes; look first, then wait for this."""
        return self._change

    def changed(self) -> None:
        """Wakes those who watch."""
        self._change.set()
        self._change = asyncio.Event()


class HealthServicer(health_pb2_grpc.HealthServicer):
    """The standard's `grpc.health.v1.Health`.

    The server as a whole (the empty name) and each of its services are SERVING while every part is well. Each part can
    be asked for by its own name too. What is not well is said in the trailing metadata of `Check`.

    Args:
        health: Knows how the parts are.
        services: Full names of the services.
    """

    def __init__(self, health: Health, services: Collection[str]) -> None:
        self._health = health
        self._services = frozenset(("", *services))

    def status(self, name: str) -> Status | None:
        """How the service or part of that name is; None where there is none."""
        if name in self._services:
            return _SERVING if self._health.serving else _NOT_SERVING
        if name in self._health.parts:
            return _NOT_SERVING if self._health.closed or self._health.parts[name] is not None else _SERVING
        return None

    async def Check(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> health_pb2.HealthCheckResponse:
        """How something is now."""
        status = self.status(request.service)
        if status is None:
            known = ", ".join(sorted(name for name in (*self._services, *self._health.parts) if name))
            await context.abort(
                grpc.StatusCode.NOT_FOUND, f"nothing is called {request.service!r} here; there are {known}"
            )
        if status == _NOT_SERVING:
            found = {**self._health.troubles}
            if (trouble := self._health.parts.get(request.service)) is not None:
                found[request.service] = trouble
            troubles = [f"{name}: {trouble}" for name, trouble in found.items()]
            context.set_trailing_metadata(tuple((UNWELL_METADATA, _ascii(trouble)) for trouble in troubles))
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """How something is now, and each time that this changes, until the server goes down."""
        del context
        told: Status | None = None
        while True:
            change = self._health.next_change
            status = self.status(request.service)
            if status is None:
                status = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
            if status != told:
                told = status
                yield health_pb2.HealthCheckResponse(status=status)
            if self._health.closed:
                return
            await change.wait()


def _ascii(text: str) -> str:
    """Metadata is printable ASCII."""
    return text.encode("ascii", "replace").decode()
