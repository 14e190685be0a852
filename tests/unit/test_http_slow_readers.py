"""HTTP to clients that ask for much and read little of it: real sockets, and times that are short for the tests."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pullback_api.v1 import jobs_pb2, jobs_pb2_grpc, search_pb2, search_pb2_grpc
from pullback_server.access import Access
from pullback_server.http import HttpServer
from pullback_server.http.connections import Connection
from pullback_server.supervision import Health
from pullback_server.tls.authority import make_authority, make_server, write

SERVICES = [module.DESCRIPTOR.services_by_name[name] for module, name in ((jobs_pb2, "Jobs"), (search_pb2, "Search"))]
# More than the system keeps of it on the way.
LARGE = 24 * 1024 * 1024
PATIENCE = 60.0


class Server:
    """A server whose answer is large, over TLS or without."""

    def __init__(self, folder: Path, *, tls: bool) -> None:
        servicers: list[Any] = [jobs_pb2_grpc.JobsServicer(), search_pb2_grpc.SearchServicer()]

        async def get_job(request: jobs_pb2.GetJobRequest, context: object) -> jobs_pb2.Job:
            del context
            return jobs_pb2.Job(name="x" * (LARGE if request.name == "jobs/large" else 1))

        servicers[0].GetJob = get_job
        ours = None
        self.theirs: ssl.SSLContext | None = None
        if tls:
            authority = make_authority()
            write(authority, folder / "ca.pem", folder / "ca.key")
            write(make_server(authority, ["127.0.0.1"]), folder / "server.pem", folder / "server.key")
            ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            ours.load_cert_chain(folder / "server.pem", folder / "server.key")
            self.theirs = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        self._server = HttpServer(
            dict(zip(SERVICES, servicers, strict=True)),
            Health(),
            max_request_bytes=100_000,
            grace_seconds=1,
            access=Access(None),
            tls=ours,
        )
        self.port = self._server.bind("127.0.0.1:0").port
        self._server.start()

    @property
    def connections(self) -> int:
        """How many it has."""
        return len(self._server._server.server_state.connections)

    async def until_connections(self, count: int) -> None:
        """Waits until it has so many."""
        async with asyncio.timeout(PATIENCE):
            while self.connections != count:
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def asked(self, name: str) -> AsyncIterator[asyncio.StreamReader]:
        """A connection on which a job was asked for, whose client keeps little of what it has not read."""
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", self.port))
        name_of_host = None if self.theirs is None else "127.0.0.1"
        reader, writer = await asyncio.open_connection(
            sock=plain, ssl=self.theirs, server_hostname=name_of_host, limit=16 * 1024
        )
        body = b'{"name": "jobs/%b"}' % name.encode()
        head = b"POST /pullback_api.v1.Jobs/GetJob HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        try:
            yield reader
        finally:
            writer.transport.abort()

    async def stop(self) -> None:
        await self._server.stop()


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Callable[[Server], Awaitable[None]]], None]:
    """Runs a test against a server of its own."""

    def run(test: Callable[[Server], Awaitable[None]]) -> None:
        async def main() -> None:
            server = Server(tmp_path, tls=request.param)
            await asyncio.sleep(0.1)
            try:
                await asyncio.wait_for(test(server), 3 * PATIENCE)
            finally:
                await server.stop()

        asyncio.run(main())

    return run


def test_who_never_reads_is_cut_off_and_others_are_answered(
    serve: Callable[..., None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Connection, "read_seconds", 0.5)

    async def test(server: Server) -> None:
        async with server.asked("large") as silent:
            await server.until_connections(1)
            async with server.asked("small") as other:
                assert b"200 OK" in await asyncio.wait_for(other.readline(), PATIENCE)
            await server.until_connections(0)
            # There was more than it gets now.
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await silent.readexactly(LARGE)

    with caplog.at_level(logging.INFO, "pullback_server.http.connections"):
        serve(test)
    (said,) = [record.getMessage() for record in caplog.records if record.name == "pullback_server.http.connections"]
    assert said.startswith("cut off a client that does not read its answer: ")


def test_who_reads_byte_by_byte_is_cut_off(serve: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "read_seconds", 1.0)

    async def test(server: Server) -> None:
        async with server.asked("large") as slow:
            await slow.readexactly(1)
            while server.connections:
                await slow.read(1)
                await asyncio.sleep(0.05)

    serve(test)


def test_who_takes_its_time_but_reads_is_left_alone(
    serve: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is looked at five times before it has all.
    monkeypatch.setattr(Connection, "read_seconds", 2.0)

    async def test(server: Server) -> None:
        async with server.asked("large") as steady:
            pieces = LARGE // 2**20
            for _ in range(pieces):
                await steady.readexactly(2**20)
                await asyncio.sleep(5 * Connection.read_seconds / pieces)

    serve(test)


def test_a_connection_on_which_nothing_is_asked_is_not_one_that_does_not_read(
    serve: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "read_seconds", 0.05)

    async def test(server: Server) -> None:
        async with server.asked("small") as reader:
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"200 OK" in head
            # Many looks later, and before uvicorn ends what is idle.
            await asyncio.sleep(1)
            assert server.connections == 1

    serve(test)
