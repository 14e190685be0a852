"""A worker: one process and its successors on one device, started, watched, given up and started again.

A worker that dies takes nothing along but its jobs' current steps: they are reported, and another process starts. There
is one loop that does it, so that nothing that goes wrong on the way ends it: see `Worker.run`.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import threading
from collections.abc import AsyncGenerator, Callable, Collection
from dataclasses import replace
from multiprocessing.process import BaseProcess
from typing import Protocol

import grpc

from pullback.memory import size_text
from pullback_server.error_texts import without_details
from pullback_server.executor.listener import Listener, Said
from pullback_server.executor.outstanding import OpenCalls, is_last
from pullback_server.executor.program import Settings as Settings  # noqa: PLC0414 (re-exported)
from pullback_server.executor.program import death, run_worker
from pullback_server.executor.sender import Sender
from pullback_server.executor.watch import LOOK_SECONDS, Watch
from pullback_server.processes.priority import give_way
from pullback_server.processes.pulse import Pulse, shared_memory
from pullback_server.processes.vitals import vitals
from pullback_server.protocol.batching import Load
from pullback_server.protocol.calls import (
    AbandonCall,
    Call,
    CallDone,
    CallFailed,
    CallMessage,
    Framed,
    Rendered,
    Taken,
    TracedCall,
)
from pullback_server.protocol.failure import Failure
from pullback_server.protocol.messages import (
    CancelJob,
    DeviceMemory,
    Exit,
    Finished,
    JobFailed,
    JobMessage,
    LendPart,
    PartLent,
    Progressed,
    Ready,
    StartJob,
    Stopped,
    SuspendJobs,
    TakePart,
    ToWorker,
    Worked,
)
from pullback_server.supervision import Part
from pullback_server.watching.context import trace_header
from pullback_server.worker.unread import WINDOW_BYTES

# Pauses before a process is started again: after one that was ready, after the first one that was not, …
RESTART_SECONDS = (0.0, 0.5, 2.0, 5.0)
# Loading torch takes seconds, and minutes on a machine that swaps.
START_SECONDS = 300.0
# A message takes that long only where the worker reads nothing.
SEND_SECONDS = 30.0
# A piece of work that has gone on for so long may go on for a minute.
LONG_PIECE_SECONDS = 1.0
# Of a call's images, before the worker is told that they were taken.
TAKEN_BYTES = WINDOW_BYTES // 4

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
    """One worker process and its successors. All methods run on the event loop, and none holds it up.

    Args:
        settings: How each of the processes runs.
        part: Where its health is seen.
        listener: Who hears of jobs.
        on_ready: Called each time that a process has started, before it counts as well.

    Attributes:
        part: Where its health is seen.
        kind: The model of its device, and what memory it may take there, once a process has said it: two of one kind
            compute the same bits.
        jobs: What it is at, by job.
    """

    def __init__(
        self,
        settings: Settings,
        part: Part,
        listener: JobListener,
        on_ready: Callable[[Ready], None] = lambda _: None,
    ) -> None:
        self.part = part
        self.kind = ("", 0, False)
        self.jobs: dict[str, Load] = {}
        self._settings = settings
        self._listener = listener
        self._on_ready = on_ready
        self._shared = shared_memory(_spawn)
        self._pulse = Pulse(self._shared)
        self._ready = self._silent = self._stopping = False
        self._piece_seconds = 0.0
        self._process: BaseProcess | None = None
        self._niceness = 0
        # Set by the thread that listens, as it comes: what a worker said just before it died counts.
        self._computing: frozenset[str] = frozenset()
        self._calls = OpenCalls()
        self._sender: Sender | None = None
        self._gone = asyncio.Event()

    @property
    def device(self) -> str | None:
        """Where it computes, `auto` before a process has said it; None for searches, which need no device."""
        return self._settings.device

    @property
    def place(self) -> str:
        """Where it computes, or what for, as troubles name it."""
        return "of searches" if self.device is None else f"on {self.device}"

    @property
    def ready(self) -> bool:
        """Whether its process has started, and is there."""
        return self._ready

    @property
    def available(self) -> bool:
        """Whether it can take something now."""
        return self._ready and not self._silent and not self._stopping

    @property
    def prompt(self) -> bool:
        """Whether a call that it gets now is likely to be answered soon: it is at no long piece of a job."""
        return not self.jobs or self._piece_seconds < LONG_PIECE_SECONDS

    @property
    def outstanding(self) -> int:
        """What it has yet to draw for calls, in values of pixels."""
        return self._calls.left

    @property
    def open_calls(self) -> int:
        """How many calls it has yet to answer."""
        return len(self._calls)

    @property
    def trouble(self) -> str:
        """What keeps it from taking something, as far as is known."""
        if self.part.trouble is not None:
            return self.part.trouble
        return "stopping" if self._stopping else "at a long piece of a job"

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
                trouble = f"cannot be started: {without_details(error)}"
            else:
                try:
                    given_up = await self._watch(process, ended)
                    exit_code = await ended
                    trouble = death(exit_code) if given_up is None else f"killed, as {given_up}"
                finally:
                    process.kill()
                    was_ready = self._ready
                    self._on_death(trouble or "killed")
            if not self._stopping:
                self.part.unwell(trouble)
                self.part.restarts += 1
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
                target=run_worker,
                args=(theirs, self._shared, os.getpid(), replace(self._settings, name=self.part.name)),
                name=f"pullback-{self.part.name}",
            )
            process.start()
            self._process = process
            self.part.pid = process.pid
            self._give_way()
            _log.info("%s is process %d", self.part.name, process.pid)
            listener = Listener(loop, self._on_message, self._on_computing, ended)
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
                self.part.unwell(f"given up: {given_up}")
                process.kill()
                return given_up
            self._piece_seconds = watch.piece_seconds
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
            self.part.well()
            if was_silent:
                self._listener.on_room()
        elif not was_silent:
            self.part.unwell(silent)

    def _on_death(self, reason: str) -> None:
        if self._sender is not None:
            self._sender.close()
            self._sender = None
        self.part.pid = None
        self.part.device_memory.clear()
        self._ready = self._silent = False
        self._piece_seconds = 0.0
        failure = Failure(grpc.StatusCode.UNAVAILABLE.value[0], f"the worker process died ({reason}); try again")
        self._calls.fail(failure)
        if self._stopping:
            return
        _log.error("%s died: %s", self.part.name, reason)
        lost, self.jobs = self.jobs, {}
        self._listener.on_jobs_lost(lost, self._computing & lost.keys(), reason)
        self._computing = frozenset()

    # Speaking with it ------------------------------------------------------------------------------------------

    def give_way(self, niceness: int) -> None:
        """Has its processes be so much nicer than the server, from now on."""
        self._niceness = niceness
        self._give_way()

    def _give_way(self) -> None:
        if self._niceness and self._process is not None and self._process.pid is not None:
            give_way(self._process.pid, self._niceness)

    def begin(self, start: StartJob) -> None:
        """Gives it a job; it must be available."""
        self.jobs[start.job] = start.load
        self._send(start)

    def cancel(self, job: str) -> None:
        """Stops a job before its next step."""
        self._send(CancelJob(job))

    def tell(self, message: LendPart | TakePart) -> None:
        """Tells it something of a job that others help with."""
        self._send(message)

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

        The worker is told what was taken of them: it makes no more than `WINDOW_BYTES` ahead of a slow reader.

        Raises:
            ApiError: UNAVAILABLE where it has too many calls to answer already.
        """
        opened = self._calls.open(call, f"the worker {self.place}")
        finished, taken = False, 0
        try:
            trace = trace_header()
            self._send(TracedCall(trace, call) if trace else call)
            while not finished:
                answer = await opened.next()
                finished = is_last(answer)
                yield answer
                if isinstance(answer, Rendered | Framed):
                    taken += len(answer.data)
                    if taken >= TAKEN_BYTES:
                        self._send(Taken(call.call, taken))
                        taken = 0
        finally:
            self._calls.close(call)
            if not finished:
                self._send(AbandonCall(call.call))

    def _send(self, message: ToWorker) -> None:
        # Whatever a worker that has died was to do is reported as lost.
        if self._sender is not None:
            self._sender.send(message)

    def _take_device(self, ready: Ready) -> None:
        """Keeps to the device that was found, and to its memory: the next process computes there too, or not at all."""
        self.kind = (ready.model, ready.memory, ready.given)
        sizes = {"limit": ready.memory, "total": ready.total}
        self.part.device_memory |= {what: size for what, size in sizes.items() if size}
        if self._settings.device is not None:
            memory = ready.memory or self._settings.memory
            self._settings = replace(self._settings, device=ready.device, memory=memory, given=ready.given)

    def _on_computing(self, jobs: frozenset[str]) -> None:
        self._computing = jobs

    def _on_message(self, message: Said) -> None:
        match message:
            case Ready():
                may_take = f", where it may take {size_text(message.memory)}" if message.memory else ""
                _log.info("%s is ready on %s%s", self.part.name, message.device, may_take)
                self._take_device(message)
                self._on_ready(message)
                # Importing may have kept it from beating: this is a sign of life.
                self._ready, self._silent = True, False
                self.part.well()
                self._listener.on_room()
            case Rendered() | Framed() | CallDone() | CallFailed():
                self._calls.came(message)
            case DeviceMemory(allocated, reserved):
                self.part.device_memory |= {"allocated": allocated, "reserved": reserved}
            case Progressed() | PartLent() | Worked():
                self._listener.on_job_message(message)
            case Finished() | JobFailed() | Stopped():
                self.jobs.pop(message.job, None)
                self._listener.on_job_message(message)
                self._listener.on_room()
