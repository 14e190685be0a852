"""The executor: jobs and calls are given to the workers of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from pullback.memory import size_text
from pullback_server.errors import ApiError, unavailable
from pullback_server.executor.device import Device
from pullback_server.executor.keeping import Keepers, NoJobs
from pullback_server.executor.listener import EXIT_SECONDS
from pullback_server.executor.occupation import Occupation, occupation
from pullback_server.executor.sender import weight
from pullback_server.executor.worker import JobListener, Settings, Worker
from pullback_server.protocol.batching import Load
from pullback_server.protocol.calls import (
    AS_DRAWN,
    BeginSearch,
    Call,
    CallDone,
    CallFailed,
    CallMessage,
    ConstantsWanted,
    Evolve,
    Evolved,
    Framed,
    Measure,
    Presentation,
    PriorWanted,
    Render,
    Rendered,
    Sample,
    Traverse,
)
from pullback_server.protocol.failure import Failure
from pullback_server.protocol.messages import LendPart, Ready, StartJob, TakePart
from pullback_server.protocol.walks import Walked, WalkPlan
from pullback_server.stored_files import StoredFile
from pullback_server.supervision import Health

_log = logging.getLogger(__name__)

# How long a call waits for a worker that can take it, and when it is worth to try again after that.
WORKER_SECONDS, AGAIN_SECONDS = 60.0, 5.0
# Of the calls that wait so.
MAX_WAITING_BYTES = 256 * 1024 * 1024
_LOOK_SECONDS = 0.05


class Executor:
    """The workers of this machine. All methods run on the event loop, and none holds it up.

    Searches have a worker of their own: their optimizers need no device and no torch, so they are there at once, and go
    on when the worker of a device has died.

    Args:
        devices: A worker of jobs each, and once those have gone on for a while another one of calls. `auto` is all
            GPUs, or the CPU where there is none: the first worker says how many there are.
        checkpoint_seconds: How much work of a job a crash can undo at most.
        log_level: Of the standard library's logging, in the workers.
        health: Where the workers are seen, as `worker-0`, `worker-0-calls`, `worker-1`, … and `searches`.
        memory: Bytes that a worker may take on its device; None for a share of what is free there.
    """

    def __init__(
        self,
        devices: list[str],
        *,
        checkpoint_seconds: float,
        log_level: int,
        health: Health,
        memory: int | None = None,
    ) -> None:
        self._settings = [
            Settings(device, checkpoint_seconds, log_level, memory, sharing=devices.count(device)) for device in devices
        ]
        self._of_searches = Settings(None, checkpoint_seconds, log_level)
        self._health = health
        self._keepers = Keepers(health)
        self._searches: Worker | None = None
        self._devices: list[Device] = []
        self._said: dict[str, Ready] = {}
        self._call_numbers = itertools.count(1)
        self._turns = itertools.count()
        self._waiting_bytes = 0
        self._stopping = False

    def start(self, listener: JobListener) -> None:
        """Starts the worker processes; they get ready while the server already answers."""
        self._searches = self._keepers.keep("searches", self._of_searches, NoJobs())
        for settings in self._settings:
            self._add(settings, listener)

    def _add(self, settings: Settings, listener: JobListener) -> None:
        def found(ready: Ready) -> None:
            # Said before the first one counts as well: until all of them are, the server does not serve.
            if settings.device == "auto" and not self._stopping:
                taken = {device.name for device in self._devices}
                for other in ready.devices:
                    if other not in taken:
                        self._add(replace(settings, device=other), listener)
            self._tell_differing(name, ready)

        name = f"worker-{len(self._devices)}"
        self._devices.append(Device(name, settings, self._health, listener, found))

    def _tell_differing(self, name: str, ready: Ready) -> None:
        """Says where devices of one model may take different memory: what one computes is not what another would."""
        self._said[name] = ready
        for other, said in self._said.items():
            if said.model == ready.model and (said.memory, said.given) != (ready.memory, ready.given):
                _log.warning(
                    "%s may take %s and %s %s, on devices of one model (%s): they cut their work differently, so "
                    "neither helps with the other's eigenbases and banks of starts. Give both as much with --memory",
                    other,
                    size_text(said.memory),
                    name,
                    size_text(ready.memory),
                    ready.model,
                )

    def occupations(self) -> list[Occupation]:
        """What every worker process has to do: that of searches, then those of each device."""
        workers = [self._searches, *(worker for device in self._devices for worker in (device.worker, device.calls))]
        return [occupation(worker) for worker in workers if worker is not None]

    def loads(self) -> list[Sequence[Load] | None]:
        """What every worker has to do; None for one that cannot take a job at the moment."""
        workers = [device.worker for device in self._devices]
        return [list(worker.jobs.values()) if worker.available else None for worker in workers]

    def assign(self, start: StartJob, worker: int) -> bool:
        """Gives a job to the worker of that number; false where that cannot take one."""
        device = self._devices[worker]
        if not device.worker.available:
            return False
        device.begin(start)
        return True

    def idle_beside(self, job: str) -> list[int]:
        """The workers with nothing to do that compute the same bits as the one that is at a job."""
        kinds = {device.worker.kind for device in self._devices if job in device.worker.jobs}
        return [
            number
            for number, device in enumerate(self._devices)
            if device.worker.available and not device.worker.jobs and device.worker.kind in kinds
        ]

    def tell(self, message: LendPart | TakePart) -> None:
        """Tells the worker that is at a job something of it, if there is one."""
        for device in self._devices:
            if message.job in device.worker.jobs:
                device.worker.tell(message)

    def cancel(self, job: str) -> None:
        """Stops a job before its next step, if a worker is at it."""
        for device in self._devices:
            if job in device.worker.jobs:
                device.worker.cancel(job)

    async def suspend(self, timeout: float) -> None:
        """Has every running job write a checkpoint and stop; waits for that at most `timeout` seconds.

        A worker that gives no signs of life is not waited for: its jobs go on from their last checkpoints.
        """
        busy = [device.worker for device in self._devices if device.worker.jobs]
        for worker in busy:
            worker.suspend()
        deadline = asyncio.get_running_loop().time() + timeout
        while asyncio.get_running_loop().time() < deadline:
            if not any(worker.jobs and worker.available for worker in busy):
                return
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Ends the worker processes; kills those that do not end by themselves within two seconds."""
        self._stopping = True
        stopping = [self._keepers.stop(EXIT_SECONDS), *(device.stop(EXIT_SECONDS) for device in self._devices)]
        await asyncio.gather(*stopping)

    async def sample(self, *, generator: str, space: str, count: int, seed: int) -> NDArray[np.float32]:
        """Draws latents from the prior, shape (count, dim)."""
        latents: NDArray[np.float32]
        latents = await self._value(Sample(next(self._call_numbers), generator, space, count, seed))
        return latents

    async def begin_search(
        self, *, generator: str, thread: bytes, eigenbasis: StoredFile | None, seed: int, count: int
    ) -> Evolved:
        """Makes the optimizer of a serialised `ThreadSpec` and asks it for its first latents."""
        call = BeginSearch(next(self._call_numbers), generator, thread, eigenbasis, seed, count)
        evolved: Evolved | PriorWanted = await self._value(call)
        if not isinstance(evolved, PriorWanted):
            return evolved
        space, drawn = evolved.space, None
        measured = await self._value(Measure(next(self._call_numbers), generator, space, evolved.class_label))
        if evolved.draws:
            drawn = await self.sample(generator=generator, space=space, count=evolved.draws, seed=seed)
        again = replace(call, call=next(self._call_numbers), measured=measured, drawn=drawn)
        begun: Evolved = await self._value(again)
        return begun

    async def evolve(
        self,
        *,
        state: bytes,
        latents: NDArray[np.float32],
        scores: NDArray[np.float64],
        variances: NDArray[np.float64] | None,
        ids: tuple[str, ...],
        count: int,
        constants: StoredFile | None,
        remake: Callable[[], Awaitable[None]],
    ) -> Evolved:
        """Tells an optimizer the scores of latents, shape (n, dim), and asks it for the next.

        Args:
            state: Its state.
            latents: The latents.
            scores: Their scores, shape (n,).
            variances: Variances of the scores, as `Evolve` has them.
            ids: Their images' ids.
            count: For how many latents to ask.
            constants: The file of what the state leaves out, which the worker reads where it has not met it yet.
            remake: Writes that file again, where it is missing or damaged.
        """
        call = Evolve(next(self._call_numbers), state, latents, scores, variances, ids, count, constants)
        evolved: Evolved | ConstantsWanted = await self._value(call)
        if isinstance(evolved, ConstantsWanted):
            await remake()
            evolved = await self._value(replace(call, call=next(self._call_numbers)))
        if isinstance(evolved, ConstantsWanted):
            raise ApiError(
                grpc.StatusCode.DATA_LOSS,
                "a file of this search was written again and is damaged again; see to the server's disk, and go on",
            )
        return evolved

    async def render(
        self,
        *,
        generator: str,
        space: str,
        latents: NDArray[np.float32],
        image_format: str,
        presentation: Presentation = AS_DRAWN,
        tuning: StoredFile | None = None,
        noise_maps: tuple[NDArray[np.float32], ...] = (),
    ) -> AsyncIterator[Rendered]:
        """Renders latents, shape (n, dim), image by image, with tuned weights where there are some."""
        number = next(self._call_numbers)
        call = Render(number, generator, space, latents, image_format, presentation, tuning, noise_maps)
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
        """A worker that can take a call; waits for one where there is none.

        Of the devices, the least busy one; those that are equally busy take turns.

        Raises:
            ApiError: UNAVAILABLE where that takes too long, or too much waits already; says when to try again.
        """
        size = weight(call)
        if self._waiting_bytes and self._waiting_bytes + size > MAX_WAITING_BYTES:
            raise self._no_worker(call, "too many calls wait already")
        self._waiting_bytes += size
        try:
            deadline = asyncio.get_running_loop().time() + WORKER_SECONDS
            while True:
                if (worker := self._answering(call)) is not None:
                    return worker
                if asyncio.get_running_loop().time() >= deadline:
                    raise self._no_worker(call, f"none was there within {WORKER_SECONDS:.0f} s")
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self._waiting_bytes -= size

    def _answering(self, call: Call) -> Worker | None:
        """The worker that takes a call now; None where none can."""
        if isinstance(call, BeginSearch | Evolve):
            return next((worker for worker in self._workers_of(call) if worker.available), None)
        first = next(self._turns) % len(self._devices) if self._devices else 0
        in_turn = self._devices[first:] + self._devices[:first]
        there = [device for device in in_turn if device.answering() is not None]
        return min(there, key=lambda device: device.busy).answering() if there else None

    def _workers_of(self, call: Call) -> list[Worker]:
        """The workers for such calls, whether they can take any or not."""
        if isinstance(call, BeginSearch | Evolve):
            return [] if self._searches is None else [self._searches]
        return [device.worker for device in self._devices]

    def _no_worker(self, call: Call, reason: str) -> ApiError:
        troubles = "; ".join(f"{worker.place}: {worker.trouble}" for worker in self._workers_of(call))
        again = f"try again in {AGAIN_SECONDS:.0f} s"
        return unavailable(f"no worker can take the call ({troubles}), and {reason}; {again}", AGAIN_SECONDS)


def _api_error(failure: Failure) -> ApiError:
    code = next(code for code in grpc.StatusCode if code.value[0] == failure.code)
    return ApiError(code, failure.message)
