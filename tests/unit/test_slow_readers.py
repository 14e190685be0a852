"""Readers that are slow, over a real socket: nothing piles up for them, and they do not stay for ever."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest

from pullback_api.v1 import generators_pb2, generators_pb2_grpc
from pullback_server.errors import ErrorInterceptor
from pullback_server.executor.worker import TAKEN_BYTES, Settings, Worker
from pullback_server.protocol.calls import CallDone, Render, Rendered, Taken
from pullback_server.sessions.audience import MAX_UNREAD, Audience
from pullback_server.supervision import Health

IMAGE = b"x" * 30_000
COUNT = 4_000


class Generators(generators_pb2_grpc.GeneratorsServicer):
    """Renders as fast as it is read."""

    def __init__(self) -> None:
        self.rendered = 0
        self.closed = asyncio.Event()

    async def Render(self, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            for index in range(COUNT):
                self.rendered += 1
                yield generators_pb2.RenderResponse(index=index, image={"data": IMAGE})
        finally:
            self.closed.set()


def served(scenario: Any) -> None:
    """Runs a scenario with a server behind a socket, and a channel to it."""

    async def run() -> None:
        servicer = Generators()
        server = grpc.aio.server(interceptors=[ErrorInterceptor()], options=[("grpc.http2.bdp_probe", 0)])
        generators_pb2_grpc.add_GeneratorsServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            await scenario(servicer, generators_pb2_grpc.GeneratorsStub(channel))
        await server.stop(None)

    asyncio.run(asyncio.wait_for(run(), 240))


async def stalled(servicer: Generators) -> int:
    """How many images were rendered when no more are."""
    before = -1
    while before != servicer.rendered:
        before = servicer.rendered
        await asyncio.sleep(1)
    return before


def test_nothing_is_rendered_for_a_reader_that_does_not_read_and_all_once_it_does() -> None:
    async def scenario(servicer: Generators, stub: Any) -> None:
        call = stub.Render(generators_pb2.RenderRequest(), timeout=200)
        responses = aiter(call)
        assert (await anext(responses)).index == 0
        # What fits into the sockets and gRPC's own buffers.
        assert await stalled(servicer) * len(IMAGE) < 32 * 1024 * 1024
        found = [response.index async for response in responses]
        assert found == list(range(1, COUNT))

    served(scenario)


def test_a_stream_that_nobody_reads_is_ended_and_what_it_held_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pullback_server.errors.UNREAD_SECONDS", 2.0)

    async def scenario(servicer: Generators, stub: Any) -> None:
        call = stub.Render(generators_pb2.RenderRequest(), timeout=200)
        responses = aiter(call)
        assert (await anext(responses)).index == 0
        # Before the client reads again.
        await asyncio.wait_for(servicer.closed.wait(), 120)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            [response async for response in responses]
        assert caught.value.code() == grpc.StatusCode.ABORTED
        assert caught.value.details() == "nobody has read this stream for 2 s; ask again for what is left of it"
        # A slow one that reads now and then is left alone.
        call = stub.Render(generators_pb2.RenderRequest(), timeout=200)
        for _ in range(4):
            for _ in range(500):
                await call.read()
            await asyncio.sleep(1)
        call.cancel()

    served(scenario)


def test_a_reader_that_goes_away_ends_what_is_made_for_it() -> None:
    async def scenario(servicer: Generators, stub: Any) -> None:
        call = stub.Render(generators_pb2.RenderRequest(), timeout=200)
        await call.read()
        call.cancel()
        await asyncio.wait_for(servicer.closed.wait(), 60)
        assert servicer.rendered < COUNT

    served(scenario)


def test_a_worker_is_told_what_was_taken_of_a_call() -> None:
    async def run() -> None:
        listener: Any = None
        worker = Worker(Settings("cpu", 1.0, logging.INFO), Health().part("worker-0"), listener)
        sent: list[Any] = []
        worker._send = sent.append  # type: ignore[method-assign]
        call = Render(1, "tiny", "z", np.zeros((9, 2), np.float32), "PNG")
        answers = worker.call(call)
        image = b"x" * (TAKEN_BYTES // 3)
        first = asyncio.create_task(anext(answers))
        await asyncio.sleep(0)
        for index in range(9):
            worker._on_message(Rendered(1, index, image, 1, 1))
        await first
        assert sent == [call]
        for _ in range(8):
            await anext(answers)
        # As it is read, and not as it comes.
        assert [message.size for message in sent if isinstance(message, Taken)] == [4 * len(image)] * 2
        worker._on_message(CallDone(1))
        assert [answer async for answer in answers] == [CallDone(1)]

    asyncio.run(asyncio.wait_for(run(), 60))


def test_what_is_sent_live_does_not_pile_up_for_one_who_watches_and_does_not_read() -> None:
    async def run() -> None:
        audience = Audience()
        with audience.listening() as listener:
            for _ in range(3 * MAX_UNREAD):
                audience.notify()
            assert listener.qsize() == MAX_UNREAD

    asyncio.run(run())


def test_a_reader_that_leaves_is_no_error_of_the_server(caplog: pytest.LogCaptureFixture) -> None:
    class Context:
        """What gRPC has of a caller that has just hung up."""

        async def write(self, _message: Any) -> None:
            raise grpc.aio.InternalError("execute_batch failed")

    async def scenario() -> None:
        handler = grpc.unary_stream_rpc_method_handler(Generators().Render)

        async def found(_details: Any) -> Any:
            return handler

        guarded = await ErrorInterceptor().intercept_service(found, None)  # type: ignore[arg-type]
        assert guarded is not None
        # gRPC takes it from there: the caller is gone.
        with pytest.raises(grpc.aio.InternalError):
            await guarded.unary_stream(None, Context())

    asyncio.run(scenario())
    assert not caplog.records
