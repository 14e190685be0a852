"""Loop of a worker: a piece of some job's step, then whatever short calls have come, then the next piece."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection

from pullback_server.processes.pulse import Pulse
from pullback_server.protocol.batching import Candidate, together
from pullback_server.protocol.calls import Measure, Render, Sample, Traverse
from pullback_server.protocol.messages import (
    CancelJob,
    Computing,
    Finished,
    JobFailed,
    LendPart,
    PartLent,
    StartJob,
    Stopped,
    SuspendJobs,
    TakePart,
    ToWorker,
)
from pullback_server.watching.context import about
from pullback_server.watching.spans import Tracing
from pullback_server.worker.calls import of_prior, render
from pullback_server.worker.devices import resolved, take, take_memory, used_memory
from pullback_server.worker.failures import describe, end_if_lost
from pullback_server.worker.jobs import RunningJob
from pullback_server.worker.loop import Loop
from pullback_server.worker.models import Models
from pullback_server.worker.parts import SharedShards
from pullback_server.worker.shares import Shares
from pullback_server.worker.turns import Turn
from pullback_server.worker.walks.calls import traverse

PROGRESS_SECONDS = 0.25
# Messages of progress a second, of all jobs together.
MAX_PROGRESS_RATE = 20.0
# How often the server is told what memory is in use on the device, while there are jobs.
MEMORY_SECONDS = 1.0


def run(
    connection: Connection,
    pulse: Pulse,
    device: str,
    memory: tuple[int | None, bool, int],
    checkpoint_seconds: float,
    tracing: Tracing,
) -> None:
    """Entry point of the worker process; returns never but ends with the server's end of the pipe."""
    device = resolved(device)
    ready = take_memory(take(device), *memory)
    Worker(connection, pulse, Models(device), checkpoint_seconds, tracing).serve(ready)


class Worker(Loop):
    """One device, jobs that share its time, and short calls in between."""

    def __init__(
        self, connection: Connection, pulse: Pulse, models: Models, checkpoint_seconds: float, tracing: Tracing
    ) -> None:
        super().__init__(connection, pulse, tracing)
        self._checkpoint_seconds = checkpoint_seconds
        self._models = models
        self._jobs: dict[str, RunningJob] = {}
        self._turns: dict[str, Turn] = {}
        self._shares = Shares()
        self._computing: frozenset[str] = frozenset()
        self._memory_told = 0.0

    @property
    def _has_jobs(self) -> bool:
        return bool(self._jobs)

    def _before_calls(self) -> None:
        self._tell_computing()

    def _tell_computing(self, *jobs: str) -> None:
        """Says whose fault it is if this process dies from now on."""
        if self._computing != (computing := frozenset(jobs)):
            self._computing = computing
            self._outbox.send(Computing(computing))

    def _handle(self, message: ToWorker) -> None:
        match message:
            case StartJob():
                job = RunningJob(
                    message,
                    self._models,
                    self._outbox.send,
                    checkpoint_seconds=self._checkpoint_seconds,
                    progress_seconds=self._progress_seconds,
                    tracing=self._tracing,
                )
                self._jobs[job.id] = job
                self._shares.add(job.id, job.batch)
            case CancelJob(job_id):
                if job_id in self._jobs:
                    self._forget(job_id).discard()
                    self._outbox.send(Stopped(job_id, suspended=False))
            case LendPart(job_id):
                shards = self._shards_of(job_id)
                self._outbox.send(PartLent(job_id, b"" if shards is None else shards.lend()))
            case TakePart(job_id, part, result):
                if (shards := self._shards_of(job_id)) is not None:
                    shards.take(part, result)
            case SuspendJobs():
                for job_id in list(self._jobs):
                    self._forget(job_id).write_checkpoint()
                    self._outbox.send(Stopped(job_id, suspended=True))
            case Render():
                self._answer(message, render(self._models, message, self._outbox))
            case Sample() | Measure():
                self._answer(message, of_prior(self._models, message))
            case Traverse():
                self._answer(message, traverse(self._models, message))
            case _:
                super()._handle(message)

    def _shards_of(self, job_id: str) -> SharedShards | None:
        """Shards of a job that other workers may compute; None for none, or where there is no such job any more."""
        return self._jobs[job_id].shards if job_id in self._jobs else None

    def _progress_seconds(self) -> float:
        """How often a job tells of its progress: the server writes all of it down, and must keep up."""
        return max(PROGRESS_SECONDS, len(self._jobs) / MAX_PROGRESS_RATE)

    def _forget(self, job_id: str) -> RunningJob:
        """Takes a job off this worker, also out of the middle of a step."""
        self._shares.remove(job_id)
        if (turn := self._turns.pop(job_id, None)) is not None:
            turn.drop(job_id)
        job = self._jobs.pop(job_id)
        job.tell_work()
        return job

    def _advance_jobs(self) -> None:
        """Does a piece of a step of the job that has had the least of this worker's time."""
        if not self._jobs:
            return
        turn = self._next_turn()
        self._tell_computing(*(job.id for job in turn.jobs))
        self._pulse.piece()
        began = time.perf_counter()
        complete = turn.advance()
        try:
            self._models.synchronize()
        except RuntimeError as error:
            end_if_lost(error, "a piece of a job")
            raise
        for job_id, seconds in turn.shares(time.perf_counter() - began).items():
            self._jobs[job_id].spend(seconds)
            self._shares.charge(job_id, seconds)
        if complete:
            self._end_turn(turn)
        if began - self._memory_told >= MEMORY_SECONDS:
            self._memory_told = began
            self._tell_memory()

    def _tell_memory(self) -> None:
        if (used := used_memory(self._models.device)) is not None:
            self._outbox.send(used)

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
                with about(job=job.id):
                    self._outbox.send(JobFailed(job.id, describe(error, f"job {job.id}")))
            elif job.result is not None:
                # The server removes the checkpoint once the result is on disk.
                self._forget(job.id)
                self._outbox.send(Finished(job.id, job.result))
            else:
                del self._turns[job.id]
