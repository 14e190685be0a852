"""Evolution of a thread: its optimizer is told of a generation, and asked for the next one."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import grpc
import numpy as np
from numpy.typing import NDArray

from pullback_server.damage import DataLossError
from pullback_server.errors import ApiError
from pullback_server.executor import Executor
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.names import parse_generator
from pullback_server.protocol.calls import Evolved
from pullback_server.sessions.latents import Latents, read_latents, write_latents
from pullback_server.sessions.pictures import CARRIED
from pullback_server.sessions.state.events import GenerationOpened, NewImage
from pullback_server.sessions.state.session import Session, image_id_of
from pullback_server.sessions.state.thread import ClosedGeneration, Thread
from pullback_server.store import Store
from pullback_server.stored_files import StoredFile

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Proposal:
    """A thread's next generation, not yet written down.

    Attributes:
        opened: The event that opens it.
        latents: The file of its latents.
        optimizer: The optimizer's state that waits for its scores.
        constants: What that state leaves out, where it is not kept yet; else empty.
    """

    opened: GenerationOpened
    latents: bytes
    optimizer: bytes
    constants: bytes = b""

    @property
    def files(self) -> tuple[bytes, ...]:
        """What is to be kept."""
        return (self.latents, self.optimizer, self.constants) if self.constants else (self.latents, self.optimizer)


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
            ApiError: UNAVAILABLE where the worker died; DATA_LOSS where a file is missing or damaged and cannot be made
                again; whatever the optimizer raises.
        """
        thread = session.threads[number]
        if not thread.closed:
            return await self._first(session, thread)
        last = thread.closed[-1]
        latents = await self._latents.of(last.opened)
        state = await self._state(session, thread, last.opened)
        return await self._next(session, thread, last, latents, state, last.opened.constants)

    async def remake_latents(self, session: Session, opened: GenerationOpened) -> bytes:
        """The file of a generation's latents, made again from the log.

        Raises:
            ApiError: DATA_LOSS where something else comes of it now, or a file is missing that it needs.
        """
        made = await self._remade(session, session.threads[opened.thread], opened.generation)
        _check_same(opened, made.opened.latents, opened.latents)
        return made.latents

    async def _state(self, session: Session, thread: Thread, opened: GenerationOpened) -> bytes:
        """The optimizer's state that waits for the scores of a generation; made again from the log where it is lost."""
        try:
            return await self._scheduler.in_store(self._store.blobs.read, opened.optimizer)
        except DataLossError:
            made = await self._remade(session, thread, opened.generation)
        _check_same(opened, made.opened.optimizer, opened.optimizer)
        for data in made.files[1:]:
            await self._scheduler.in_store(self._store.blobs.write, data)
        return made.optimizer

    async def _remake_constants(self, session: Session, thread: Thread, opened: GenerationOpened, digest: str) -> None:
        """Makes the file of what the state of a generation leaves out again, from the eigenbasis."""
        begun = await self._begin(session, thread)
        _check_same(opened, begun.digest, digest)
        await self._scheduler.in_store(self._store.blobs.write, begun.constants)

    async def _remade(self, session: Session, thread: Thread, generation: int) -> Proposal:
        """A generation of the log, made again: from the one before it if that is whole, else from the beginning."""
        _log.warning("generation %d of thread %d is made again from the session's log", generation, thread.number)
        at = max(0, generation - 1)
        made = await self._stored(thread.opened(at)) if at < generation else None
        if made is None:
            at, made = 0, await self._first(session, thread)
        while at < generation:
            latents = read_latents(made.latents, made.opened)
            constants = made.opened.constants
            made = await self._next(session, thread, thread.closed[at], latents, made.optimizer, constants)
            at += 1
        return made

    async def _stored(self, opened: GenerationOpened) -> Proposal | None:
        """A generation as its files have it; None where one of them is missing or damaged."""
        for digest in (opened.latents, opened.optimizer):
            if not await self._scheduler.in_store(self._store.blobs.holds, digest):
                return None
        latents = await self._scheduler.in_store(self._store.blobs.read, opened.latents)
        return Proposal(opened, latents, await self._scheduler.in_store(self._store.blobs.read, opened.optimizer))

    async def _next(
        self,
        session: Session,
        thread: Thread,
        last: ClosedGeneration,
        latents: NDArray[np.float32],
        state: bytes,
        constants: str,
    ) -> Proposal:
        """The generation after a closed one.

        Args:
            session: The session.
            thread: The thread.
            last: The closed generation.
            latents: Its latents, shape (images, dim).
            state: The optimizer's state that waits for its scores.
            constants: Digest of what that state leaves out; empty where it is whole by itself.
        """
        rows = {image.image_id: row for row, image in enumerate(last.opened.images)}
        scores, carried = last.closed.scores, last.closed.carried
        variances = np.array([np.nan if each.variance is None else each.variance for each in scores])
        try:
            evolved = await self._executor.evolve(
                state=state,
                latents=latents[[rows[each.image_id] for each in scores]],
                scores=np.array([each.score for each in scores]),
                variances=None if np.isnan(variances).all() else variances,
                ids=tuple(each.image_id for each in scores),
                # What is carried over takes places of the next generation, but never all.
                count=max(1, thread.spec.optimizer.population - len(carried)),
                constants=self._file(constants),
                remake=lambda: self._remake_constants(session, thread, last.opened, constants),
            )
        except ApiError as error:
            # Of an optimizer that has begun, nothing else than its state can stand in the way.
            if error.code == grpc.StatusCode.FAILED_PRECONDITION:
                raise OtherVersionError(thread.number, error.message) from error
            raise
        over = [last.opened.images[rows[name]] for name in carried]
        return _proposal(thread, _next_number(last), evolved, over, latents[[rows[name] for name in carried]])

    def _file(self, digest: str) -> StoredFile | None:
        return self._store.blobs.file(digest) if digest else None

    async def _first(self, session: Session, thread: Thread) -> Proposal:
        return _proposal(thread, 0, await self._begin(session, thread), (), np.empty((0, 0), np.float32))

    async def _begin(self, session: Session, thread: Thread) -> Evolved:
        initial = thread.spec.initial_latents.shape[0] if thread.spec.HasField("initial_latents") else 0
        return await self._executor.begin_search(
            generator=parse_generator(thread.spec.generator, "generator"),
            thread=thread.spec.SerializeToString(),
            eigenbasis=self._file(thread.eigenbasis),
            seed=seed_of(session.spec.seed, thread.number),
            count=max(thread.spec.optimizer.population, initial),
        )


