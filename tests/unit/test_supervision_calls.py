"""Which worker takes a call; calls that none can take are refused in time, with when to try again."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, cast

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2

from pullback_server.errors import ApiError
from pullback_server.executor import Executor
from pullback_server.executor.outstanding import OpenCall, is_last
from pullback_server.executor.worker import Settings, Worker
from pullback_server.protocol.batching import MEASUREMENT
from pullback_server.protocol.calls import CallDone, Render, Rendered, Sample
from pullback_server.protocol.messages import Ready, StartJob
from pullback_server.supervision import Health, Part
from pullback_server.supervision.health import STARTING
from pullback_server.worker.unread import WINDOW_BYTES
from tiny import DIM


def check_retry(error: ApiError, seconds: float) -> None:
    assert error.code == grpc.StatusCode.UNAVAILABLE
    (detail,) = error.to_status().details
    retry = error_details_pb2.RetryInfo()
    assert detail.Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == 1000 * seconds
    assert f"try again in {seconds:g} s" in error.message


def test_a_call_that_finds_no_worker_in_time_is_told_when_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("pullback_server.executor.executor"), "WORKER_SECONDS", 0.1)
    executor = Executor([], checkpoint_seconds=1.0, log_level=logging.INFO, health=Health())
    with pytest.raises(ApiError, match="no worker can take the call") as caught:
        asyncio.run(executor.sample(generator="tiny", space="z", count=1, seed=0))
    check_retry(caught.value, 5)


def test_calls_that_are_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("pullback_server.executor.outstanding"), "MAX_CALLS", 1)
    listener: Any = None

    async def scenario() -> None:
        worker = Worker(Settings("cpu", 1.0, logging.INFO), Health().part("worker-0"), listener)
        first = asyncio.create_task(anext(worker.call(Sample(1, "tiny", "z", 1, 0))))
        await asyncio.sleep(0.05)
        with pytest.raises(ApiError, match="1 calls of 0 MB to answer") as caught:
            await anext(worker.call(Sample(2, "tiny", "z", 1, 0)))
        check_retry(caught.value, 1)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

    asyncio.run(scenario())


def test_a_worker_that_says_that_it_is_ready_is_not_silent() -> None:
    class Nobody:
        def on_room(self) -> None:
            """Takes no jobs."""

    listener: Any = Nobody()
    worker = Worker(Settings("cpu", 1.0, logging.INFO), Health().part("worker-0"), listener)
    # Importing on a loaded machine, it gave no sign of life.
    worker._judge("no sign of life for 3 s")
    worker._on_message(Ready("cpu", ("cpu",), "cpu"))
    assert worker.available


class Fake:
    """A worker without a process, as a test says it is; answers every call with its name."""

    def __init__(self, settings: Settings, part: Part, listener: Any, on_ready: Callable[[Ready], None]) -> None:
        del listener
        self.on_ready = on_ready
        self.niceness = 0
        self.name = part.name
        self.place = f"on {settings.device}"
        self.jobs: dict[str, Any] = {}
        self.available = self.prompt = True
        self.outstanding = 0
        self.trouble = "as the test says"

    async def run(self) -> None:
        await asyncio.Event().wait()

    def stop(self) -> None:
        self.ready = False

    def give_way(self, niceness: int) -> None:
        self.niceness = niceness

    def begin(self, start: Any) -> None:
        self.jobs[start.job] = start.load

    async def call(self, call: Any) -> AsyncIterator[CallDone]:
        yield CallDone(call.call, self.name)


async def answering(executor: Executor) -> Any:
    return await executor.sample(generator="tiny", space="z", count=1, seed=0)


async def started(devices: int) -> tuple[Executor, list[Any]]:
    """An executor of so many devices, and their workers."""
    executor = Executor(["cpu"] * devices, checkpoint_seconds=1.0, log_level=logging.INFO, health=Health())
    executor.start(None)  # type: ignore[arg-type]
    return executor, [device.worker for device in executor._devices]


def share_for(monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    """Has calls and jobs share a process for so many looks, instead of seconds."""
    device = importlib.import_module("pullback_server.executor.device")
    monkeypatch.setattr(device, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(device, "SHARED_SECONDS", 0.01 * (looks - 0.5))


async def calls_of(executor: Executor) -> Any:
    """The worker for calls of the first device, as soon as there is one."""
    while executor._devices[0].calls is None:
        await asyncio.sleep(0.001)
    return executor._devices[0].calls


def test_a_call_goes_to_the_device_that_has_least_to_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("pullback_server.executor.keeping"), "Worker", Fake)
    share_for(monkeypatch, 1)
    job = StartJob("1", "eigenbasis", MEASUREMENT, False, b"", None, None, "")

    async def scenario() -> None:
        executor, (first, second, third) = await started(3)
        first.outstanding, second.outstanding, third.outstanding = 30, 10, 20
        assert await answering(executor) == "worker-1"
        second.outstanding = 30
        assert {await answering(executor) for _ in range(3)} == {"worker-2"}
        third.outstanding = 30
        assert {await answering(executor) for _ in range(3)} == {"worker-0", "worker-1", "worker-2"}
        # What a process for calls has to draw counts for its device, and jobs beside it count too.
        assert executor.assign(job, 0)
        calls = await calls_of(executor)
        first.outstanding, calls.outstanding, second.outstanding, third.outstanding = 0, 20, 30, 50
        assert await answering(executor) == "worker-1"
        calls.outstanding = 10
        assert await answering(executor) == "worker-0-calls"
        # As long as it has none, calls would wait for pieces of the job.
        calls.available, calls.outstanding = False, 0
        assert await answering(executor) == "worker-1"
        await executor.stop()

    asyncio.run(scenario())


def test_what_is_left_of_a_call_is_what_is_still_to_be_drawn_for_a_reader_who_reads() -> None:
    size = 4 * DIM * 100
    latents = np.zeros((100, DIM), np.float32)

    def image(number: int, bytes_: int) -> Rendered:
        return Rendered(1, number, b"x" * bytes_, 32, 32)

    async def scenario() -> None:
        call = OpenCall.of(Render(1, "faces", "z", latents, "PNG"))
        least = OpenCall.of(Sample(2, "faces", "z", 100, 0)).left
        assert call.size > size
        assert call.left - least == 100 * 3 * 64 * 64
        call.came(image(0, 10))
        assert call.left - least == 99 * 3 * 64 * 64
        # Nobody reads: nothing more is drawn until somebody does, so others do not wait for it.
        call.came(image(1, WINDOW_BYTES))
        assert call.left == 0
        assert isinstance(await call.next(), Rendered)
        assert isinstance(await call.next(), Rendered)
        assert call.left - least == 98 * 3 * 64 * 64
        call.came(CallDone(1))
        assert is_last(await call.next())
        # Of a generator that is not known the worker tells; here it counts for little.
        assert OpenCall.of(Render(1, "none-such", "z", latents, "PNG")).left - least == 100

    asyncio.run(scenario())


async def evolving(executor: Executor) -> Any:
    return await executor.begin_search(generator="tiny", thread=b"", eigenbasis=None, seed=0, count=1)


def test_searches_have_a_worker_of_their_own_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("pullback_server.executor.keeping"), "Worker", Fake)
    monkeypatch.setattr(importlib.import_module("pullback_server.executor.executor"), "WORKER_SECONDS", 0.1)

    async def scenario() -> None:
        health = Health()
        executor = Executor(["cpu"], checkpoint_seconds=1.0, log_level=logging.INFO, health=health)
        executor.start(None)  # type: ignore[arg-type]
        device, searches = cast("Any", executor._devices[0].worker), cast("Any", executor._searches)
        assert health.parts["searches"] == STARTING
        assert "searches" in health.troubles
        assert {await evolving(executor), await evolving(executor)} == {"searches"}
        assert {await answering(executor), await answering(executor)} == {"worker-0"}
        device.available = False
        assert await evolving(executor) == "searches"
        device.available, searches.available = True, False
        with pytest.raises(ApiError, match="no worker can take the call"):
            await evolving(executor)
        assert await answering(executor) == "worker-0"
        await executor.stop()

    asyncio.run(scenario())


def test_only_jobs_that_go_on_for_long_start_a_process_for_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("pullback_server.executor.keeping"), "Worker", Fake)
    share_for(monkeypatch, 5)
    job = StartJob("1", "eigenbasis", MEASUREMENT, False, b"", None, None, "")

    async def scenario() -> None:
        executor, (worker,) = await started(1)
        (device,) = executor._devices
        # One that is over at once, and a part of somebody else's.
        assert executor.assign(job, 0)
        worker.jobs.clear()
        while device._look is not None:
            await asyncio.sleep(0.001)
        assert executor.assign(replace(job, part=b"1"), 0)
        await asyncio.sleep(0.2)
        assert device.calls is None
        # What they take adds up, one after the other.
        worker.jobs.clear()
        for _ in range(5):
            assert executor.assign(job, 0)
            looked = device._shared_seconds
            while device.calls is None and device._shared_seconds == looked:
                await asyncio.sleep(0.001)
            worker.jobs.clear()
            while device._look is not None:
                await asyncio.sleep(0.001)
        assert device.calls is not None

    asyncio.run(scenario())


def test_calls_go_where_no_piece_of_a_job_holds_them_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("pullback_server.executor.keeping"), "Worker", Fake)
    share_for(monkeypatch, 1)
    monkeypatch.setattr(importlib.import_module("pullback_server.executor.executor"), "WORKER_SECONDS", 0.1)
    job = StartJob("1", "eigenbasis", MEASUREMENT, False, b"", None, None, "")

    async def scenario() -> None:
        health = Health()
        executor = Executor(["cpu", "cpu"], checkpoint_seconds=1.0, log_level=logging.INFO, health=health)
        executor.start(None)  # type: ignore[arg-type]
        first, second = (cast("Any", device.worker) for device in executor._devices)
        # They take turns, and there is nobody else.
        assert {await answering(executor), await answering(executor)} == {"worker-0", "worker-1"}
        assert executor.assign(job, 0)
        assert "worker-0-calls" not in health.parts
        calls = await calls_of(executor)
        # Jobs give way to it as soon as it is there; nobody has to wait until it has started.
        assert first.niceness == calls.niceness == 0
        calls.on_ready(Ready("cpu", ("cpu",), "cpu"))
        assert first.niceness > second.niceness == calls.niceness == 0
        assert health.parts["worker-0-calls"] == STARTING
        assert "worker-0-calls" not in health.troubles
        calls.available = False
        assert {await answering(executor), await answering(executor)} == {"worker-1"}
        calls.available = True
        assert {await answering(executor), await answering(executor)} == {"worker-1"}
        second.outstanding = 1000
        assert {await answering(executor), await answering(executor)} == {"worker-0-calls"}
        second.available = False
        assert {await answering(executor), await answering(executor)} == {"worker-0-calls"}
        calls.available = False
        assert await answering(executor) == "worker-0"
        # In the middle of a long piece of its job a call waits for the end of that, or for another worker.
        first.prompt = False
        with pytest.raises(ApiError, match="no worker can take the call"):
            await answering(executor)
        waiting = asyncio.create_task(answering(executor))
        await asyncio.sleep(0)
        calls.available = True
        assert await waiting == "worker-0-calls"
        # There is one for each device that computes.
        assert executor.assign(job, 0)
        await asyncio.sleep(0.05)
        assert executor._devices[0].calls is calls
        assert executor._devices[1].calls is None
        # Once it has been there, its troubles count.
        health.part("worker-0-calls").well()
        health.part("worker-0-calls").unwell("killed")
        assert health.troubles["worker-0-calls"] == "killed"

    asyncio.run(scenario())
