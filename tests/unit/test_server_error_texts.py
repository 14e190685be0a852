"""What callers hear of errors that nobody foresaw: a reference into the log, and nothing of the error."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import pytest
from google.rpc import status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from sqlalchemy.exc import OperationalError

from pullback.errors import CatalogueError, InvalidInputError, MemoryExhaustedError, WeightsCorruptedError
from pullback_api.v1 import jobs_pb2, jobs_pb2_grpc
from pullback_server.__main__ import main
from pullback_server.error_texts import without_details, without_folders
from pullback_server.errors import ErrorInterceptor
from pullback_server.jobs import recorder
from pullback_server.jobs import scheduler as scheduling
from pullback_server.jobs.checkpoints import Checkpoints
from pullback_server.jobs.events import EventBroker
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.processes.exits import DEVICE_LOST
from pullback_server.protocol.calls import CallFailed, CallMessage
from pullback_server.protocol.messages import Finished
from pullback_server.store import JobState, Store
from pullback_server.supervision import Health, HealthServicer, supervised
from pullback_server.worker.failures import describe, end_if_lost
from pullback_server.worker.open_calls import OpenCalls
from pullback_server.worker.unread import Unread

SECRET = OperationalError("SELECT id FROM jobs WHERE id = ?", ("x",), OSError(2, "no such thing", "/srv/secret/file"))
NEUTRAL = re.compile(r"an error of the server's own; its log says more under reference ([0-9a-f]{8})")


def check(told: str, log: str) -> None:
    """Nothing of the error is told; the log has all of it, under the reference that is told."""
    for secret in ("/srv", "secret", "SELECT", "OperationalError", "no such thing"):
        assert secret not in told
    found = NEUTRAL.search(told)
    assert found is not None
    assert f"under reference {found[1]}" in log
    assert "SELECT id FROM jobs" in log
    assert "/srv/secret/file" in log


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cannot read /srv/a/b.toml: no family", "cannot read …/b.toml: no family"),
        ("'/home/a person/x.pth' is damaged", "'…/x.pth' is damaged"),
        ('see "C:\\Users\\me\\x.pth", or D:/data/y.pth', 'see "…/x.pth", or …/y.pth'),
        ("delete /a/b and /a/c.json, then (/a/d/e)", "delete …/b and …/c.json, then (…/e)"),
        ("get https://example.org/a/b.pth, and/or ~/a/b", "get https://example.org/a/b.pth, and/or ~/a/b"),
        ("generators/tiny/eigenbases/b, /v1, 3/4, 1/2/3", "generators/tiny/eigenbases/b, /v1, 3/4, 1/2/3"),
        ("generators/{generator}/eigenbases/{id}", "generators/{generator}/eigenbases/{id}"),
    ],
)
def test_paths_are_their_last_part_alone(text: str, told: str) -> None:
    assert without_folders(text) == told


def test_of_an_error_of_the_system_its_reason_is_told_and_not_its_file(caplog: pytest.LogCaptureFixture) -> None:
    assert without_details(OSError(24, "Too many open files", "/srv/secret/file")) == "Too many open files"
    assert not caplog.messages
    check(without_details(SECRET), caplog.text)


@pytest.mark.parametrize("error", [CatalogueError, InvalidInputError, WeightsCorruptedError])
def test_our_own_errors_are_told_without_folders(error: type[Exception], caplog: pytest.LogCaptureFixture) -> None:
    failure = describe(error("delete /srv/secret/x.pth and run again"), "job a")
    assert failure.message == "delete …/x.pth and run again"
    assert "job a failed: delete /srv/secret/x.pth and run again" in caplog.text


def test_of_memory_that_was_refused_only_that_is_told(caplog: pytest.LogCaptureFixture) -> None:
    failure = describe(RuntimeError("[enforce fail at /srv/alloc.cpp] can't allocate memory"), "job a")
    assert failure.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert "/srv" not in failure.message
    assert "/srv/alloc.cpp" in caplog.text


def test_of_memory_that_does_not_suffice_is_told_what_would() -> None:
    failure = describe(MemoryExhaustedError("one row takes about 3 GiB"), "job a")
    assert failure.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert failure.message == "one row takes about 3 GiB"


@pytest.mark.parametrize("error", [RuntimeError("CUDA error: an illegal memory access"), ValueError("shapes differ")])
def test_a_process_ends_only_where_its_device_is_lost(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(logging, "shutdown", lambda: None)
    end_if_lost(error, "job a")
    assert codes == ([DEVICE_LOST] if isinstance(error, RuntimeError) else [])
    assert ("job a: the device is lost" in caplog.text) == bool(codes)


def test_a_size_of_memory_that_is_none_is_told_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--memory", "8 apples"]) == 1
    assert "--memory or PULLBACK_MEMORY: a size of memory is" in capsys.readouterr().err


def test_a_call_of_a_worker(caplog: pytest.LogCaptureFixture) -> None:
    def answers() -> Iterator[CallMessage | None]:
        raise SECRET
        yield None

    sent: list[Any] = []
    calls = OpenCalls(sent.append, Unread())
    calls.add(1, answers())
    calls.advance()
    (answer,) = sent
    assert isinstance(answer, CallFailed)
    assert answer.failure.code == grpc.StatusCode.INTERNAL.value[0]
    check(answer.failure.message, caplog.text)


def test_a_supervised_task_in_health_and_its_metadata(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise SECRET

    async def run() -> None:
        health = Health()
        server = grpc.aio.server()
        health_pb2_grpc.add_HealthServicer_to_server(HealthServicer(health, ()), server)  # type: ignore[no-untyped-call]
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        task = supervised("worrier", fails, health)
        while health.serving:
            await asyncio.sleep(0.01)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=60)
            assert (await call).status == health_pb2.HealthCheckResponse.NOT_SERVING
            metadata = str(await call.trailing_metadata())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.stop(None)
        assert "worrier" in metadata
        check(metadata, caplog.text)
        check(str(health.parts), caplog.text)

    asyncio.run(asyncio.wait_for(run(), 120))


def test_a_servicer_over_grpc(caplog: pytest.LogCaptureFixture) -> None:
    class Jobs(jobs_pb2_grpc.JobsServicer):
        async def GetJob(self, request: Any, context: Any) -> Any:
            raise SECRET

        async def WatchJob(self, request: Any, context: Any) -> Any:
            yield jobs_pb2.JobEvent()
            raise SECRET

    async def ended(call: Any) -> None:
        if hasattr(call, "__aiter__"):
            async for _ in call:
                pass
        else:
            await call

    async def run() -> None:
        server = grpc.aio.server(interceptors=[ErrorInterceptor()])
        jobs_pb2_grpc.add_JobsServicer_to_server(Jobs(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = jobs_pb2_grpc.JobsStub(channel)
            for call in (
                stub.GetJob(jobs_pb2.GetJobRequest(), timeout=60),
                stub.WatchJob(jobs_pb2.WatchJobRequest(), timeout=60),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await ended(call)
                assert caught.value.code() == grpc.StatusCode.INTERNAL
                check(caught.value.details() or "", caplog.text)
                status = rpc_status.from_call(caught.value)
                assert status is not None
                check(status.message, caplog.text)
                assert "SELECT" not in str(caught.value.trailing_metadata())
        await server.stop(None)

    asyncio.run(asyncio.wait_for(run(), 120))


class Workers:
    """An executor with room for a job."""

    def start(self, listener: Any) -> None: ...

    def loads(self) -> list[Any]:
        return [[]]

    def assign(self, start: Any, worker: int) -> bool:
        return True

    async def stop(self) -> None: ...


@pytest.mark.parametrize(("module", "broken"), [(recorder, "make_result"), (scheduling, "StartJob")])
def test_a_job_and_its_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, module: ModuleType, broken: str
) -> None:
    def breaks(*arguments: Any, **named: Any) -> Any:
        raise SECRET

    monkeypatch.setattr(module, broken, breaks)
    store = Store(tmp_path / "data")
    for name in "ab":
        store.jobs.create(
            job_id=name,
            kind="analysis",
            work=b"",
            result=name,
            request_id=None,
            request_digest="",
            progress=jobs_pb2.Progress(phase="waiting").SerializeToString(),
        )

    async def run() -> None:
        workers: Any = Workers()
        health = Health()
        scheduler = Scheduler(store, workers, EventBroker(), Checkpoints(tmp_path / "checkpoints"), health)
        await scheduler.start()
        for name in "ab":
            while (job := store.jobs.find(name)) is None or job.state == JobState.QUEUED:
                await asyncio.sleep(0.01)
            scheduler.on_job_message(Finished(name, b"made"))
            while (job := store.jobs.find(name)) is None or job.state != JobState.FAILED:
                await asyncio.sleep(0.01)
            check(status_pb2.Status.FromString(job.error or b"").message, caplog.text)
            assert b"SELECT" not in job.progress
        assert "SELECT" not in str(health.parts)
        await scheduler.stop()

    with caplog.at_level(logging.ERROR):
        asyncio.run(asyncio.wait_for(run(), 120))
    store.close()
