"""HTTP from clients that are slow, many, or not what they say: real sockets, and times that are short for the tests."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pullback_api.v1 import jobs_pb2, jobs_pb2_grpc, search_pb2, search_pb2_grpc
from pullback_server.access import Access
from pullback_server.http import HttpServer
from pullback_server.http.bodies import Bodies
from pullback_server.http.connections import Connection, quieten_accepting
from pullback_server.supervision import Health

SERVICES = [module.DESCRIPTOR.services_by_name[name] for module, name in ((jobs_pb2, "Jobs"), (search_pb2, "Search"))]
HEAD = b"POST /pullback_api.v1.Jobs/GetJob HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]


def serve(test: Callable[[Connect], Awaitable[None]]) -> None:
    """Runs a test against a server of its own, to which it may connect."""

    async def main() -> None:
        servicers: list[Any] = [jobs_pb2_grpc.JobsServicer(), search_pb2_grpc.SearchServicer()]

        async def get_job(request: jobs_pb2.GetJobRequest, context: object) -> jobs_pb2.Job:
            del context
            return jobs_pb2.Job(name=request.name)

        servicers[0].GetJob = get_job
        server = HttpServer(
            dict(zip(SERVICES, servicers, strict=True)),
            Health(),
            max_request_bytes=100_000,
            grace_seconds=1,
            access=Access(None),
        )
        endpoint = server.bind("127.0.0.1:0")
        server.start()
        await asyncio.sleep(0.1)
        opened: list[asyncio.StreamWriter] = []

        async def connect() -> Streams:
            reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
            opened.append(writer)
            return reader, writer

        try:
            await asyncio.wait_for(test(connect), 60)
        finally:
            for writer in opened:
                writer.close()
            await server.stop()

    asyncio.run(main())


async def answered(streams: Streams, body: bytes = b'{"name": "jobs/a"}') -> bytes:
    """The answer to a whole request on that connection."""
    reader, writer = streams
    writer.write(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    return await reader.read()


def test_answers_say_that_they_are_what_they_say() -> None:
    async def test(connect: Connect) -> None:
        for body in (b'{"name": "jobs/a"}', b"{"):
            answer = (await answered(await connect(), body)).lower()
            assert b"x-content-type-options: nosniff\r\n" in answer
            assert b"cross-origin-resource-policy: same-site\r\n" in answer

    serve(test)


@pytest.mark.parametrize("begun", [b"", b"POST /pullback", HEAD], ids=["nothing", "a line", "no end"])
def test_a_head_that_does_not_come_ends_the_connection(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(Connection, "header_seconds", 0.3)

    async def test(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(begun)
        assert await reader.read() == b""
        assert b"200 OK" in await answered(await connect())

    serve(test)


def test_a_second_request_may_not_dawdle_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "header_seconds", 0.3)

    async def test(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(HEAD + b"Content-Length: 2\r\n\r\n{}")
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"POST /pull")
        await reader.read()
        assert reader.at_eof()

    serve(test)


def test_a_body_that_does_not_come_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bodies, "receive_seconds", 0.3)

    async def test(connect: Connect) -> None:
        reader, writer = await connect()
        writer.write(HEAD + b'Content-Length: 500\r\n\r\n{"name"')
        answer = await reader.read()
        assert b"408 Request Timeout" in answer
        assert b"deadline_exceeded" in answer
        assert b"200 OK" in await answered(await connect())

    serve(test)


def test_connections_beyond_the_limit_are_closed_and_the_others_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "max_connections", 5)

    async def test(connect: Connect) -> None:
        kept = [await connect() for _ in range(5)]
        await asyncio.sleep(0.2)
        for _ in range(20):
            reader, _ = await connect()
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
        assert b"200 OK" in await answered(kept[0])
        # Its place is free again.
        await asyncio.sleep(0.2)
        assert b"200 OK" in await answered(await connect())

    serve(test)


async def kept_open(streams: Streams) -> bytes:
    """The answer to a whole request on a connection that may have further ones."""
    reader, writer = streams
    writer.write(HEAD + b"Content-Length: 2\r\n\r\n{}")
    return await reader.readuntil(b"\r\n0\r\n\r\n")


def test_a_connection_is_kept_longer_than_clients_keep_theirs() -> None:
    async def test(connect: Connect) -> None:
        streams = await connect()
        assert b"200 OK" in await kept_open(streams)
        # httpx has closed it by then, and is the first to.
        await asyncio.sleep(6)
        assert b"200 OK" in await kept_open(streams)

    serve(test)


def test_at_the_limit_the_connection_that_has_waited_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "max_connections", 3)

    async def test(connect: Connect) -> None:
        silent, first, second = [await connect() for _ in range(3)]
        for streams in (first, second, first):
            assert b"200 OK" in await kept_open(streams)
        third = await connect()
        assert b"200 OK" in await kept_open(third)
        assert await second[0].read() == b""
        for streams in (silent, first, third):
            assert b"200 OK" in await kept_open(streams)
        # Two at once take the room of two.
        both = [await connect() for _ in range(2)]
        for streams in both:
            assert b"200 OK" in await kept_open(streams)
        assert await silent[0].read() == await first[0].read() == b""
        assert b"200 OK" in await kept_open(third)

    serve(test)


def test_being_out_of_descriptors_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        others: list[str] = []
        loop.set_exception_handler(lambda _, context: others.append(context["message"]))
        quieten_accepting(loop)
        error = OSError(errno.EMFILE, "Too many open files")
        for _ in range(1_000):
            loop.call_exception_handler({"message": "socket.accept() out of system resource", "exception": error})
        loop.call_exception_handler({"message": "something else"})
        return others

    with caplog.at_level(logging.ERROR):
        assert asyncio.run(main()) == ["something else"]
    assert [record.getMessage() for record in caplog.records] == [
        "no connection can be accepted: [Errno 24] Too many open files; clients wait until others have ended"
    ]
