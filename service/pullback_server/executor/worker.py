"""A worker: one process and its successors on one device, started, watched, given up and started again.

A worker that dies takes nothing along but its jobs' current steps: they are reported, and another process starts. There
is one loop that does it, so that nothing that goes wrong on the way ends it: see `Worker.run`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import threading
from collections.abc import AsyncGenerator, Callable, Collection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Protocol

import grpc

from pullback_server.batching import Load
from pullback_server.errors import unavailable
from pullback_server.executor.sending import Sender, weight
from pullback_server.executor.watching import LOOK_SECONDS, Watch
from pullback_server.processes.lifeline import end_with_parent
from pullback_server.processes.openmp import wait_with_short_spins
from pullback_server.processes.pulse import Pulse, Shared, shared_memory
from pullback_server.processes.vitals import vitals
from pullback_server.supervision import Part
from pullback_server.worker.messages import (
    AbandonCall,
    Call,
    CallDone,
    CallFailed,
    CallMessage,
    CancelJob,
    Computing,
    Exit,
    Failure,
    Framed,
    JobMessage,
    Progressed,
    Ready,
    Rendered,
    StartJob,
    SuspendJobs,
)

# Pauses before a process is started again: after one that was ready, after the first one that was not, …
RESTART_SECONDS = (0.0, 0.5, 2.0, 5.0)
# Loading torch takes seconds, and minutes on a machine that swaps.
START_SECONDS = 300.0
# A message takes that long only where the worker reads nothing.
SEND_SECONDS = 30.0
EXIT_SECONDS = 2.0
# Of calls that are not answered yet; a further one is refused for so long.
MAX_CALLS, MAX_CALL_BYTES, FULL_SECONDS = 1_000, 256 * 1024 * 1024, 1.0

# What is passed on to the loop.
Said = Ready | JobMessage | CallMessage

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


class Worker:
    """One worker process and its successors on one device. All methods run on the event loop, and none holds it up.

    Args:
        device: Where it computes.
        checkpoint_seconds: How much work of a job a crash can undo at most.
        log_level: Of the standard library's logging.
        part: Where its health is seen.
        listener: Who hears of jobs.

    Attributes:
        jobs: What it is at, by job.
    """

    def __init__(
        self, device: str, checkpoint_seconds: float, log_level: int, part: Part, listener: JobListener
    ) -> None:
        self.device = device
        self.jobs: dict[str, Load] = {}
        self._checkpoint_seconds = checkpoint_seconds
        self._log_level = log_level
        self._part = part
        self._listener = listener
        self._shared = shared_memory(_spawn)
        self._pulse = Pulse(self._shared)
        self._ready = self._silent = self._stopping = False
        # Set by the thread that listens, as it comes: what a worker said just before it died counts.
        self._computing: frozenset[str] = frozenset()
        self._calls: dict[int, asyncio.Queue[CallMessage]] = {}
        self._call_bytes = 0
        self._sender: Sender | None = None
        self._gone = asyncio.Event()

    @property
    def available(self) -> bool:
        """Whether it can take something now."""
        return self._ready and not self._silent and not self._stopping

    @property
    def trouble(self) -> str:
        """What keeps it from that, as far as is known."""
        return self._part.trouble or "stopping"

    # Keeping it going ------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keeps a process going until `stop`, then none; ends when it is cancelled, and kills the process."""
        early_ends = 0
        while not self._stopping:
            was_ready, trouble = False, ""
            try:
                process, ended = self._start()
            except Exception as error:
                # No descriptors, no memory, no threads: there may be some later.
                trouble = f"cannot be started: {type(error).__name__}: {error}"
            else:
                try:
                    given_up = await self._watch(process, ended)
                    exit_code = await ended
                    trouble = _death(exit_code) if given_up is None else f"killed, as {given_up}"
                finally:
                    process.kill()
                    was_ready = self._ready
                    self._on_death(trouble or "killed")
            if not self._stopping:
                self._part.unwell(trouble)
                early_ends = 0 if was_ready else early_ends + 1
                await asyncio.sleep(RESTART_SECONDS[min(early_ends, len(RESTART_SECONDS) - 1)])
        self._gone.set()
        # Its keeper would begin again.
        await asyncio.Event().wait()

    def _start(self) -> tuple[BaseProcess, asyncio.Future[int | None]]:
        """Starts a process, and what listens and sends to it; either all of it, or nothing.

        Returns:
            The process, and its exit code once it has ended.
        """
        loop = asyncio.get_running_loop()
        self._pulse.reset()
        ours, theirs = _spawn.Pipe()
        ended: asyncio.Future[int | None] = loop.create_future()
        process: BaseProcess | None = None
        try:
            # Started here, in the thread that the server ends with: see `end_with_parent`.
            process = _spawn.Process(
                target=_run_worker,
                args=(theirs, self._shared, os.getpid(), self.device, self._checkpoint_seconds, self._log_level),
                name=f"pullback-worker-{self.device}",
            )
            process.start()
            listener = _Listener(loop, self._on_message, self._on_computing, ended)
            threading.Thread(target=listener.listen, args=(ours, process), name="worker-listener", daemon=True).start()
            self._sender = Sender(ours)
        except BaseException:
            ours.close()
            if process is not None and process.pid is not None:
                process.kill()
            raise
        finally:
            theirs.close()
        return process, ended

    async def _watch(self, process: BaseProcess, ended: asyncio.Future[int | None]) -> str | None:
        """Returns when the process has ended, or was killed for the reason that is returned."""
        watch, began = Watch(), asyncio.get_running_loop().time()
        while True:
            done, _ = await asyncio.wait({ended}, timeout=LOOK_SECONDS)
            if done:
                return None
            verdict = watch.look(self._pulse.read(), vitals(process.pid or 0))
            given_up = verdict.given_up or self._overdue(asyncio.get_running_loop().time() - began)
            if given_up is not None:
                self._part.unwell(f"given up: {given_up}")
                process.kill()
                return given_up
            self._judge(verdict.silent)

    def _overdue(self, age: float) -> str | None:
        if not self._ready and age >= START_SECONDS:
            return f"it was not ready after {age:.0f} s"
        if self._sender is not None and self._sender.held_up_seconds >= SEND_SECONDS:
            return f"it has read nothing for {self._sender.held_up_seconds:.0f} s"
        return None

    def _judge(self, silent: str | None) -> None:
        """Notes whether the process gives signs of life."""
        was_silent, self._silent = self._silent, silent is not None
        if not self._ready:
            return
        if silent is None:
            self._part.well()
            if was_silent:
                self._listener.on_room()
        elif not was_silent:
            self._part.unwell(silent)

    def _on_death(self, reason: str) -> None:
        if self._sender is not None:
            self._sender.close()
            self._sender = None
        self._ready = self._silent = False
        failure = Failure(grpc.StatusCode.UNAVAILABLE.value[0], f"the worker process died ({reason}); try again")
        for call, answers in self._calls.items():
            answers.put_nowait(CallFailed(call, failure))
        if self._stopping:
            return
        _log.error("worker on %s died: %s", self.device, reason)
        lost, self.jobs = self.jobs, {}
        self._listener.on_jobs_lost(lost, self._computing & lost.keys(), reason)
        self._computing = frozenset()

    # Speaking with it ------------------------------------------------------------------------------------------

    def begin(self, start: StartJob) -> None:
        """Gives it a job; it must be available."""
        self.jobs[start.job] = start.load
        self._send(start)

    def cancel(self, job: str) -> None:
        """Stops a job before its next step."""
        self._send(CancelJob(job))

    def suspend(self) -> None:
        """Has it write checkpoints of its jobs, and stop."""
        self._send(SuspendJobs())

    def stop(self) -> None:
        """Has the process end, and starts no other; one that does not end is killed by who cancels `run`."""
        self._stopping = True
        self._send(Exit())

    async def gone(self) -> None:
        """Returns when `run` has ended, and so has the process."""
        await self._gone.wait()

    async def call(self, call: Call) -> AsyncGenerator[CallMessage, None]:
        """Sends a call; yields its answers, the last of which is `CallDone` or `CallFailed`.

        Raises:
            ApiError: UNAVAILABLE where it has too many calls to answer already.
        """
        size = weight(call)
        if len(self._calls) >= MAX_CALLS or (self._calls and self._call_bytes + size > MAX_CALL_BYTES):
            held = f"{len(self._calls):,} calls of {self._call_bytes / 1e6:,.0f} MB"
            raise unavailable(
                f"the worker on {self.device} has {held} to answer; try again in {FULL_SECONDS:.0f} s", FULL_SECONDS
            )
        answers: asyncio.Queue[CallMessage] = asyncio.Queue()
        self._calls[call.call] = answers
        self._call_bytes += size
        finished = False
        try:
            self._send(call)
            while not finished:
                answer = await answers.get()
                finished = isinstance(answer, CallDone | CallFailed)
                yield answer
        finally:
            self._calls.pop(call.call, None)
            self._call_bytes -= size
            if not finished:
                self._send(AbandonCall(call.call))

    def _send(self, message: StartJob | CancelJob | SuspendJobs | Exit | Call | AbandonCall) -> None:
        # Whatever a worker that has died was to do is reported as lost.
        if self._sender is not None:
            self._sender.send(message)

    def _on_computing(self, jobs: frozenset[str]) -> None:
        self._computing = jobs

    def _on_message(self, message: Said) -> None:
        match message:
            case Ready(device):
                _log.info("worker on %s is ready", device)
                self._ready = True
                self._part.well()
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


