"""The executor: jobs and calls are given to the workers of this machine, one per device."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from pullback_server.batching import Load
from pullback_server.errors import ApiError, unavailable
from pullback_server.executor.sending import weight
from pullback_server.executor.worker import EXIT_SECONDS, JobListener, Worker
from pullback_server.supervision import Health, supervised
from pullback_server.worker.messages import (
    AS_DRAWN,
    BeginSearch,
    Call,
    CallDone,
    CallFailed,
    CallMessage,
    Evolve,
    Evolved,
    Failure,
    Framed,
    Presentation,
    Render,
    Rendered,
    Sample,
    StartJob,
    Traverse,
)
from pullback_server.worker.walks import Walked, WalkPlan

# How long a call waits for a worker that can take it, and when it is worth to try again after that.
WORKER_SECONDS, AGAIN_SECONDS = 60.0, 5.0
# Of the calls that wait so.
MAX_WAITING_BYTES = 256 * 1024 * 1024
_LOOK_SECONDS = 0.05


class Executor:
    """The workers of this machine. All methods run on the event loop, and none holds it up.

    Args:
        devices: A worker each.
        checkpoint_seconds: How much work of a job a crash can undo at most.
        log_level: Of the standard library's logging, in the workers.
        health: Where the workers are seen, as `worker-0`, `worker-1`, …
    """

    def __init__(self, devices: list[str], *, checkpoint_seconds: float, log_level: int, health: Health) -> None:
        self._devices = devices
        self._checkpoint_seconds = checkpoint_seconds
        self._log_level = log_level
        self._health = health
        self._workers: list[Worker] = []
        self._running: list[asyncio.Task[None]] = []
        self._call_numbers = itertools.count(1)
        self._turns = itertools.count()
        self._waiting_bytes = 0

    def start(self, listener: JobListener) -> None:
        """Starts the worker processes; they get ready while the server already answers."""
        for number, device in enumerate(self._devices):
            name = f"worker-{number}"
            part = self._health.part(name)
            worker = Worker(device, self._checkpoint_seconds, self._log_level, part, listener)
            self._workers.append(worker)
            self._running.append(supervised(f"{name}-keeper", worker.run, self._health))

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
                worker.cancel(job)

    async def suspend(self, timeout: float) -> None:
        """Has every running job write a checkpoint and stop; waits for that at most `timeout` seconds.

        A worker that gives no signs of life is not waited for: its jobs go on from their last checkpoints.
        """
        busy = [worker for worker in self._workers if worker.jobs]
        for worker in busy:
            worker.suspend()
        deadline = asyncio.get_running_loop().time() + timeout
        while asyncio.get_running_loop().time() < deadline:
            if not any(worker.jobs and worker.available for worker in busy):
                return
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Ends the worker processes; kills those that do not end by themselves within two seconds."""
        for worker in self._workers:
            worker.stop()
        if self._running:
            await asyncio.wait([asyncio.create_task(worker.gone()) for worker in self._workers], timeout=EXIT_SECONDS)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

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
        worker = await self._worker_for(call)
        async with contextlib.aclosing(worker.call(call)) as answers:
            async for answer in answers:
                if isinstance(answer, CallFailed):
                    raise _api_error(answer.failure)
                yield answer

    async def _worker_for(self, call: Call) -> Worker:
        """A worker that can take a call, each in its turn; waits for one where there is none.

        Raises:
            ApiError: UNAVAILABLE where that takes too long, or too much waits already; says when to try again.
        """
        size = weight(call)
        if self._waiting_bytes and self._waiting_bytes + size > MAX_WAITING_BYTES:
            raise self._no_worker("too many calls wait already")
        self._waiting_bytes += size
        try:
            deadline = asyncio.get_running_loop().time() + WORKER_SECONDS
            while True:
                first = next(self._turns)
                for number in range(len(self._workers)):
                    worker = self._workers[(first + number) % len(self._workers)]
                    if worker.available:
                        return worker
                if asyncio.get_running_loop().time() >= deadline:
                    raise self._no_worker(f"none was there within {WORKER_SECONDS:.0f} s")
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self._waiting_bytes -= size

    def _no_worker(self, reason: str) -> ApiError:
        troubles = "; ".join(f"on {worker.device}: {worker.trouble}" for worker in self._workers)
        again = f"try again in {AGAIN_SECONDS:.0f} s"
        return unavailable(f"no worker can take the call ({troubles}), and {reason}; {again}", AGAIN_SECONDS)


def _api_error(failure: Failure) -> ApiError:
    code = next(code for code in grpc.StatusCode if code.value[0] == failure.code)
    return ApiError(code, failure.message)
