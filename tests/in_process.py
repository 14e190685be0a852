"""The real server without processes: its servicers, specifications, sessions and store, over a stub executor.

It runs on an event loop in a thread of this process and listens on a loopback port, as the real one does. Also a
program, `python in_process.py --listen 127.0.0.1:0 --data DIR`, that behaves as the real server's process does.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import functools
import importlib
import itertools
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from pullback_api.v1 import inversion_pb2, jobs_pb2, jobs_pb2_grpc, search_pb2, search_pb2_grpc, specs_pb2
from pullback_client.wire.tokens import TokenFinder
from pullback_server.processes.disposable import Disposable
from pullback_server.processes.frames import Header
from pullback_server.protocol.failure import Failure as JobFailure
from pullback_server.server import Config, Parts, Server
from pullback_server.store import Store
from sample_images import SIZE
from stub_executor import Bench, StubExecutor

POPULATION = 4
"""Images of a generation, where a test wants few of them."""

DIM = 5
"""Dimensions of the generators' input."""
START_SECONDS = 120.0
CATALOGUE = f"""
[faces]
title = "pictures of faces"
family = "dcgan"
input_space = "z"
image_shape = [3, {SIZE}, {SIZE}]

[[faces.spaces]]
name = "z"
dim = {DIM}
prior = "standard-normal"

[eyes]
title = "pictures of eyes"
family = "conditional-dcgan"
input_space = "full"
image_shape = [3, {SIZE}, {SIZE}]

[[eyes.spaces]]
name = "noise"
dim = 3
prior = "standard-normal"

[[eyes.spaces]]
name = "class"
dim = 2
start = 3
prior = "one-hot"
labels = ["blue", "brown"]
default = "brown"

[[eyes.spaces]]
name = "full"
dim = {DIM}
prior = "product"
"""
"""Two generators so small that their eigenbases are read at a glance; they stand in for those of the same names."""
_SOURCE = """
[{name}.source]
kind = "path"
location = "{location}"
sha256 = "{sha256}"
licence = "MIT"
citation = "none"
"""
_UNRECORDED = ("unrecorded", "1")
# Codes with which a request that is only checked is refused as a real one is.
_OF_THE_REQUEST = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE}

T = TypeVar("T")


@dataclass
class Failure:
    """An error to answer a call with instead, and how often."""

    code: grpc.StatusCode
    message: str = "no"
    violations: tuple[tuple[str, str, str], ...] = ()
    times: int = 1

    def status(self) -> status_pb2.Status:
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        if self.violations:
            request = error_details_pb2.BadRequest()
            for name, description, reason in self.violations:
                request.field_violations.add(field=name, description=description, reason=reason)
            detail = any_pb2.Any()
            detail.Pack(request)
            status.details.append(detail)
        return status


