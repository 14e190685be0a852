"""An executor without processes and without torch, which holds jobs and fails them as a test says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import numpy as np
from grpc import StatusCode

import stub_results
from pullback import generators
from pullback_server.errors import ApiError
from pullback_server.executor import Executor, Occupation
from pullback_server.executor.worker import JobListener
from pullback_server.protocol.batching import Load
from pullback_server.protocol.calls import (
    BeginSearch,
    Call,
    CallDone,
    CallMessage,
    Evolve,
    Render,
    Rendered,
    Sample,
    Traverse,
)
from pullback_server.protocol.failure import Failure
from pullback_server.protocol.messages import Finished, JobFailed, Progressed, StartJob, Stopped
from pullback_server.supervision import Health
from pullback_server.worker.search_calls import begin_search, evolve

STEPS = 3
"""Steps of every job."""
PHASE = "optimizing"


@dataclass
class Bench:
    """What becomes of jobs and calls; a test changes it as it goes, and it outlives a restart of the server.

    Attributes:
        room: Whether jobs are taken from the queue, and optimizers of searches go on.
        hold: Whether a job that was taken waits for `StubExecutor.finish`.
        pause: Seconds before each step of a job that is not held.
        failure: How jobs end, instead of well.
        failing: Names of the jobs that end so; None = all.
        lost: Threads of searches whose optimizers fail, and how.
        thinking: Seconds that an optimizer takes to make a generation after the first.
        drawing: Seconds that an image of a search takes.
    """

    room: bool = True
    hold: bool = False
    pause: float = 0.0
    failure: Failure | None = None
    failing: frozenset[str] | None = None
    lost: dict[int, Failure] = field(default_factory=dict)
    thinking: float = 0.0
    drawing: float = 0.0


def thread_of(image_id: str) -> int:
    """The number in `thread003_gen000_000001`."""
    return int(image_id[len("thread") :].partition("_")[0])


class StubExecutor(Executor):
    """Does the jobs and answers the calls of a server on its own event loop."""

    def __init__(self, bench: Bench, health: Health) -> None:
        super().__init__([], checkpoint_seconds=1.0, log_level=logging.INFO, health=health)
        self._bench = bench
        # Of no health: there is no process.
        self._part = Health().part("worker-0")
        self._part.trouble = None
        self._listener: JobListener | None = None
        self._jobs: dict[str, StartJob] = {}
        self._work: dict[str, asyncio.Task[None]] = {}

    def start(self, listener: JobListener) -> None:
        self._listener = listener

    @property
    def listener(self) -> JobListener:
        assert self._listener is not None
        return self._listener

    def occupations(self) -> list[Occupation]:
        return [Occupation(self._part, "cpu", "cpu", tuple(self._jobs))]

    def loads(self) -> list[Sequence[Load] | None]:
        return [[] if self._bench.room else None]

    def assign(self, start: StartJob, worker: int) -> bool:
        del worker
        self._jobs[start.job] = start
        if not self._bench.hold:
            self._work[start.job] = asyncio.create_task(self._run(start.job))
        return True

    def cancel(self, job: str) -> None:
        if self._forget(job):
            self.listener.on_job_message(Stopped(job, suspended=False))

    async def suspend(self, timeout: float) -> None:
        del timeout
        for job in list(self._jobs):
            self._forget(job)
            self.listener.on_job_message(Stopped(job, suspended=True))

    async def stop(self) -> None:
        await asyncio.gather(*self._work.values(), return_exceptions=True)

    def _forget(self, job: str) -> bool:
        if (task := self._work.pop(job, None)) is not None:
            task.cancel()
        return self._jobs.pop(job, None) is not None

    # What tests do ---------------------------------------------------------------------------------------------

    def has(self, job: str) -> bool:
        """Whether a job was taken and goes on."""
        return job in self._jobs

    def advance(self, job: str, step: int, *, previews: int = 0) -> None:
        """Says that a job has come so far."""
        loss = 1.0 / step if self._jobs[job].kind == "inversion" else None
        pictures = (stub_results.png().data,) * previews
        self.listener.on_job_message(Progressed(job, PHASE, step, STEPS, loss, pictures))

    def finish(self, job: str) -> None:
        """Hands in the result of a job, or its failure."""
        start, bench = self._jobs.pop(job), self._bench
        if bench.failure is not None and (bench.failing is None or f"jobs/{job}" in bench.failing):
            self.listener.on_job_message(JobFailed(job, bench.failure))
            return
        self.listener.on_job_message(Finished(job, stub_results.MAKERS[start.kind](start)))

    async def _run(self, job: str) -> None:
        # Steps that nobody has the time to see are not told one by one.
        for step in range(1 if self._bench.pause else STEPS, STEPS + 1):
            await asyncio.sleep(self._bench.pause)
            self.advance(job, step)
        self.finish(job)
        self._work.pop(job, None)
        self.listener.on_room()

    # Calls -----------------------------------------------------------------------------------------------------

    async def _call(self, call: Call) -> AsyncGenerator[CallMessage, None]:
        match call:
            case Sample():
                dim = generators.entry(call.generator).space(call.space).dim
                latents = np.random.default_rng(call.seed).standard_normal((call.count, dim))
                yield CallDone(call.call, latents.astype(np.float32))
            case Render():
                shape = generators.entry(call.generator).image_shape
                for index, latent in enumerate(call.latents):
                    # All at once where no time is asked for: an Ask then gets a generation whole, however busy it is.
                    if self._bench.drawing:
                        await asyncio.sleep(self._bench.drawing)
                    drawn = stub_results.drawn(latent, shape, call.image_format, call.presentation)
                    yield Rendered(call.call, index, *drawn)
                yield CallDone(call.call)
            case BeginSearch():
                for answer in begin_search(call):
                    yield answer
            case Evolve():
                # So that a test may end it meanwhile.
                began = asyncio.get_running_loop().time()
                while asyncio.get_running_loop().time() < began + self._bench.thinking:
                    await asyncio.sleep(0.01)
                if (failure := self._bench.lost.get(thread_of(call.ids[0]))) is not None:
                    raise ApiError(next(code for code in StatusCode if code.value[0] == failure.code), failure.message)
                for answer in evolve(call):
                    yield answer
            case Traverse():
                for answer in stub_results.walk(call):
                    yield answer
