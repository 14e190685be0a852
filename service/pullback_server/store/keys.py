"""The store's part for keys: who is let in, what is shared with whom, and what each has used."""

from __future__ import annotations

from collections.abc import Collection, Set
from contextlib import suppress
from datetime import datetime

from sqlalchemy import ColumnElement, delete, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from pullback_server.store.database import Database, reads
from pullback_server.store.faults import UnreadableError, entry_read
from pullback_server.store.records import KeyRecord
from pullback_server.store.schema import (
    JobRow,
    KeyRow,
    ResultRow,
    SessionFileRow,
    SessionRow,
    ShareRow,
    UsageRow,
    utc_now,
)

EVERYBODYS = frozenset({"eigenbasis", "analysis", "directions"})
"""Kinds of jobs whose results are computed once for everybody, and seen by every key."""
ALL_KEYS = ""
"""In the place of a key: all of them."""
CLOSED = 3
"""Number of the contract's SESSION_STATE_CLOSED."""


class KeyTakenError(Exception):
    """There is a key of that name."""


class KeyStore:
    """Keys, shares and usage. Every method is one transaction, and may be called from any thread, one at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, *, name: str, role: str, digest: str, quotas: str, expires: datetime | None) -> KeyRecord:
        """Adds a key.

        Raises:
            KeyTakenError: There is one of that name.
        """
        with self._database.writing() as session:
            if session.get(KeyRow, name) is not None:
                raise KeyTakenError(name)
            row = KeyRow(name=name, role=role, digest=digest, quotas=quotas, created=utc_now(), expires=expires)
            session.add(row)
            session.flush()
            return _record(row)

    def revoke(self, name: str) -> KeyRecord | None:
        """Lets a key in no more; None where there is none of that name. One that was revoked before stays as it is."""
        with self._database.writing() as session:
            row = session.get(KeyRow, name)
            if row is None:
                return None
            row.revoked = row.revoked or utc_now()
            return _record(row)

    @reads
    def all(self) -> list[KeyRecord]:
        """All keys, by name."""
        with self._database.reading() as session:
            return [_record(row) for row in session.scalars(select(KeyRow).order_by(KeyRow.name))]

    def share(self, resource: str, key: str, *, withdraw: bool = False) -> list[str]:
        """Shares a resource with a key, or `ALL_KEYS`, or does so no more; with whom it is shared then."""
        with self._database.writing() as session:
            if withdraw:
                session.execute(delete(ShareRow).where(ShareRow.resource == resource, ShareRow.key == key))
            else:
                session.merge(ShareRow(resource=resource, key=key))
            session.flush()
            query = select(ShareRow.key).where(ShareRow.resource == resource).order_by(ShareRow.key)
            return list(session.scalars(query))

    @reads
    def is_shared(self, resource: str, key: str) -> bool:
        """Whether a resource is shared with a key."""
        query = select(ShareRow.key).where(ShareRow.resource == resource, ShareRow.key.in_((key, ALL_KEYS)))
        with self._database.reading() as session:
            return session.scalar(query.limit(1)) is not None

    @reads
    def job_owner(self, job_id: str) -> tuple[str, str] | None:
        """Owner and kind of a job; None where it is not there, or that cannot be read."""
        query = select(JobRow.owner, JobRow.kind).where(JobRow.id == job_id)
        with self._database.reading() as session, suppress(UnreadableError), entry_read(job_id):
            found = session.execute(query).one_or_none()
            return None if found is None else (found.owner, found.kind)
        return None

    @reads
    def seen_jobs(self, job_ids: Collection[str], key: str) -> frozenset[str]:
        """Those of these jobs that a key sees."""
        with self._database.reading() as session:
            return frozenset(session.scalars(select(JobRow.id).where(JobRow.id.in_(job_ids), job_seen_by(key))))

    @reads
    def session_owner(self, session_id: str) -> str | None:
        """Owner of a session; None where it is not there, or that cannot be read."""
        query = select(SessionRow.owner).where(SessionRow.id == session_id)
        with self._database.reading() as session, suppress(UnreadableError), entry_read(session_id):
            return session.scalar(query)
        return None

    def add_usage(self, key: str, day: str, seconds: float) -> None:
        """Adds to the seconds that a key's jobs had devices on a day."""
        with self._database.writing() as session:
            row = session.get(UsageRow, (key, day))
            if row is None:
                session.add(UsageRow(key=key, day=day, seconds=seconds))
            else:
                row.seconds += seconds

    @reads
    def usage(self, day: str) -> dict[str, float]:
        """The seconds of all keys on a day."""
        with self._database.reading() as session:
            return {row.key: row.seconds for row in session.scalars(select(UsageRow).where(UsageRow.day == day))}

    @reads
    def files(self, key: str) -> Set[str]:
        """Digests of the files that are kept for what belongs to a key."""
        sessions = select(SessionRow.id).where(SessionRow.owner == key)
        queries = (
            select(ResultRow.content).where(ResultRow.owner == key),
            select(JobRow.payload).where(JobRow.owner == key, JobRow.payload.is_not(None)),
            select(SessionFileRow.digest).where(SessionFileRow.session.in_(sessions)),
        )
        with self._database.reading() as session:
            return {digest for query in queries for digest in session.scalars(query) if digest is not None}

    @reads
    def open_sessions(self, key: str) -> int:
        """How many sessions of a key are not closed."""
        query = select(SessionRow.id).where(SessionRow.owner == key, SessionRow.state != CLOSED)
        with self._database.reading() as session:
            return len(session.scalars(query).all())


def seen_by(
    key: str,
    owner: InstrumentedAttribute[str],
    identifier: ColumnElement[str] | InstrumentedAttribute[str],
    prefix: str,
) -> ColumnElement[bool]:
    """Whether a row is seen by a key: it is its own, or shared with it.

    Args:
        key: The key.
        owner: Column of the owner's name.
        identifier: Column of the id.
        prefix: What the resource's name, by which it is shared, has before the id.
    """
    shared = select(ShareRow.resource).where(ShareRow.key.in_((key, ALL_KEYS)))
    return or_(owner == key, (literal(prefix) + identifier).in_(shared))


def job_seen_by(key: str) -> ColumnElement[bool]:
    """Whether a job is seen by a key: it computes what is everybody's, is its own, or is shared with it."""
    return JobRow.kind.in_(EVERYBODYS) | seen_by(key, JobRow.owner, JobRow.id, "jobs/")


def _record(row: KeyRow) -> KeyRecord:
    return KeyRecord(
        name=row.name,
        role=row.role,
        digest=row.digest,
        quotas=row.quotas,
        created=row.created,
        expires=row.expires,
        revoked=row.revoked,
    )