@dataclass
class Calls(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Notes what comes in, and fails what a test has planned to fail.

    Attributes:
        made: Names of methods and their requests. One that only checks is noted as another, `Invert?` for `Invert`.
        failures: Errors to answer with, by method; what is wrong with a request is wrong with a check of it too.
        changes: What is done to a method's answers, by method: as a server of another version might answer.
        given_up: Methods that a caller did not wait for the end of.
        handed: Ids that calls under way were given, which may be another's in the next moment where they take none.
    """

    made: list[tuple[str, Any]] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    changes: dict[str, Callable[[Any], None]] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)
    handed: set[str] = field(default_factory=set)
    _answering: int = 0

    async def intercept_service(  # type: ignore[override]
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        handler: Any = await continuation(handler_call_details)
        service, _, method = handler_call_details.method.removeprefix("/").rpartition("/")
        if handler is None or not service.startswith("pullback_api."):
            return handler  # type: ignore[no-any-return]
        if _UNRECORDED in (handler_call_details.invocation_metadata or ()):
            return handler  # type: ignore[no-any-return]
        if handler.unary_unary is not None:
            return handler._replace(unary_unary=self._unary(method, handler.unary_unary))  # type: ignore[no-any-return]
        return handler._replace(unary_stream=self._stream(method, handler.unary_stream))  # type: ignore[no-any-return]

    def _unary(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        async def answer(request: Any, context: Any) -> Any:
            await self._enter(method, request, context)
            answering = method != "WaitJob"
            self._answering += answering
            try:
                return self._changed(method, await behaviour(request, context))
            except asyncio.CancelledError:
                self.given_up.append(method)
                raise
            finally:
                self._answering -= answering
                if not self._answering:
                    self.handed.clear()

        return answer

    def _stream(self, method: str, behaviour: Callable[..., Any]) -> Callable[..., AsyncIterator[Any]]:
        async def answer(request: Any, context: Any) -> AsyncIterator[Any]:
            await self._enter(method, request, context)
            async for response in behaviour(request, context):
                yield self._changed(method, response)

        return answer

    def _changed(self, method: str, answer: Any) -> Any:
        if change := self.changes.get(method):
            if isinstance(answer, bytes):
                # What the servicer has read from the store.
                answer = inversion_pb2.InversionResult.FromString(answer)
            change(answer)
        return answer

    async def _enter(self, method: str, request: Any, context: Any) -> None:
        failure = self.failures.get(method)
        if getattr(request, "validate_only", False):
            failure = failure if failure is not None and failure.code in _OF_THE_REQUEST else None
            method += "?"
        self.made.append((method, request))
        if failure is not None and failure.times > 0:
            failure.times -= 1
            await context.abort_with_status(rpc_status.to_status(failure.status()))


@functools.cache
def catalogue() -> Path:
    """The file of the generators' entries, one for all servers of this process; their weights lie beside it, empty."""
    folder = Path(tempfile.mkdtemp(prefix="pullback-catalogue-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path, sources = folder / "catalogue.toml", []
    for name, letter in (("faces", "a"), ("eyes", "b")):
        weights = folder / f"{name}.pth"
        weights.touch()
        sources.append(_SOURCE.format(name=name, location=weights.as_posix(), sha256=letter * 64))
    path.write_text(CATALOGUE + "".join(sources), encoding="utf-8")
    # One that has just been written is read anew at every call.
    os.utime(path, (0, 0))
    return path


@functools.cache
def _empty_store() -> Path:
    """The folder of a store with nothing in it, to be copied: to make its tables takes half of a server's start."""
    folder = Path(tempfile.mkdtemp(prefix="pullback-store-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Store(folder / "data").close()
    return folder / "data"


class InThread(Disposable):
    """What disposable processes do, in a thread of this one: tests send nothing that has to be feared."""

    async def call(self, header: Header, parts: Sequence[bytes] = ()) -> tuple[Header, list[bytes]]:
        answer, made = await asyncio.to_thread(importlib.import_module(self._module).work, header, parts)
        return answer, list(made)


class InProcessServer:
    """A server, from `start` (or `with`) to `stop`; one that is started again has its port and its data.

    Args:
        data: Its folder; None = one of its own, which ends with it.
        **config: What of its `Config` is otherwise than by default.

    Attributes:
        bench: What becomes of jobs.
        port: Where it listens.
        ids: What the next jobs and sessions are called; where it is empty, they are numbered from 1.
    """

    def __init__(self, data: Path | None = None, **config: Any) -> None:
        self._config = config
        # Memory where there is some: what is acknowledged is on disk, and a disk takes its time.
        shared = Path("/dev/shm")
        self._own = (
            None if data else Path(tempfile.mkdtemp(prefix="pullback-", dir=shared if shared.is_dir() else None))
        )
        self.data = data or Path(str(self._own)) / "data"
        if data is None:
            shutil.copytree(_empty_store(), self.data)
        self.bench = Bench()
        self.port = 0
        self.ids: list[str] = []
        self._calls = Calls()
        self._thread: threading.Thread | None = None
        self._undo = ExitStack()

    def __enter__(self) -> InProcessServer:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        if self._own is not None:
            shutil.rmtree(self._own)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, address: str | None = None) -> None:
        """Starts it; returns once it listens."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        for module in ("jobs.submission", "sessions.registry"):
            self._undo.enter_context(mock.patch(f"pullback_server.{module}.new_id", self._new_id))
        self._undo.enter_context(mock.patch.dict(os.environ, {"PULLBACK_CATALOGUE": str(catalogue())}))
        started: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(address or self.target, started), name="server", daemon=True
        )
        self._thread.start()
        started.result(START_SECONDS)

    def stop(self) -> None:
        """Ends it as SIGTERM does."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()
            self._thread = None
            self._undo.close()

    def _run(self, address: str, started: Future[None]) -> None:
        try:
            asyncio.run(self._serve(address, started))
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _serve(self, address: str, started: Future[None]) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        parts = Parts(
            executor=lambda _, health: StubExecutor(self.bench, health),
            disposable=InThread,
            interceptors=(self._calls,),
        )
        self.server = Server(Config(address, self.data, **self._config), parts)
        await self.server.start()
        assert self.server.endpoint is not None
        self.port = self.server.endpoint.port
        started.set_result(None)
        await self._ended.wait()
        await self.server.stop()

    def _new_id(self, taken: Callable[[str], bool]) -> str:
        if self.ids:
            return self.ids.pop(0)
        handed = self._calls.handed
        found = next(name for name in map(str, itertools.count(1)) if not taken(name) and name not in handed)
        handed.add(found)
        return found

    # Calls -----------------------------------------------------------------------------------------------------

    @property
    def calls(self) -> list[tuple[str, Any]]:
        """The calls that came: see `Calls.made`."""
        return self._calls.made

    @property
    def failures(self) -> dict[str, Failure]:
        """What calls are answered with instead: see `Calls.failures`."""
        return self._calls.failures

    @property
    def changes(self) -> dict[str, Callable[[Any], None]]:
        """What is done to answers: see `Calls.changes`."""
        return self._calls.changes

    @property
    def given_up(self) -> list[str]:
        """See `Calls.given_up`."""
        return self._calls.given_up

    def called(self, method: str) -> list[Any]:
        """The requests that came to a method."""
        return [request for name, request in self.calls if name == method]

    # Jobs ------------------------------------------------------------------------------------------------------

    def fail_jobs(self, failure: Failure, *names: str) -> None:
        """Has jobs fail from now on: those of these names, none = all."""
        self.bench.failure = JobFailure(failure.code.value[0], failure.message)
        self.bench.failing = frozenset(names) or None

    def advance(self, name: str, step: int, *, previews: int = 0) -> None:
        """Says that a job that is held has come so far, and waits until that is written down."""
        self.wait_for_start(name)
        before = self.job(name).last_sequence
        self._do(lambda executor: executor.advance(name.removeprefix("jobs/"), step, previews=previews))
        self._wait_for(lambda: self.job(name).last_sequence > before)

    def finish(self, name: str) -> None:
        """Has a job that is held end, and waits until that is written down."""
        self.wait_for_start(name)
        self._do(lambda executor: executor.finish(name.removeprefix("jobs/")))
        self._wait_for(lambda: self.job(name).state >= jobs_pb2.JOB_STATE_SUCCEEDED)

    def make_room(self) -> None:
        """Has jobs taken from the queue from now on."""
        self.bench.room = True
        self._do(lambda executor: executor.listener.on_room())

    def wait_for_start(self, name: str) -> None:
        """Waits until a job was taken from the queue."""
        self._wait_for(lambda: self._executor.has(name.removeprefix("jobs/")))

    def job(self, name: str) -> jobs_pb2.Job:
        """A job as it stands; none of the calls that are noted."""
        job: jobs_pb2.Job = self._ask(jobs_pb2_grpc.JobsStub, "GetJob", jobs_pb2.GetJobRequest(name=name))
        return job

    @property
    def jobs(self) -> dict[str, jobs_pb2.Job]:
        """All jobs by name, the newest first."""
        answer = self._ask(jobs_pb2_grpc.JobsStub, "ListJobs", jobs_pb2.ListJobsRequest(page_size=1000))
        return {job.name: job for job in answer.jobs}

    def computed_eigenbases(self) -> list[specs_pb2.EigenbasisSpec]:
        """What eigenbases jobs were made for, by whomever they are needed, the newest first."""
        return [job.compute_eigenbasis for job in self.jobs.values() if job.HasField("compute_eigenbasis")]

    @property
    def _executor(self) -> StubExecutor:
        executor = self.server._executor
        assert isinstance(executor, StubExecutor)
        return executor

    def _do(self, what: Callable[[StubExecutor], None]) -> None:
        done: Future[None] = Future()
        self._loop.call_soon_threadsafe(lambda: done.set_result(what(self._executor)))
        done.result(START_SECONDS)

    # Sessions --------------------------------------------------------------------------------------------------

    @property
    def sessions(self) -> dict[str, search_pb2.Session]:
        """All sessions by name, the newest first."""
        answer = self._ask(search_pb2_grpc.SearchStub, "ListSessions", search_pb2.ListSessionsRequest(page_size=1000))
        return {session.name: session for session in answer.sessions}

    def trials(self, session: str = "sessions/1") -> list[search_pb2.TrialRecord]:
        """The trials of a session, in the order in which they were asked."""
        pieces = self._ask(search_pb2_grpc.SearchStub, "ExportSession", search_pb2.ExportSessionRequest(name=session))
        return [piece.trial for piece in pieces if piece.WhichOneof("piece") == "trial"]

    def told(self, session: str = "sessions/1") -> dict[str, search_pb2.TrialReport]:
        """What a session was told, by trial, in the order in which trials were asked."""
        return {each.report.trial_id: each.report for each in self.trials(session) if each.report.outcome}

    def lose(self, thread: int, code: grpc.StatusCode = grpc.StatusCode.DATA_LOSS) -> None:
        """Has a thread of every session fail when it is to make its next generation."""
        self.bench.lost[thread] = JobFailure(code.value[0], "its state is damaged")

    def wait_for_optimizers(self, session: str = "sessions/1") -> None:
        """Waits until every thread of a session has its next generation, or has ended."""
        evolving = search_pb2.THREAD_STATE_EVOLVING
        self._wait_for(lambda: all(thread.state != evolving for thread in self.sessions[session].threads))

    def _ask(self, stub: Callable[[grpc.Channel], Any], method: str, request: Any) -> Any:
        with grpc.insecure_channel(self.target) as channel:
            metadata = (*TokenFinder(self.target, None).metadata(), _UNRECORDED)
            answer = getattr(stub(channel), method)(request, metadata=metadata, timeout=START_SECONDS)
            return list(answer) if isinstance(answer, grpc.Call) else answer

    def _wait_for(self, there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not there():
            assert time.monotonic() < deadline, "what a test waits for did not come about"
            time.sleep(0.005)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--die", action="store_true")
    arguments = parser.parse_args()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    if arguments.die:
        raise SystemExit("there is no room left on the disk")
    server = InProcessServer(arguments.data)
    server.start(arguments.listen)
    print(f"pullback-server listening on {server.target}", flush=True)  # noqa: T201
    while not ended.wait(0.2):
        pass
    server.stop()
    (arguments.data / "stopped").touch()


if __name__ == "__main__":
    main()
