"""The store's part for search sessions: their logs, and what those add up to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from pullback_server.store.blobs import BlobStore
from pullback_server.store.database import Database, reads
from pullback_server.store.faults import NotThereError, RequestConflictError, UnreadableError, entry_read
from pullback_server.store.keys import seen_by
from pullback_server.store.records import SessionChange, SessionEventRecord, SessionRecord
from pullback_server.store.rows import newest, records_of
from pullback_server.store.schema import (
    SessionEventRow,
    SessionFileRow,
    SessionRow,
    SessionSpecRow,
    SessionTitleRow,
    begins_with,
    request_key,
    utc_now,
)


class SessionStore:
    """Sessions and their logs.

    Contract. A log is append-only: events are numbered from 1 without gaps, and none is ever changed or removed. What
    is appended together is one transaction: all of it is on disk when `append` returns, or none of it where it raises.
    A session's row (state, summary) is what its log adds up to, kept so that lists need not read logs: it is written
    in the transaction of the events that change it. Files that a session needs are noted with the event that names
    them, and are kept until the session releases them; what no session, job or result refers to is removed.

    Methods may be called from any thread, one at a time. Those that write raise `StorageFullError` when the disk is
    full.
    """

    def __init__(self, database: Database, blobs: BlobStore, release: Callable[[str], None]) -> None:
        self._database = database
        self._blobs = blobs
        self._release = release

    def create(
        self,
        session_id: str,
        *,
        request_id: str | None,
        request_digest: str,
        spec: bytes,
        change: SessionChange,
        title: str = "",
        owner: str = "",
        files: Sequence[bytes] = (),
    ) -> None:
        """Begins a session with its first events.

        Args:
            session_id: Identifier of the new session.
            request_id: The caller's name for the request, if any; one that no session of its owner has.
            request_digest: Digest of the request, to tell a repeat from a conflict.
            spec: Serialised specification.
            change: The first events, and what they add up to.
            title: What people call it; empty for nothing.
            owner: Name of the key that it belongs to; empty for the operator's own.
            files: As for `append`.
        """
        for data in files:
            self._blobs.write(data)
        now = utc_now()
        with self._database.writing() as session:
            row = SessionRow(
                id=session_id,
                request_id=request_key(owner, request_id),
                request_digest=request_digest,
                state=change.state,
                evolving=change.evolving,
                summary=change.summary,
                created=now,
                updated=now,
                last_sequence=0,
                owner=owner,
            )
            session.add(row)
            session.flush()
            session.add(SessionSpecRow(session=session_id, spec=spec))
            session.add(SessionTitleRow(session=session_id, title=title))
            _apply(session, row, change)

    @reads
    def repeated(self, request_id: str, request_digest: str, owner: str = "") -> SessionRecord | None:
        """The session of that owner that was created under that `request_id`, if any.

        Raises:
            RequestConflictError: It was created for another request.
        """
        with self._database.reading() as session:
            query = select(SessionRow).where(SessionRow.request_id == request_key(owner, request_id))
            record, row = _one(session, query), session.scalar(query)
            if row is None:
                return None
            if row.request_digest != request_digest:
                raise RequestConflictError(
                    f"request_id {request_id!r} was used for another request, sessions/{row.id}; "
                    "take a new one for a new request"
                )
            return record

    def append(self, session_id: str, change: SessionChange, files: Sequence[bytes] = ()) -> None:
        """Appends events to a session's log.

        Args:
            session_id: The session.
            change: The events, and what they add up to.
            files: Contents of files that the events need, written before: in the same turn, so that no other session
                that had the same content removes it in between.

        Raises:
            NotThereError: No such session.
            ValueError: The first event does not follow the last one of the log.
        """
        for data in files:
            self._blobs.write(data)
        with self._database.writing() as session:
            with entry_read(_name(session_id)):
                row = session.scalar(select(SessionRow).where(SessionRow.id == session_id))
            if row is None:
                raise NotThereError(f"no session {session_id}")
            _apply(session, row, change)
        for digest in change.released:
            self._release(digest)

    @reads
    def has(self, session_id: str) -> bool:
        """Whether there is a session of that id."""
        with self._database.reading() as session:
            return session.scalar(select(SessionRow.number).where(SessionRow.id == session_id)) is not None

    @reads
    def record(self, session_id: str) -> SessionRecord | None:
        """The session of that id."""
        with self._database.reading() as session:
            return _one(session, select(SessionRow).where(SessionRow.id == session_id))

    @reads
    def records(
        self,
        *,
        limit: int,
        before: int | None = None,
        states: Collection[int] = (),
        match: str = "",
        seen: str | None = None,
    ) -> list[tuple[int, SessionRecord | UnreadableError]]:
        """Sessions with their numbers, newest first, those with a number under `before`.

        Args:
            limit: At most so many.
            before: Only those with a lower number.
            states: Only those in one of these; empty for all.
            match: Only those whose id begins so or whose title it is; empty for all.
            seen: Only those that this key sees; None for all.
        """
        query = newest(SessionRow, limit, before)
        if states:
            query = query.where(SessionRow.state.in_(states))
        if match:
            called = select(SessionTitleRow.session).where(SessionTitleRow.title == match)
            query = query.where(begins_with(SessionRow.id, match) | SessionRow.id.in_(called))
        if seen is not None:
            query = query.where(seen_by(seen, SessionRow.owner, SessionRow.id, "sessions/"))
        with self._database.reading() as session:
            return session_records(session, query)

    @reads
    def events(self, session_id: str, after: int = 0, limit: int | None = None) -> list[SessionEventRecord]:
        """The session's events with a higher number than `after`, in order."""
        query = (
            select(SessionEventRow)
            .where(SessionEventRow.session == session_id, SessionEventRow.sequence > after)
            .order_by(SessionEventRow.sequence)
            .limit(limit)
        )
        with self._database.reading() as session, entry_read(_name(session_id)):
            return [SessionEventRecord(row.sequence, row.time, row.kind, row.payload) for row in session.scalars(query)]

    @reads
    def evolving(self) -> list[str]:
        """The sessions in which some optimizer was to make a generation, the one that changed last first."""
        query = select(SessionRow.id).where(SessionRow.evolving).order_by(SessionRow.updated.desc())
        with self._database.reading() as session:
            return list(session.scalars(query))


