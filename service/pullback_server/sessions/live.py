"""Live session, one that clients are at: its lock, its optimizers, its images, and those who wait for it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeVar

import grpc

from pullback_api.v1 import search_pb2, values_pb2
from pullback_server.access import Access
from pullback_server.damage import decoded, decoding
from pullback_server.error_texts import unforeseen
from pullback_server.errors import ApiError, failed_precondition, unavailable
from pullback_server.executor import Executor
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.names import session_name
from pullback_server.sessions.audience import Audience, wait_for
from pullback_server.sessions.decisions.ask import candidates
from pullback_server.sessions.decisions.balance import in_step
from pullback_server.sessions.decisions.journal import Journal
from pullback_server.sessions.decisions.leases import LeaseClock
from pullback_server.sessions.evolution import Evolver, OtherVersionError, Proposal
from pullback_server.sessions.latents import Latents
from pullback_server.sessions.pictures import ImageCache, Pictures
from pullback_server.sessions.provision import Provision
from pullback_server.sessions.records import change_of
from pullback_server.sessions.resources import event_message
from pullback_server.sessions.state.codec import read_event
from pullback_server.sessions.state.events import (
    EigenbasisProvided,
    Entry,
    GenerationOpened,
    SessionState,
    ThreadFailed,
)
from pullback_server.sessions.state.session import Session
from pullback_server.sessions.watched import count
from pullback_server.store import SessionEventRecord, SessionRecord, Store
from pullback_server.transactions import StoreUnavailableError
from pullback_server.watching.context import note
from pullback_server.watching.metrics import Metrics

RETRY_SECONDS = 2.0
WORKER_SECONDS = 0.2
# A worker may die of anything; at this the optimizer is to blame.
MAX_DEATHS = 10

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Means:
    """What all sessions share."""

    store: Store
    scheduler: Scheduler
    executor: Executor
    cache: ImageCache
    access: Access
    metrics: Metrics


class LiveSession:
    """One session. Lives on the event loop; whatever changes it goes through `change`, one at a time.

    Attributes:
        id: Its identifier.
        users: How many are at it now.
        left: When the last of them went, by the monotonic clock.
        spec: What it was asked to be.
        latents: Its latents.
        pictures: Its images.
        leases: How long its trials are their askers' yet.
    """

    def __init__(self, record: SessionRecord, means: Means) -> None:
        self.id = record.id
        self.users = 0
        self.left = time.monotonic()
        self.spec = decoded(session_name(record.id), search_pb2.SessionSpec, record.spec)
        self._means = means
        self.leases = LeaseClock(self.spec.lease.ToTimedelta())
        self.latents = Latents(means.store, means.scheduler, self._remake_latents)
        self.pictures = Pictures(
            self.id,
            self.spec,
            latents=self.latents,
            cache=means.cache,
            executor=means.executor,
            store=means.store,
            scheduler=means.scheduler,
            on_ready=self._on_image,
        )
        self._provision = Provision(means.store, means.scheduler)
        self._evolver = Evolver(self.latents, means.executor, means.store, means.scheduler)
        self._session: Session | None = None
        self._lock = asyncio.Lock()
        self._audience = Audience()
        # What is being written is awaited when the server ends, what is being made is not.
        self._changes: set[asyncio.Task[Any]] = set()
        self._evolving: dict[int, asyncio.Task[None]] = {}
        # In no log: a server of the right version goes on with these threads, and this one finds out anew.
        self._blocked: dict[int, str] = {}
        self._closing = False

    @property
    def idle(self) -> bool:
        """Whether nobody is at it, nothing is being made for it, and its log says all that is known of it."""
        return not (self.users or self._changes or self._evolving or self._blocked or self.pictures.busy)

    @property
    def closed(self) -> bool:
        """Whether it is in memory, and is closed: nothing will happen to it any more."""
        return self._session is not None and self._session.state == SessionState.CLOSED

    @property
    def blocked(self) -> Mapping[int, str]:
        """The threads that wait for a server of another version, each with what there is to do about it."""
        return self._blocked

    def image_path(self, image_id: str) -> str:
        """Path of an image over HTTP."""
        return self._means.access.image_path(self.id, image_id)

    def check_not_blocked(self, session: Session, threads: Collection[int]) -> None:
        """Refuses to ask threads, empty = all, of which this server can go on with none.

        Raises:
            ApiError: FAILED_PRECONDITION where some of them wait for another version, and the others have ended, or are
                kept in step with them.
        """
        asked = [thread.number for thread in session.threads if not threads or thread.number in threads]
        left = [number for number in asked if not session.finished([number])]
        if left and self._blocked.keys() >= set(left):
            raise failed_precondition(self._blocked[left[0]])
        # The others would wait for it for ever.
        if waited := [thread.number for thread in in_step(session) if thread.number in self._blocked]:
            raise failed_precondition(self._blocked[waited[0]])

    # Reading and changing --------------------------------------------------------------------------------------

    async def read(self, view: Callable[[Session], T]) -> T:
        """What `view` finds in the session as it is on disk."""
        async with self._lock:
            return view(await self._loaded())

    async def change(self, decide: Callable[[Journal], T]) -> T:
        """Lets `decide` change the session; what it notes is on disk when this returns, all of it or nothing.

        A caller who goes away in the middle changes nothing about that.
        """
        task = asyncio.create_task(self._change(decide))
        self._changes.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def _change(self, decide: Callable[[Journal], T], files: Sequence[bytes] = ()) -> T:
        async with self._lock:
            journal = Journal(await self._loaded(), datetime.now(timezone.utc))
            try:
                result = decide(journal)
                if journal.entries:
                    change = change_of(self.id, journal)
                    await self._means.scheduler.in_store(self._means.store.sessions.append, self.id, change, files)
            except BaseException:
                if journal.entries:
                    # It is ahead of its log; the log is right.
                    self._session = None
                raise
            if journal.entries:
                self._follow(journal)
        return result

    async def _loaded(self) -> Session:
        if self._session is None:
            events = await self._means.scheduler.in_store(self._means.store.sessions.events, self.id)
            # A long log takes a while to read.
            self._session = await asyncio.to_thread(self._added_up, events)
            self.leases.load(self._session, time.monotonic())
            self.want(self._session, [candidate.image_id for candidate in candidates(self._session)])
            self._tend(self._session)
        return self._session

    def _added_up(self, events: Sequence[SessionEventRecord]) -> Session:
        with decoding(session_name(self.id)):
            return Session(self.spec, map(_entry, events))

    # What goes on by itself ------------------------------------------------------------------------------------

    async def wake(self) -> None:
        """Has the session go on with what it was at when the server ended."""
        await self.read(lambda _session: None)

    async def stop(self) -> None:
        """Ends what is being made, after what is being written; who waits is told."""
        self._closing = True
        self._audience.notify()
        async with self._lock:
            for task in self._evolving.values():
                task.cancel()
        await asyncio.gather(*self._evolving.values(), *self._changes, self.pictures.stop(), return_exceptions=True)

    def _follow(self, journal: Journal) -> None:
        self.leases.follow(journal.session, [entry.event for entry in journal.entries], time.monotonic())
        count(self._means.metrics, self.spec, [entry.event for entry in journal.entries])
        for entry in journal.entries:
            if isinstance(entry.event, GenerationOpened):
                self.want(journal.session, [image.image_id for image in entry.event.images])
        self._tend(journal.session)
        self._audience.notify()

    def _tend(self, session: Session) -> None:
        """Sets going what the session waits for."""
        if self._closing:
            return
        waiting = {thread.number for thread in session.evolving}
        self._blocked = {number: why for number, why in self._blocked.items() if number in waiting}
        for thread in session.evolving:
            if thread.number not in self._evolving and thread.number not in self._blocked:
                self._evolving[thread.number] = asyncio.create_task(self._evolve(thread.number))

    def want(self, session: Session, image_ids: list[str]) -> None:
        """Has images rendered ahead; what hinders that is told to those who ask for them."""
        if self._closing or session.state == SessionState.CLOSED:
            return
        try:
            self.pictures.want(session, [*image_ids, *session.references])
        except ApiError as error:
            _log.warning("images of session %s cannot be made: %s", self.id, error.message)

    async def _evolve(self, number: int) -> None:
        """Makes a thread's next generation, or finds out why there cannot be one."""
        note(session=self.id)
        try:
            if not await self._insist(lambda: self._see_to_eigenbasis(number)):
                return
            proposal = await self._propose(number)
            await self._insist(lambda: self._open(proposal))
        except OtherVersionError as error:
            _log.error("session %s: %s", self.id, error.message)
            self._blocked[number] = error.message
            self._audience.notify()
        except ApiError as error:
            failed = ThreadFailed(number, error.code.value[0], error.message)
            await self._insist(lambda: self._fail(failed))
        except Exception as error:
            reason = unforeseen()
            _log.error("thread %d of session %s cannot go on: %s", number, self.id, reason, exc_info=error)
            failed = ThreadFailed(number, grpc.StatusCode.INTERNAL.value[0], reason)
            await self._insist(lambda: self._fail(failed))
        finally:
            del self._evolving[number]
            # The generation may be closed already: another one is to be made then.
            if self._session is not None:
                self._tend(self._session)

    async def _propose(self, number: int) -> Proposal:
        session = await self._insist(lambda: self.read(lambda session: session))
        deaths = 0
        while True:
            await self._wait_for_worker()
            try:
                # The thread stands still meanwhile: whatever happens to the others is not looked at.
                return await self._insist(lambda: self._evolver.propose(session, number))
            except ApiError as error:
                deaths += 1
                if error.code != grpc.StatusCode.UNAVAILABLE or deaths == MAX_DEATHS:
                    raise
                _log.warning("session %s: %s; the generation is made again", self.id, error.message)
                await asyncio.sleep(WORKER_SECONDS)

    async def _see_to_eigenbasis(self, number: int) -> bool:
        """Waits for the eigenbasis of a thread's first generation where it is still to come, and notes which it is.

        Returns:
            Whether it is there, or none is needed; not where the session was closed meanwhile.
        """
        job = await self.read(lambda session: session.threads[number].awaited)
        if not job:
            return True
        digest = await self._provision.awaited(job)

        def decide(journal: Journal) -> bool:
            wanted = journal.session.threads[number] in journal.session.evolving
            journal.add([EigenbasisProvided(number, digest)] if wanted else [])
            return wanted

        return await self._change(decide)

    async def _remake_latents(self, opened: GenerationOpened) -> bytes:
        return await self._evolver.remake_latents(await self.read(lambda session: session), opened)

    async def _wait_for_worker(self) -> None:
        """Waits until there is a worker: one that cannot start, for want of memory, says nothing of an optimizer."""
        while all(load is None for load in self._means.executor.loads()):
            await asyncio.sleep(WORKER_SECONDS)

    async def _insist(self, attempt: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Reads or writes something; while the store cannot be used, waits rather than give up."""
        while True:
            try:
                return await attempt()
            except StoreUnavailableError as error:
                _log.warning("session %s: %s; trying again in %.0f s", self.id, error.message, RETRY_SECONDS)
                await asyncio.sleep(RETRY_SECONDS)

    async def _open(self, proposal: Proposal) -> None:
        def decide(journal: Journal) -> None:
            if journal.session.threads[proposal.opened.thread] in journal.session.evolving:
                journal.add([proposal.opened])

        await self._change(decide, files=proposal.files)

    async def _fail(self, failed: ThreadFailed) -> None:
        def decide(journal: Journal) -> None:
            if journal.session.threads[failed.thread] in journal.session.evolving:
                journal.add([failed])
                # Nobody waits for it any more.
                journal.settle()

        await self._change(decide)

    # Who waits -------------------------------------------------------------------------------------------------

    @property
    def changed(self) -> asyncio.Event:
        """Is set when something happens to the session or an image is finished; look first, then wait for this."""
        return self._audience.changed

    async def image(self, image_id: str, timeout: float) -> values_pb2.Image | None:
        """An image of the session, made where it is not at hand; None where that takes longer than `timeout` seconds.

        Raises:
            ApiError: It cannot be made.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            changed = self.changed
            if (found := self.pictures.get(image_id)) is not None:
                return found
            await self.read(lambda session: self.pictures.want(session, [image_id]))
            if (remaining := deadline - loop.time()) <= 0:
                return None
            await wait_for(changed, remaining)

    async def watch(self, after: int) -> AsyncIterator[search_pb2.SessionEvent]:
        """The events that follow number `after`, first those of the log, then as they happen."""
        with self._audience.listening() as listener:
            while True:
                found = await self._means.scheduler.in_store(self._means.store.sessions.events, self.id, after, 1000)
                for each in found:
                    after = each.sequence
                    with decoding(session_name(self.id)):
                        entry = _entry(each)
                    yield await self.read(partial(event_message, entry))
                if found:
                    continue
                state, last = await self.read(lambda session: (session.state, session.sequence))
                if state == SessionState.CLOSED and after >= last:
                    return
                if self._closing:
                    name = session_name(self.id)
                    raise unavailable(f"the server is shutting down; {name} goes on when it is back, watch it then")
                if (live := await listener.get()) is not None:
                    yield live

    def _on_image(self, image_id: str) -> None:
        message = search_pb2.SessionEvent(image_ready=image_id)
        message.time.FromDatetime(datetime.now(timezone.utc))
        self._audience.notify(message)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._changes.discard(task)
        # The one who waited may have gone away; nobody else looks at the error.
        if not task.cancelled():
            task.exception()


def _entry(record: SessionEventRecord) -> Entry:
    return Entry(record.sequence, record.time, read_event(record.kind, record.payload))
