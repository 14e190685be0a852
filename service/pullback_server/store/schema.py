"""Tables of the store."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
    false,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Mapped, mapped_column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

# Raised with every change of the tables, which comes with a module in `migrations`; a newer store is refused.
SCHEMA_VERSION = 10
# The earliest that migrations lead on from.
EARLIEST_VERSION = 2


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC, also where the database keeps no time zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Drops the time zone on the way in."""
        del dialect
        return None if value is None else value.astimezone(timezone.utc).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Puts it back on the way out."""
        del dialect
        return None if value is None else value.replace(tzinfo=timezone.utc)


class _Codes(FunctionElement[str]):
    """A text that is compared by its characters' codes, as SQLite does by default and PostgreSQL does not."""

    name = "codes"
    inherit_cache = True
    type = String()


@compiles(_Codes)
def _as_it_is(element: _Codes, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_Codes, "postgresql")
def _collated(element: _Codes, compiler: SQLCompiler, **options: Any) -> str:
    return f'({compiler.process(element.clauses, **options)} COLLATE "C")'


def begins_with(column: InstrumentedAttribute[str], prefix: str) -> ColumnElement[bool]:
    """Whether a text begins so, upper and lower case being different; in SQLite an index on the column serves."""
    return _Codes(column).between(prefix, f"{prefix}\U0010ffff")


def request_key(owner: str, request_id: str | None) -> str | None:
    """What stands for a request's name in the tables: keys may take names that others have taken."""
    return hashlib.sha256(f"{owner}\0{request_id}".encode()).hexdigest() if owner and request_id else request_id


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(timezone.utc)


class Base(DeclarativeBase):
    """Base of the tables."""


class Meta(Base):
    """Facts about the store itself."""

    __tablename__ = "meta"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(256))


class JobRow(Base):
    """A job."""

    __tablename__ = "jobs"

    # Rises with every job: the order of the queue and of lists.
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[int]
    request_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    work: Mapped[bytes] = mapped_column(LargeBinary)
    result: Mapped[str] = mapped_column(String(320))
    uses: Mapped[str | None] = mapped_column(String(320))
    payload: Mapped[str | None] = mapped_column(String(64))
    batch: Mapped[str] = mapped_column(String(512))
    rows: Mapped[int]
    progress: Mapped[bytes] = mapped_column(LargeBinary)
    error: Mapped[bytes | None] = mapped_column(LargeBinary)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    started: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    last_sequence: Mapped[int] = mapped_column(default=0)
    # The job whose result it waits for; none once that is there.
    needs: Mapped[str | None] = mapped_column(String(64))
    # Queued for jobs that need its result; nobody asked for it by itself.
    provided: Mapped[bool] = mapped_column(default=False, server_default=false())
    # Name of the key that it belongs to; empty for the operator's own.
    owner: Mapped[str] = mapped_column(String(64), default="", server_default="")

    __table_args__ = (
        Index("jobs_by_state", "state", "number"),
        Index("jobs_by_result", "result"),
        Index("jobs_by_needs", "needs"),
        Index("jobs_by_owner", "owner", "number"),
        Index("jobs_by_payload", "payload"),
        Index("jobs_by_end", "ended"),
    )


class JobOwnerRow(Base):
    """Who brought a job, by which the queue is shared; there until the job has ended."""

    __tablename__ = "job_owners"

    job: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    client: Mapped[str] = mapped_column(String(256))


class EventRow(Base):
    """An event of a job: the columns of the job that change, as they stood then."""

    __tablename__ = "events"

    job: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    time: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[int]
    attempts: Mapped[int]
    progress: Mapped[bytes] = mapped_column(LargeBinary)
    needs: Mapped[str | None] = mapped_column(String(64))
    # A step of progress, which may be dropped once the job has ended; changes of state are kept.
    transient: Mapped[bool]


class ResultRow(Base):
    """What a job made."""

    __tablename__ = "results"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(320), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    generator: Mapped[str] = mapped_column(String(128))
    job: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    header: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[str] = mapped_column(String(64))
    # As of the job that made it; empty too for what is everybody's: eigenbases, analyses, directions.
    owner: Mapped[str] = mapped_column(String(64), default="", server_default="")

    __table_args__ = (
        Index("results_by_kind", "kind", "generator", "number"),
        Index("results_by_owner", "owner", "kind", "number"),
        Index("results_by_content", "content"),
    )


class AnnotationRow(Base):
    """What people say of one of the directions that a result holds; goes with the result."""

    __tablename__ = "annotations"

    result: Mapped[str] = mapped_column(ForeignKey("results.name", ondelete="CASCADE"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    notes: Mapped[str] = mapped_column(Text)


class SessionRow(Base):
    """A search session as its log adds up to."""

    __tablename__ = "sessions"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(64), unique=True)
    request_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    request_digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[int]
    # Whether some optimizer was to make a generation: such a session goes on when the server starts.
    evolving: Mapped[bool]
    summary: Mapped[bytes] = mapped_column(LargeBinary)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    updated: Mapped[datetime] = mapped_column(UtcDateTime)
    last_sequence: Mapped[int]
    # As of a job.
    owner: Mapped[str] = mapped_column(String(64), default="", server_default="")

    __table_args__ = (
        Index("sessions_by_state", "state", "number"),
        Index("sessions_evolving", "evolving", "updated"),
        Index("sessions_by_owner", "owner", "number"),
    )


class SessionSpecRow(Base):
    """What a session was asked to be. Apart from the rest, which is written with every event."""

    __tablename__ = "session_specs"

    session: Mapped[str] = mapped_column(ForeignKey("sessions.id"), primary_key=True)
    spec: Mapped[bytes] = mapped_column(LargeBinary)


class SessionTitleRow(Base):
    """What people call a session, which its specification says too: to find it by."""

    __tablename__ = "session_titles"

    session: Mapped[str] = mapped_column(ForeignKey("sessions.id"), primary_key=True)
    title: Mapped[str] = mapped_column(String(200), index=True)


class SessionEventRow(Base):
    """An entry of a session's log."""

    __tablename__ = "session_events"

    session: Mapped[str] = mapped_column(ForeignKey("sessions.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    time: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(32))
    payload: Mapped[bytes] = mapped_column(LargeBinary)


class SessionFileRow(Base):
    """A file that a session needs."""

    __tablename__ = "session_files"

    session: Mapped[str] = mapped_column(ForeignKey("sessions.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)

    __table_args__ = (Index("session_files_by_digest", "digest"),)


class WrittenFileRow(Base):
    """A file that was written for this database, noted before it is there: what is not noted is not ours to remove."""

    __tablename__ = "written_files"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    # Bytes; none of what an earlier version wrote, until a server has started.
    size: Mapped[int | None] = mapped_column(BigInteger)


class KeyRow(Base):
    """A key, by which somebody is let in. Never removed: what it owns names it."""

    __tablename__ = "keys"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    # Of the token, which nobody but its bearer has.
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    # JSON: what it may have, where that differs from what all may.
    quotas: Mapped[str] = mapped_column(Text, default="", server_default="")
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    expires: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ShareRow(Base):
    """A job or a session that others than its owner may see: one key, or, of an empty one, all."""

    __tablename__ = "shares"

    resource: Mapped[str] = mapped_column(String(320), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)


class UsageRow(Base):
    """Seconds that a key's jobs had devices on a day, by UTC."""

    __tablename__ = "key_usage"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    seconds: Mapped[float] = mapped_column(Float)