def _name(session_id: str) -> str:
    return f"sessions/{session_id}"


def _one(session: Session, query: Select[Any]) -> SessionRecord | None:
    for _, found in session_records(session, query):
        if isinstance(found, UnreadableError):
            raise found
        return found
    return None


def session_records(session: Session, query: Select[Any]) -> list[tuple[int, SessionRecord | UnreadableError]]:
    """The sessions of a query with their numbers, errors in the place of those that cannot be read."""
    wanted = select(SessionSpecRow).where(SessionSpecRow.session.in_(query.with_only_columns(SessionRow.id)))
    specs = {found.session: found.spec for found in session.scalars(wanted)}

    def record(row: SessionRow) -> SessionRecord:
        if row.id not in specs:
            raise ValueError("its specification is not there")
        return SessionRecord(row.id, row.state, specs[row.id], row.summary, row.last_sequence, row.owner)

    return records_of(session, query, record, table=SessionRow, key=SessionRow.id, name=_name)


def _apply(session: Session, row: SessionRow, change: SessionChange) -> None:
    for event in change.events:
        if event.sequence != row.last_sequence + 1:
            raise ValueError(f"event {event.sequence} of session {row.id} does not follow event {row.last_sequence}")
        row.last_sequence = event.sequence
        row.updated = event.time
        session.add(
            SessionEventRow(
                session=row.id, sequence=event.sequence, time=event.time, kind=event.kind, payload=event.payload
            )
        )
    row.state, row.evolving, row.summary = change.state, change.evolving, change.summary
    for digest in change.needed:
        session.merge(SessionFileRow(session=row.id, digest=digest))
    if change.released:
        session.execute(
            delete(SessionFileRow).where(SessionFileRow.session == row.id, SessionFileRow.digest.in_(change.released))
        )
