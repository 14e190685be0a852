"""The HTTP server: what it is made of, and how it begins and stops within the gRPC server's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import Callable, Collection, Generator, Mapping
from typing import Any

import uvicorn
from google.protobuf.descriptor import ServiceDescriptor
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from pullback_api.v1 import search_pb2
from pullback_server.access import Access
from pullback_server.address import Endpoint, take
from pullback_server.http.authorization import Authorization
from pullback_server.http.bodies import Bodies
from pullback_server.http.bounded_calls import BoundedCalls
from pullback_server.http.connections import (
    ACCEPTED_AT_ONCE,
    HEADER_SECONDS,
    KEEP_ALIVE_SECONDS,
    Connection,
    quieten_accepting,
)
from pullback_server.http.errors import PlainErrors
from pullback_server.http.hosts import OwnHosts
from pullback_server.http.images import PATH, SessionImages
from pullback_server.http.security_headers import Hardening
from pullback_server.http.services import ServiceApplication
from pullback_server.http.watched import Watched
from pullback_server.intake.admission import Admission
from pullback_server.supervision import Health
from pullback_server.watching import CallWatch
from pullback_server.watching.readiness import livez, readyz

_SEARCH = search_pb2.DESCRIPTOR.services_by_name["Search"]


class HttpServer:
    """Serves the servicers over HTTP: `bind`, then from `start` to `stop` on the event loop that both are called on.

    Args:
        servicers: The object that serves each of the contract's services.
        health: Knows whether the server serves.
        max_request_bytes: Of a request's body.
        grace_seconds: How long calls may go on after `stop`.
        access: Decides who is let in.
        admission: Room for requests, which those over gRPC share; None for room of its own.
        hosts: By which it may be called beside those of loopback: see `OwnHosts`.
        beyond: Whether other machines may reach it.
        tls: What its connections are made with; None for none.
        watch: Watches calls; None for nobody.
    """

    def __init__(
        self,
        servicers: Mapping[ServiceDescriptor, Any],
        health: Health,
        *,
        max_request_bytes: int,
        grace_seconds: float,
        access: Access,
        admission: Admission | None = None,
        hosts: Callable[[], Collection[str]] = tuple,
        beyond: bool = False,
        tls: ssl.SSLContext | None = None,
        watch: CallWatch | None = None,
    ) -> None:
        self._beyond, self._tls = beyond, tls
        self._calls = BoundedCalls()
        self._health = health
        self._grace_seconds = grace_seconds
        services = [
            ServiceApplication(service, servicer, self._calls, max_request_bytes=max_request_bytes)
            for service, servicer in servicers.items()
        ]
        images = SessionImages(servicers[_SEARCH].GetSessionImage, self._calls)
        self.application = Starlette(
            routes=[
                Route("/healthz", self._readyz),
                Route("/readyz", self._readyz),
                Route("/livez", self._livez),
                Route(PATH, images.answer),
                *(Mount(service.path, service) for service in services),
            ],
            middleware=[
                *([] if watch is None else [Middleware(Watched, watch=watch)]),
                Middleware(Hardening),
                Middleware(PlainErrors),
                Middleware(OwnHosts, hosts=hosts, addresses=beyond and tls is None),
                Middleware(Authorization, access=access),
                Middleware(
                    Bodies,
                    methods={
                        f"/{service.full_name}/{method.name}": method
                        for service in servicers
                        for method in service.methods
                        if not method.server_streaming
                    },
                    admission=admission or Admission(),
                    max_request_bytes=max_request_bytes,
                ),
            ],
            exception_handlers={HTTPException: _on_http_exception},
        )

    def bind(self, address: str) -> Endpoint:
        """Takes `host:port`, port 0 for any free one, on every address of the host.

        Raises:
            AddressError: The port is taken.
        """
        endpoint, listeners = take(address, beyond=self._beyond)
        # asyncio spares its callers Nagle's delay, 40 ms an answer, only where a socket says that it is TCP's.
        self._listeners = [
            socket.socket(made.family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=made.detach())
            for made in listeners
        ]
        return endpoint

    def start(self) -> None:
        """Answers requests from now on."""
        config = uvicorn.Config(
            self.application,
            http=Connection,
            backlog=ACCEPTED_AT_ONCE,
            lifespan="off",
            log_level="warning",
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=round(self._grace_seconds),
        )
        quieten_accepting(asyncio.get_running_loop())
        self._server = _Server(config, self._tls)
        self._serving = asyncio.create_task(self._server.serve(self._listeners))

    async def stop(self) -> None:
        """Lets open calls end, but no longer than the grace."""
        self._server.should_exit = True
        await self._serving
        self._calls.close()

    async def _livez(self, request: Request) -> Response:
        """Whether the server lives."""
        del request
        status, content = livez()
        return JSONResponse(content, status_code=status)

    async def _readyz(self, request: Request) -> Response:
        """Whether the server serves; `parts` says of each part "well", or what it is troubled by."""
        del request
        status, content = readyz(self._health)
        return JSONResponse(content, status_code=status)


class _Server(uvicorn.Server):
    """Leaves the signals to the process that it is a part of, and does not wait long for anybody's handshake."""

    def __init__(self, config: uvicorn.Config, tls: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self._tls = tls

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        assert sockets is not None  # noqa: S101  (`HttpServer.bind` has taken them)
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                lambda: Connection(config=self.config, server_state=self.server_state, app_state={}),
                sock=each,
                backlog=self.config.backlog,
                ssl=self._tls,
                ssl_handshake_timeout=HEADER_SECONDS if self._tls else None,
            )
            for each in sockets
        ]
        self.started = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for it)
    message = f"{request.method} {request.url.path}: {error.detail}"
    code = "not_found" if error.status_code == 404 else "unimplemented"
    body = json.dumps({"code": code, "message": message})
    return Response(body, status_code=error.status_code, headers=error.headers, media_type="application/json")
