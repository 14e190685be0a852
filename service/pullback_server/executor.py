"""Worker processes, one per device: started, watched, restarted, and spoken to.

A worker that dies takes nothing along but its jobs' current steps: they are reported, and another process starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import multiprocessing
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from multiprocessing.connection import Connection
from typing import Any, Protocol

import grpc
import numpy as np
from numpy.typing import NDArray

from pullback_server.batching import Load
from pullback_server.errors import ApiError, unavailable
from pullback_server.worker.messages import (
    AS_DRAWN,
    AbandonCall,
    BeginSearch,
    Call,
    CallDone,
    CallFailed,
    CallMessage,
    CancelJob,
    Computing,
    Evolve,
    Evolved,
    Exit,
    Failure,
    Framed,
    ImportDirections,
    JobMessage,
    Presentation,
    Progressed,
    Ready,
    Render,
    Rendered,
    Sample,
    StartJob,
    SuspendJobs,
    ToWorker,
    Traverse,
)
from pullback_server.worker.walks import Walked, WalkPlan

RESTART_SECONDS = (0.0, 0.5, 2.0, 10.0)

_log = logging.getLogger(__name__)
# A fresh interpreter: nothing of the server (its event loop, its gRPC threads, its database) leaks into a worker.
_spawn = multiprocessing.get_context("spawn")


class JobListener(Protocol):
    """Who hears of what becomes of jobs."""

    def on_job_message(self, message: JobMessage) -> None:
        """A worker says something about a job."""

    def on_jobs_lost(self, jobs: Collection[str], computing: Collection[str], reason: str) -> None:
        """The worker of those jobs died while it was computing some of them; `reason` says how."""

    def on_room(self) -> None:
        """A worker may be able to take a job."""


class Executor:
    """The workers of this machine. All methods run on the event loop."""

    def __init__(self, devices: list[str], *, checkpoint_seconds: float, log_level: int) -> None:
        self._workers = [_Worker(device, checkpoint_seconds, log_level) for device in devices]
        self._call_numbers = itertools.count(1)
        self._next_worker = itertools.cycle(self._workers)

    def start(self, listener: JobListener) -> None:
        """Starts the worker processes; they get ready while the server already answers."""
        for worker in self._workers:
            worker.start(listener)

    def loads(self) -> list[Sequence[Load] | None]:
        """What every worker has to do; None for one that cannot take a job at the moment."""
        return [list(worker.jobs.values()) if worker.available else None for worker in self._workers]

    def assign(self, start: StartJob, worker: int) -> bool:
        """Gives a job to the worker of that number; false where that cannot take one."""
        if not self._workers[worker].available:
            return False
        self._workers[worker].begin(start)
        return True

    def cancel(self, job: str) -> None:
        """Stops a job before its next step, if a worker is at it."""
        for worker in self._workers:
            if job in worker.jobs:
                worker.send(CancelJob(job))

    async def suspend(self, timeout: float) -> None:
        """Has every running job write a checkpoint and stop; waits for that at most `timeout` seconds."""
        busy = [worker for worker in self._workers if worker.jobs]
        for worker in busy:
            worker.send(SuspendJobs())
        deadline = asyncio.get_running_loop().time() + timeout
        while any(worker.jobs for worker in busy) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Ends the worker processes."""
        for worker in self._workers:
            worker.stop()
        await asyncio.gather(*(asyncio.to_thread(worker.join) for worker in self._workers))

    async def sample(self, *, generator: str, space: str, count: int, seed: int) -> NDArray[np.float32]:
        """Draws latents from the prior, shape (count, dim)."""
        latents: NDArray[np.float32]
        latents = await self._value(Sample(next(self._call_numbers), generator, space, count, seed))
        return latents

    async def begin_search(self, *, generator: str, thread: bytes, eigenbasis: bytes, seed: int, count: int) -> Evolved:
        """Makes the optimizer of a serialised `ThreadSpec` and asks it for its first latents."""
        number = next(self._call_numbers)
        evolved: Evolved = await self._value(BeginSearch(number, generator, thread, eigenbasis, seed, count))
        return evolved

    async def evolve(
        self,
        *,
        state: bytes,
        latents: NDArray[np.float32],
        scores: NDArray[np.float64],
        variances: NDArray[np.float64] | None,
        ids: tuple[str, ...],
        count: int,
    ) -> Evolved:
        """Tells an optimizer the scores of latents, shape (n, dim), and asks it for the next."""
        number = next(self._call_numbers)
        evolved: Evolved = await self._value(Evolve(number, state, latents, scores, variances, ids, count))
        return evolved

    async def render(
        self,
        *,
        generator: str,
        space: str,
        latents: NDArray[np.float32],
        image_format: str,
        presentation: Presentation = AS_DRAWN,
    ) -> AsyncIterator[Rendered]:
        """Renders latents, shape (n, dim), image by image."""
        call = Render(next(self._call_numbers), generator, space, latents, image_format, presentation)
        async with contextlib.aclosing(self._call(call)) as answers:
            async for answer in answers:
                if isinstance(answer, Rendered):
                    yield answer

    async def import_directions(self, *, spec: bytes, import_format: str, content: bytes, eigenbasis: bytes) -> bytes:
        """A serialised `DirectionSet` of a published file, measured by an eigenbasis."""
        number = next(self._call_numbers)
        found: bytes = await self._value(ImportDirections(number, spec, import_format, content, eigenbasis))
        return found

    async def traverse(self, plan: WalkPlan) -> AsyncGenerator[Framed | Walked, None]:
        """Walks and renders: frame by frame, then the end."""
        call = Traverse(next(self._call_numbers), plan)
        async with contextlib.aclosing(self._call(call)) as answers:
            async for answer in answers:
                if isinstance(answer, Framed):
                    yield answer
                elif isinstance(answer, CallDone):
                    yield answer.value

    async def _value(self, call: Call) -> Any:
        """The value that a call's `CallDone` carries."""
        async with contextlib.aclosing(self._call(call)) as answers:
            async for answer in answers:
                if isinstance(answer, CallDone):
                    return answer.value
        raise unavailable("the worker gave no answer")

    async def _call(self, call: Call) -> AsyncGenerator[CallMessage, None]:
        """Sends a call to one of the workers; yields its answers up to `CallDone`, raises on `CallFailed`."""
        worker = next(self._next_worker)
        async with contextlib.aclosing(worker.call(call)) as answers:
            async for answer in answers:
                if isinstance(answer, CallFailed):
                    raise _api_error(answer.failure)
                yield answer


