"""The worker's loop: a piece of some job's step, then whatever short calls have come, then the next piece."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import threading
import time
from multiprocessing.connection import Connection

from pullback_server.batching import Candidate, together
from pullback_server.processes.pulse import Pulse
from pullback_server.worker.calls import render, sample
from pullback_server.worker.failures import describe
from pullback_server.worker.jobs import RunningJob
from pullback_server.worker.messages import (
    AbandonCall,
    BeginSearch,
    CancelJob,
    Computing,
    Evolve,
    Exit,
    Finished,
    JobFailed,
    Ready,
    Render,
    Sample,
    StartJob,
    Stopped,
    SuspendJobs,
    ToWorker,
    Traverse,
)
from pullback_server.worker.models import Models
from pullback_server.worker.open_calls import OpenCalls
from pullback_server.worker.outbox import Outbox
from pullback_server.worker.searching import begin_search, evolve
from pullback_server.worker.shares import Shares
from pullback_server.worker.traversing import traverse
from pullback_server.worker.turns import Turn

PROGRESS_SECONDS = 0.25
# Messages of progress a second, of all jobs together.
MAX_PROGRESS_RATE = 20.0

_log = logging.getLogger(__name__)


def run(connection: Connection, pulse: Pulse, device: str, checkpoint_seconds: float, log_level: int) -> None:
    """Entry point of the worker process; returns never but ends with the server's end of the pipe."""
    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)s worker: %(message)s")
    # Ctrl-C, or a service manager's SIGTERM, reaches the whole process group; the server alone decides when its
    # workers end, and they end with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Worker(connection, pulse, device, checkpoint_seconds).serve()


class Worker:
    """One device, jobs that share its time, and short calls in between."""

    def __init__(self, connection: Connection, pulse: Pulse, device: str, checkpoint_seconds: float) -> None:
        self._connection = connection
        self._pulse = pulse
        self._outbox = Outbox(connection)
        self._checkpoint_seconds = checkpoint_seconds
        self._inbox: queue.SimpleQueue[ToWorker] = queue.SimpleQueue()
        self._models = Models(device)
        self._jobs: dict[str, RunningJob] = {}
        self._turns: dict[str, Turn] = {}
        self._shares = Shares()
        self._computing: frozenset[str] = frozenset()
        self._calls = OpenCalls(self._outbox.send)

    def serve(self) -> None:
        """Works until the server is gone."""
        threading.Thread(target=self._listen, name="listener", daemon=True).start()
        self._outbox.send(Ready(self._models.device))
        while True:
            self._read_inbox()
            if self._calls:
                self._tell_computing()
                self._pulse.piece()
                self._calls.advance()
            self._advance_jobs()

    def _listen(self) -> None:
        """Moves messages from the pipe to the inbox; ends the process when the server says so, or is gone."""
        try:
            while not isinstance(message := self._connection.recv(), Exit):
                self._inbox.put(message)
        except (EOFError, OSError):
            pass
        # Whatever the main thread computes, nobody will hear of it.
        os._exit(0)

    def _tell_computing(self, *jobs: str) -> None:
        """Says whose fault it is if this process dies from now on."""
        if self._computing != (computing := frozenset(jobs)):
            self._computing = computing
            self._outbox.send(Computing(computing))

    def _read_inbox(self) -> None:
        """Handles what has come; waits for something where there is nothing to do."""
        if not self._jobs and not self._calls:
            self._pulse.waiting()
            self._handle(self._inbox.get())
        with contextlib.suppress(queue.Empty):
            while True:
                self._handle(self._inbox.get_nowait())

    def _handle(self, message: ToWorker) -> None:
        match message:
            case StartJob():
                job = RunningJob(
                    message,
                    self._models,
                    self._outbox.send,
                    checkpoint_seconds=self._checkpoint_seconds,
                    progress_seconds=self._progress_seconds,
                )
                self._jobs[job.id] = job
                self._shares.add(job.id, job.batch)
            case CancelJob(job_id):
                if job_id in self._jobs:
                    self._forget(job_id).discard()
                    self._outbox.send(Stopped(job_id, suspended=False))
            case SuspendJobs():
                for job_id in list(self._jobs):
                    self._forget(job_id).write_checkpoint()
                    self._outbox.send(Stopped(job_id, suspended=True))
            case Render():
                self._calls.add(message.call, render(self._models, message, self._outbox))
            case Sample():
                self._calls.add(message.call, sample(self._models, message))
            case BeginSearch():
                self._calls.add(message.call, begin_search(message))
            case Evolve():
                self._calls.add(message.call, evolve(message))
            case Traverse():
                self._calls.add(message.call, traverse(self._models, message))
            case AbandonCall(call):
                self._calls.abandon(call)

    def _progress_seconds(self) -> float:
        """How often a job tells of its progress: the server writes all of it down, and must keep up."""
        return max(PROGRESS_SECONDS, len(self._jobs) / MAX_PROGRESS_RATE)

    def _forget(self, job_id: str) -> RunningJob:
        """Takes a job off this worker, also out of the middle of a step."""
        self._shares.remove(job_id)
        if (turn := self._turns.pop(job_id, None)) is not None:
            turn.drop(job_id)
        return self._jobs.pop(job_id)

    def _advance_jobs(self) -> None:
        """Does a piece of a step of the job that has had the least of this worker's time."""
        if not self._jobs:
            return
        turn = self._next_turn()
        self._tell_computing(*(job.id for job in turn.jobs))
        self._pulse.piece()
        began = time.perf_counter()
        complete = turn.advance()
        self._models.synchronize()
        for job_id, seconds in turn.shares(time.perf_counter() - began).items():
            self._jobs[job_id].spend(seconds)
            self._shares.charge(job_id, seconds)
        if complete:
            self._end_turn(turn)

    def _next_turn(self) -> Turn:
        """The turn that the next job is in already, or a new one, with those that it can be computed with."""
        used = self._shares.next_batch()
        first = min(used, key=lambda job: used[job])
        if first in self._turns:
            return self._turns[first]
        jobs = [self._jobs[first]]
        if jobs[0].shared is not None:
            waiting = [self._jobs[job] for job in used if job not in self._turns]
            ready = [Candidate(job.id, job.rows, used[job.id]) for job in waiting if job.shared is not None]
            jobs = [self._jobs[job] for job in together(ready)]
        turn = Turn(jobs)
        self._turns.update({job.id: turn for job in jobs})
        return turn

    def _end_turn(self, turn: Turn) -> None:
        for job in turn.jobs:
            if (error := turn.failed.get(job.id)) is not None:
                self._forget(job.id).discard()
                self._outbox.send(JobFailed(job.id, describe(error)))
            elif job.result is not None:
                # The server removes the checkpoint once the result is on disk.
                self._forget(job.id)
                self._outbox.send(Finished(job.id, job.result))
            else:
                del self._turns[job.id]