def _check_same(opened: GenerationOpened, made: str, wanted: str) -> None:
    """Refuses what was made again and has another digest than it had."""
    if made != wanted:
        raise ApiError(
            grpc.StatusCode.DATA_LOSS,
            f"a file of generation {opened.generation} of thread {opened.thread} is missing or damaged, and what its "
            "log makes today is not the same: another version of Pullback, or another machine, made it. Put the "
            "server's file back from a backup, or begin a new session",
        )


def seed_of(seed: int, thread: int) -> int:
    """The seed of a thread's optimizer, 0 to 2³¹ − 1: another one for each thread of a session."""
    digest = hashlib.sha256(f"{seed} {thread}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _next_number(last: ClosedGeneration) -> int:
    return last.opened.generation + 1


def _proposal(
    thread: Thread, generation: int, evolved: Evolved, carried: Sequence[NewImage], carried_latents: np.ndarray
) -> Proposal:
    images = [
        NewImage(image_id_of(thread.number, generation, row), kind, parents, far)
        for row, ((kind, parents), far) in enumerate(zip(evolved.origins, evolved.far, strict=True))
    ]
    images += [replace(image, kind=CARRIED, parents=()) for image in carried]
    latents = np.concatenate([evolved.latents, carried_latents]) if len(carried) else evolved.latents
    data, optimizer = write_latents(latents), evolved.state
    opened = GenerationOpened(
        thread=thread.number,
        generation=generation,
        images=tuple(images),
        latents=_digest(data),
        optimizer=_digest(optimizer),
        constants=evolved.digest,
    )
    return Proposal(opened, data, optimizer, evolved.constants)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
