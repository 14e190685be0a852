"""The worker's loop: one step of the job, then whatever short calls have come, then the next step."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from pullback_server.worker.calls import render, sample
from pullback_server.worker.failures import describe
from pullback_server.worker.messages import (
    AbandonCall,
    CallDone,
    CallFailed,
    CallMessage,
    CancelJob,
    Exit,
    Finished,
    FromWorker,
    JobFailed,
    Progressed,
    Ready,
    Render,
    Sample,
    StartJob,
    Stopped,
    SuspendJobs,
    ToWorker,
)
from pullback_server.worker.models import Models
from pullback_server.worker.tasks import Task, make_task

PROGRESS_SECONDS = 0.25

_log = logging.getLogger(__name__)


def run(connection: Connection, device: str, checkpoint_seconds: float, log_level: int) -> None:
    """Entry point of the worker process; returns never but ends with the server's end of the pipe."""
    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)s worker: %(message)s")
    # Ctrl-C, or a service manager's SIGTERM, reaches the whole process group; the server alone decides when its
    # workers end, and they end with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Worker(connection, device, checkpoint_seconds).serve()


class Worker:
    """One device, at most one job, and short calls between its steps."""

    def __init__(self, connection: Connection, device: str, checkpoint_seconds: float) -> None:
        self._connection = connection
        self._checkpoint_seconds = checkpoint_seconds
        self._inbox: queue.SimpleQueue[ToWorker] = queue.SimpleQueue()
        self._models = Models(device)
        self._running: _RunningJob | None = None
        self._calls: dict[int, Iterator[CallMessage]] = {}

    def serve(self) -> None:
        """Works until the server is gone."""
        threading.Thread(target=self._listen, name="listener", daemon=True).start()
        self._send(Ready(self._models.device))
        while True:
            self._read_inbox()
            self._advance_calls()
            self._advance_job()

    def _listen(self) -> None:
        """Moves messages from the pipe to the inbox; ends the process when the server says so, or is gone."""
        try:
            while not isinstance(message := self._connection.recv(), Exit):
                self._inbox.put(message)
        except (EOFError, OSError):
            pass
        # Whatever the main thread computes, nobody will hear of it.
        os._exit(0)

    def _send(self, message: FromWorker) -> None:
        self._connection.send(message)

    def _read_inbox(self) -> None:
        """Handles what has come; waits for something where there is nothing to do."""
        if self._running is None and not self._calls:
            self._handle(self._inbox.get())
        with contextlib.suppress(queue.Empty):
            while True:
                self._handle(self._inbox.get_nowait())

    def _handle(self, message: ToWorker) -> None:
        match message:
            case StartJob():
                self._running = _RunningJob(message, self._models, self._connection, self._checkpoint_seconds)
            case CancelJob(job):
                if self._running is not None and self._running.job == job:
                    self._running.discard()
                    self._running = None
                    self._send(Stopped(job, suspended=False))
            case SuspendJobs():
                if self._running is not None:
                    self._running.write_checkpoint()
                    self._send(Stopped(self._running.job, suspended=True))
                    self._running = None
            case Render():
                self._calls[message.call] = render(self._models, message)
            case Sample():
                self._calls[message.call] = sample(self._models, message)
            case AbandonCall(call):
                self._calls.pop(call, None)

    def _advance_calls(self) -> None:
        """Takes one message from every open call."""
        for call, answers in list(self._calls.items()):
            try:
                answer = next(answers)
            except Exception as error:
                _log.warning("call %d failed", call, exc_info=True)
                answer = CallFailed(call, describe(error))
            self._send(answer)
            if isinstance(answer, CallDone | CallFailed):
                del self._calls[call]

    def _advance_job(self) -> None:
        if self._running is None:
            return
        try:
            result = self._running.advance()
        except Exception as error:
            _log.warning("job %s failed", self._running.job, exc_info=True)
            self._send(JobFailed(self._running.job, describe(error)))
            self._running.discard()
            self._running = None
            return
        if result is not None:
            # The server removes the checkpoint once the result is on disk.
            self._send(Finished(self._running.job, result))
            self._running = None


class _RunningJob:
    """A job on this worker: its task, when it was last saved, and when it last told of its progress."""

    def __init__(self, start: StartJob, models: Models, connection: Connection, checkpoint_seconds: float) -> None:
        self.job = start.job
        self._start = start
        self._models = models
        self._connection = connection
        self._checkpoint = Path(start.checkpoint)
        self._checkpoint_seconds = checkpoint_seconds
        self._task: Task | None = None
        self._saved = time.monotonic()
        self._told = 0.0
        self._latest = Progressed(start.job, "starting", step=0, total=0)

    def advance(self) -> bytes | None:
        """Does the next step; returns the result after the last one."""
        if self._task is None:
            self._task = make_task(self._start, self._models, self._tell_phase)
            self._restore(self._task)
            return None
        if self._task.done:
            self._tell_phase("finishing")
            return self._task.result()
        self._task.step()
        now = time.monotonic()
        self._latest = progress = self._task.progress(self.job)
        if progress.previews or self._task.done or now - self._told >= PROGRESS_SECONDS:
            self._connection.send(progress)
            self._told = now
        if now - self._saved >= self._checkpoint_seconds:
            self.write_checkpoint()
        return None

    def write_checkpoint(self) -> None:
        """Saves the task's state; where that fails the job goes on, and the checkpoint before stays."""
        if self._task is None:
            return
        try:
            self._task.save(self._checkpoint)
        except OSError as error:
            _log.warning("no checkpoint of job %s: %s", self.job, error)
        self._saved = time.monotonic()

    def discard(self) -> None:
        """Removes the checkpoint."""
        self._checkpoint.unlink(missing_ok=True)

    def _restore(self, task: Task) -> None:
        if not self._checkpoint.exists():
            return
        try:
            task.restore(self._checkpoint)
        except Exception:
            # A job can always be done again from its start.
            _log.warning("checkpoint of job %s cannot be read; starting over", self.job, exc_info=True)

    def _tell_phase(self, phase: str) -> None:
        self._connection.send(replace(self._latest, phase=phase, previews=()))