class _Worker:
    """One worker process and its successors on one device."""

    def __init__(self, device: str, checkpoint_seconds: float, log_level: int) -> None:
        self.device = device
        self._checkpoint_seconds = checkpoint_seconds
        self.jobs: dict[str, Load] = {}
        self.ready = False
        # Set by the thread that listens, as it comes: what a worker said just before it died counts.
        self._computing: frozenset[str] = frozenset()
        self._log_level = log_level
        self._stopping = False
        self._early_deaths = 0
        self._calls: dict[int, asyncio.Queue[CallMessage]] = {}
        self._waiting: list[ToWorker] = []
        self._connection: Connection | None = None
        self._process: multiprocessing.process.BaseProcess | None = None

    def start(self, listener: JobListener) -> None:
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        ours, theirs = _spawn.Pipe()
        process = _spawn.Process(
            target=_run_worker,
            args=(theirs, self.device, self._checkpoint_seconds, self._log_level),
            name=f"pullback-worker-{self.device}",
        )
        process.start()
        theirs.close()
        self._connection, self._process = ours, process
        threading.Thread(target=self._listen, args=(ours, process), name="worker-listener", daemon=True).start()

    @property
    def available(self) -> bool:
        return self.ready and not self._stopping

    def begin(self, start: StartJob) -> None:
        self.jobs[start.job] = start.load
        self.send(start)

    def send(self, message: ToWorker) -> None:
        """Sends now, or as soon as the worker is ready."""
        if not self.ready or self._connection is None:
            self._waiting.append(message)
            return
        # A worker that has just died is noticed by its listener.
        with contextlib.suppress(OSError):
            self._connection.send(message)

    async def call(self, call: Call) -> AsyncGenerator[CallMessage, None]:
        answers: asyncio.Queue[CallMessage] = asyncio.Queue()
        self._calls[call.call] = answers
        finished = False
        try:
            self.send(call)
            while not finished:
                answer = await answers.get()
                finished = isinstance(answer, CallDone | CallFailed)
                yield answer
        finally:
            self._calls.pop(call.call, None)
            if not finished:
                self.send(AbandonCall(call.call))

    def stop(self) -> None:
        self._stopping = True
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.send(Exit())

    def join(self) -> None:
        if self._process is None:
            return
        self._process.join(timeout=2)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _listen(self, connection: Connection, process: multiprocessing.process.BaseProcess) -> None:
        """Runs in a thread of its own: the pipe has no asynchronous end that every platform offers."""
        try:
            while True:
                message = connection.recv()
                if isinstance(message, Computing):
                    # Comes with every change of turns, and is asked for only when the worker dies.
                    self._computing = message.jobs
                else:
                    self._post(self._on_message, message)
        except (EOFError, OSError):
            process.join()
            self._post(self._on_death, process.exitcode)

    def _post(self, callback: Callable[..., None], *arguments: object) -> None:
        # The loop is closed when the server has ended.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *arguments)

    def _on_message(self, message: Ready | JobMessage | CallMessage) -> None:
        match message:
            case Ready(device):
                _log.info("worker on %s is ready", device)
                self.ready = True
                self._early_deaths = 0
                waiting, self._waiting = self._waiting, []
                for waited in waiting:
                    self.send(waited)
                self._listener.on_room()
            case Rendered() | Framed() | CallDone() | CallFailed():
                if (answers := self._calls.get(message.call)) is not None:
                    answers.put_nowait(message)
            case Progressed():
                self._listener.on_job_message(message)
            case _:
                self.jobs.pop(message.job, None)
                self._listener.on_job_message(message)
                self._listener.on_room()

    def _on_death(self, exit_code: int | None) -> None:
        reason = _death(exit_code)
        was_ready, self.ready = self.ready, False
        self._waiting.clear()
        failure = Failure(grpc.StatusCode.UNAVAILABLE.value[0], f"the worker process died ({reason}); try again")
        for call, answers in self._calls.items():
            answers.put_nowait(CallFailed(call, failure))
        if self._stopping:
            return
        _log.error("worker on %s died: %s", self.device, reason)
        lost, self.jobs = self.jobs, {}
        self._listener.on_jobs_lost(lost, self._computing & lost.keys(), reason)
        self._computing = frozenset()
        if not was_ready:
            self._early_deaths += 1
        delay = RESTART_SECONDS[min(self._early_deaths, len(RESTART_SECONDS) - 1)]
        self._loop.call_later(delay, self._restart)

    def _restart(self) -> None:
        if not self._stopping:
            self.start(self._listener)


def _run_worker(connection: Connection, device: str, checkpoint_seconds: float, log_level: int) -> None:
    # Imported in the worker process only: this is where torch comes in.
    from pullback_server.worker.main import run  # noqa: PLC0415

    run(connection, device, checkpoint_seconds, log_level)


def _death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        hint = ", as the system does when memory runs out" if exit_code == -9 else ""
        return f"killed by signal {-exit_code}{hint}"
    return f"exit code {exit_code}"


def _api_error(failure: Failure) -> ApiError:
    code = next(code for code in grpc.StatusCode if code.value[0] == failure.code)
    return ApiError(code, failure.message)
