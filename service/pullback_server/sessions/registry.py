"""Registry of all sessions: those that somebody is at in memory, the others on disk."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timezone

from google.protobuf.message import DecodeError

from pullback_api.v1 import search_pb2
from pullback_server.access import Access, Ownership, identity
from pullback_server.advice import CLOSE_SESSION, LIST_SESSIONS
from pullback_server.damage import DataLossError, decoded
from pullback_server.errors import ApiError, failed_precondition, not_found
from pullback_server.executor import Executor
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.keeping.collection import collect
from pullback_server.names import new_id, session_name
from pullback_server.sessions.decisions.journal import Journal
from pullback_server.sessions.live import RETRY_SECONDS, LiveSession, Means
from pullback_server.sessions.pictures import ImageCache
from pullback_server.sessions.records import change_of
from pullback_server.sessions.resources import mark_blocked, session_message
from pullback_server.sessions.state.events import Began, SessionState
from pullback_server.sessions.state.session import Session
from pullback_server.store import NotEndedError, SessionRecord, Store, UnreadableError
from pullback_server.transactions import StoreUnavailableError
from pullback_server.watching.context import note
from pullback_server.watching.metrics import Metrics

# Sessions in memory; those that nobody has been at for longest are dropped first.
MAX_LIVE = 128
# Nobody comes back to most of those that are closed. How long they are kept, and how often it is looked.
CLOSED_SECONDS, LOOK_SECONDS = 60.0, 5.0

_log = logging.getLogger(__name__)


class SessionRegistry:
    """Finds sessions, and creates them. Lives on the event loop."""

    def __init__(
        self, store: Store, scheduler: Scheduler, executor: Executor, access: Access, metrics: Metrics | None = None
    ) -> None:
        self._store = store
        self._scheduler = scheduler
        self._ownership = Ownership(store, scheduler.in_store)
        self._means = Means(store, scheduler, executor, ImageCache(), access, metrics or Metrics())
        self._live: OrderedDict[str, LiveSession] = OrderedDict()
        self._looked = time.monotonic()
        self._waking: asyncio.Task[None] | None = None

    @property
    def in_memory(self) -> int:
        """How many sessions are in memory."""
        return len(self._live)

    async def start(self) -> None:
        """Has the sessions go on whose optimizers were at work when an earlier server ended."""
        evolving = await self._scheduler.in_store(self._store.sessions.evolving)
        self._waking = asyncio.create_task(self._wake(evolving))

    async def stop(self) -> None:
        """Ends what the sessions are at; all that was acknowledged is on disk."""
        if self._waking is not None:
            self._waking.cancel()
            await asyncio.gather(self._waking, return_exceptions=True)
        await asyncio.gather(*(live.stop() for live in self._live.values()))

    async def create(
        self,
        *,
        request_id: str,
        content: bytes,
        spec: search_pb2.SessionSpec,
        began: Began,
        files: Sequence[bytes] = (),
    ) -> SessionRecord:
        """Begins a session, or returns the one that an earlier request of that `request_id` began.

        Raises:
            RequestConflictError: `request_id` was used for another request.
            ApiError: RESOURCE_EXHAUSTED where the disk is full.
        """
        await self._scheduler.usage.check_session(len(content))
        journal = Journal(Session(spec), datetime.now(timezone.utc))
        journal.add([began])
        digest, owner = hashlib.sha256(content).hexdigest(), identity().key

        def accept() -> tuple[SessionRecord | None, bool]:
            # Runs in the store's thread, so that nothing comes between its steps.
            if request_id and (known := self._store.sessions.repeated(request_id, digest, owner)) is not None:
                return known, False
            session_id = new_id(self._store.sessions.has)
            self._store.sessions.create(
                session_id,
                request_id=request_id or None,
                request_digest=digest,
                title=spec.title,
                spec=spec.SerializeToString(),
                change=change_of(session_id, journal),
                files=files,
                owner=owner,
            )
            return self._store.sessions.record(session_id), True

        record, new = await self._scheduler.in_store(accept)
        if record is None:
            raise not_found("the session that was just created is gone")
        if new:
            # Its first generations are made at once.
            async with self.using(record.id) as live:
                await live.wake()
        return record

    async def repeated(self, request_id: str, content: bytes) -> SessionRecord | None:
        """The session of an earlier request of that `request_id`, if any.

        Raises:
            RequestConflictError: It was used for another request.
        """
        digest = hashlib.sha256(content).hexdigest()
        return await self._scheduler.in_store(self._store.sessions.repeated, request_id, digest, identity().key)

    async def records(
        self, *, limit: int, before: int | None, states: Collection[int], match: str
    ) -> list[tuple[int, SessionRecord | UnreadableError]]:
        """Those sessions that the caller sees with their numbers, newest first: see `SessionStore.records`."""
        return await self._scheduler.in_store(
            self._store.sessions.records,
            limit=limit,
            before=before,
            states=states,
            match=match,
            seen=identity().seen_by,
        )

    async def record(self, session_id: str) -> SessionRecord:
        """A session as it stands on disk, if the caller sees it.

        Raises:
            ApiError: NOT_FOUND.
        """
        await self._ownership.session(session_id, no_session(session_id))
        record = await self._scheduler.in_store(self._store.sessions.record, session_id)
        if record is None:
            raise no_session(session_id)
        return record

    async def check_own(self, session_id: str) -> None:
        """Refuses to change a session that is another's.

        Raises:
            ApiError: NOT_FOUND where the caller does not see it, PERMISSION_DENIED.
        """
        await self._ownership.session(session_id, no_session(session_id), own=True)

    async def resource(self, record: SessionRecord | UnreadableError) -> search_pb2.Session:
        """The resource of a session; what is damaged of it and follows from its log is taken from there.

        Raises:
            DataLossError: Its row or specification is damaged, or what else is and its log too.
        """
        if isinstance(record, UnreadableError):
            raise DataLossError(record)
        spec = decoded(session_name(record.id), search_pb2.SessionSpec, record.spec)
        try:
            session = search_pb2.Session.FromString(record.summary)
        except (DecodeError, TypeError):
            async with self.using(record.id) as live:
                session = await live.read(lambda found: session_message(record.id, found))
        session.spec.CopyFrom(spec)
        mark_blocked(session.threads, self.blocked(record.id))
        return session

    async def delete(self, session_id: str) -> None:
        """Deletes a session that is closed, or that cannot be read.

        Raises:
            ApiError: NOT_FOUND; FAILED_PRECONDITION where it is not closed.
        """
        if not await self._scheduler.in_store(self._store.sessions.has, session_id):
            raise no_session(session_id)
        try:
            files = await self._scheduler.in_store(
                self._store.deletion.session, session_id, closed=[SessionState.CLOSED]
            )
        except NotEndedError as error:
            raise failed_precondition(f"{error}; {CLOSE_SESSION}") from None
        if (live := self._live.pop(session_id, None)) is not None:
            await live.stop()
        self._means.cache.forget(session_id)
        await collect(self._store, self._scheduler, files)

    def blocked(self, session_id: str) -> Mapping[int, str]:
        """The session's threads that wait for a server of another version, as far as is known, each with the reason."""
        live = self._live.get(session_id)
        return {} if live is None else live.blocked

    @asynccontextmanager
    async def using(self, session_id: str) -> AsyncIterator[LiveSession]:
        """A session to work with, if the caller sees it, of which there is one as long as anybody does.

        Raises:
            ApiError: NOT_FOUND.
        """
        live = await self._find(session_id)
        live.users += 1
        try:
            note(session=session_id)
            yield live
        finally:
            live.users -= 1
            live.left = time.monotonic()

    async def _find(self, session_id: str) -> LiveSession:
        await self._ownership.session(session_id, no_session(session_id))
        if session_id not in self._live:
            record = await self.record(session_id)
            # Another request may have found it meanwhile.
            self._live.setdefault(session_id, LiveSession(record, self._means))
        self._live.move_to_end(session_id)
        found = self._live[session_id]
        if len(self._live) > MAX_LIVE or time.monotonic() >= self._looked + LOOK_SECONDS:
            self._drop_idle(found)
        return found

    def _drop_idle(self, kept: LiveSession) -> None:
        """Forgets sessions that nobody is at: too many, and closed ones; their logs say all that was known of them."""
        self._looked = time.monotonic()
        for name, live in tuple(self._live.items()):
            if not live.idle or live is kept:
                continue
            over = live.closed and self._looked >= live.left + CLOSED_SECONDS
            if over or len(self._live) > MAX_LIVE:
                del self._live[name]
            if over:
                self._means.cache.forget(name)

    async def _wake(self, session_ids: list[str]) -> None:
        waiting = deque(session_ids)
        while waiting:
            session_id = waiting.popleft()
            try:
                async with self.using(session_id) as live:
                    await live.wake()
            except StoreUnavailableError as error:
                _log.warning("session %s waits: %s", session_id, error.message)
                waiting.append(session_id)
                await asyncio.sleep(RETRY_SECONDS)
            except ApiError as error:
                _log.error("session %s cannot go on: %s", session_id, error.message)
            except Exception:
                _log.exception("session %s cannot go on", session_id)


def no_session(session_id: str) -> ApiError:
    """NOT_FOUND for a session that is not there, or that the caller does not see."""
    return not_found(f"no session {session_name(session_id)!r}; {LIST_SESSIONS}")