class _Listener:
    """Reads what a process says, in a thread: the pipe has no asynchronous end that every platform offers."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_message: Callable[[Said], None],
        on_computing: Callable[[frozenset[str]], None],
        ended: asyncio.Future[int | None],
    ) -> None:
        self._loop = loop
        self._on_message = on_message
        self._on_computing = on_computing
        self._ended = ended

    def listen(self, connection: Connection, process: BaseProcess) -> None:
        """Passes messages on to the loop until the process ends; then its exit code."""
        try:
            while True:
                message = connection.recv()
                if isinstance(message, Computing):
                    # Comes with every change of turns, and is asked for only when the worker dies.
                    self._on_computing(message.jobs)
                else:
                    self._post(self._on_message, message)
        except (EOFError, OSError):
            pass
        except Exception:
            _log.exception("what a worker said cannot be read")
        process.join(timeout=EXIT_SECONDS)
        if process.exitcode is None:
            # It says nothing any more, so it is of no use.
            process.kill()
            process.join()
        connection.close()
        self._post(self._end, process.exitcode)

    def _end(self, exit_code: int | None) -> None:
        if not self._ended.done():
            self._ended.set_result(exit_code)

    def _post(self, callback: Callable[..., None], *arguments: object) -> None:
        # The loop is closed when the server has ended.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *arguments)


def _run_worker(
    connection: Connection, shared: Shared, server: int, device: str, checkpoint_seconds: float, log_level: int
) -> None:
    end_with_parent(server)
    wait_with_short_spins()
    pulse = Pulse(shared)
    pulse.begin()
    # Imported in the worker process only: this is where torch comes in.
    from pullback_server.worker.main import run  # noqa: PLC0415

    run(connection, pulse, device, checkpoint_seconds, log_level)


def _death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        hint = ", as the system does when memory runs out" if exit_code == -9 else ""
        return f"killed by signal {-exit_code}{hint}"
    return f"exit code {exit_code}"
