"""What an optimizer is told and asked for a thread's next generation, and what comes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import grpc
import numpy as np

from pullback_server.errors import ApiError
from pullback_server.executor import Executor
from pullback_server.names import parse_generator
from pullback_server.scheduler import Scheduler
from pullback_server.sessions.events import GenerationOpened, NewImage
from pullback_server.sessions.latents import Latents, write_latents
from pullback_server.sessions.pictures import CARRIED
from pullback_server.sessions.session import Session, image_id_of
from pullback_server.sessions.thread import ClosedGeneration, Thread
from pullback_server.store import Store
from pullback_server.worker.messages import Evolved


@dataclass(frozen=True)
class Proposal:
    """A thread's next generation, not yet written down.

    Attributes:
        opened: The event that opens it.
        latents: The file of its latents.
        optimizer: The optimizer's state that waits for its scores.
    """

    opened: GenerationOpened
    latents: bytes
    optimizer: bytes


class OtherVersionError(ApiError):
    """A thread waits for a server of another version: this one cannot read its optimizer's state."""

    def __init__(self, thread: int, reason: str) -> None:
        super().__init__(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"thread {thread} waits for another version of Pullback: {reason}. Nothing is lost: run the server of the "
            "version that wrote it, and the thread goes on; or begin a new session with its best latents as "
            "initial_latents",
        )


class Evolver:
    """Makes generations, each a function of the log alone: made again after a crash, it is the same bit for bit."""

    def __init__(self, latents: Latents, executor: Executor, store: Store, scheduler: Scheduler) -> None:
        self._latents = latents
        self._executor = executor
        self._store = store
        self._scheduler = scheduler

    async def propose(self, session: Session, number: int) -> Proposal:
        """The next generation of a thread that is to make one.

        Raises:
            OtherVersionError: Another version wrote the optimizer's state.
            ApiError: UNAVAILABLE where the worker died; DATA_LOSS where a file is missing or damaged; whatever the
                optimizer raises.
        """
        thread = session.threads[number]
        if not thread.closed:
            return _proposal(thread, 0, await self._begin(session, thread), (), np.empty((0, 0), np.float32))
        last = thread.closed[-1]
        latents = await self._latents.of(last.opened)
        rows = {image.image_id: row for row, image in enumerate(last.opened.images)}
        scores, carried = last.closed.scores, last.closed.carried
        variances = np.array([np.nan if each.variance is None else each.variance for each in scores])
        state = await self._scheduler.in_store(self._store.blobs.read, last.opened.optimizer)
        try:
            evolved = await self._executor.evolve(
                state=state,
                latents=latents[[rows[each.image_id] for each in scores]],
                scores=np.array([each.score for each in scores]),
                variances=None if np.isnan(variances).all() else variances,
                ids=tuple(each.image_id for each in scores),
                # What is carried over takes places of the next generation, but never all.
                count=max(1, thread.spec.optimizer.population - len(carried)),
            )
        except ApiError as error:
            # Of an optimizer that has begun, nothing else than its state can stand in the way.
            if error.code == grpc.StatusCode.FAILED_PRECONDITION:
                raise OtherVersionError(number, error.message) from error
            raise
        return _proposal(thread, _next_number(last), evolved, carried, latents[[rows[name] for name in carried]])

    async def _begin(self, session: Session, thread: Thread) -> Evolved:
        digest = session.began.eigenbases[thread.number] if session.began is not None else ""
        initial = thread.spec.initial_latents.shape[0] if thread.spec.HasField("initial_latents") else 0
        return await self._executor.begin_search(
            generator=parse_generator(thread.spec.generator, "generator"),
            thread=thread.spec.SerializeToString(),
            eigenbasis=await self._scheduler.in_store(self._store.blobs.read, digest) if digest else b"",
            seed=seed_of(session.spec.seed, thread.number),
            count=max(thread.spec.optimizer.population, initial),
        )


def seed_of(seed: int, thread: int) -> int:
    """The seed of a thread's optimizer, 0 to 2³¹ − 1: another one for each thread of a session."""
    digest = hashlib.sha256(f"{seed} {thread}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _next_number(last: ClosedGeneration) -> int:
    return last.opened.generation + 1


def _proposal(
    thread: Thread, generation: int, evolved: Evolved, carried: Sequence[str], carried_latents: np.ndarray
) -> Proposal:
    images = [
        NewImage(image_id_of(thread.number, generation, row), kind, parents)
        for row, (kind, parents) in enumerate(evolved.origins)
    ]
    images += [NewImage(name, CARRIED) for name in carried]
    latents = np.concatenate([evolved.latents, carried_latents]) if len(carried) else evolved.latents
    data, optimizer = write_latents(latents), evolved.state
    opened = GenerationOpened(
        thread=thread.number,
        generation=generation,
        images=tuple(images),
        latents=_digest(data),
        optimizer=_digest(optimizer),
    )
    return Proposal(opened, data, optimizer)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
