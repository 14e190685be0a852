"""The database: SQLite in write-ahead mode, one writer and readers beside it, which never wait for each other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.orm import Session

from pullback_server.store.aside import move_aside
from pullback_server.store.examination import examine
from pullback_server.store.faults import faults_told
from pullback_server.store.migration import migrate
from pullback_server.store.privacy import make_file
from pullback_server.store.schema import SCHEMA_VERSION, Base, Meta

# How long SQLite itself waits for a lock. Whoever writes tries again, and between two tries others get their turn.
BUSY_SECONDS = 0.25
READ_BUSY_SECONDS = 2.0

_log = logging.getLogger(__name__)

Method = TypeVar("Method", bound=Callable[..., Any])


def reads(method: Method) -> Method:
    """Marks a method of the store that changes nothing: it may run beside others, while another one writes."""
    method.reads = True  # type: ignore[attr-defined]
    return method


def only_reads(method: Callable[..., Any]) -> bool:
    """Whether a method of the store is marked so."""
    return getattr(method, "reads", False)


class Database:
    """The SQLite file of a store.

    A transaction that writes holds SQLite's lock from its first statement, so that what it has read stays true. One
    that reads sees the database as it was at its first statement, whatever is written meanwhile.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file, checks it, and makes its tables, or brings those of an earlier version up to date.

        Raises:
            IncompatibleStoreError: Written by another version of the schema.
            StoreDamagedError: Not a database, or damaged.
            StorageUnavailableError: It cannot be read or written at the moment.
        """
        self._folder = path.parent
        _make_new(path)
        self.writer = _engine(path, BUSY_SECONDS, "BEGIN IMMEDIATE", ("journal_mode = WAL", "synchronous = FULL"))
        self._reader = _engine(path, READ_BUSY_SECONDS, "BEGIN", ("query_only = ON",))
        if (found := examine(path)) != SCHEMA_VERSION:
            with self.writing() as session:
                if found is None:
                    Base.metadata.create_all(session.connection())
                else:
                    migrate(session.connection(), found, SCHEMA_VERSION)
                session.merge(Meta(key="schema_version", value=str(SCHEMA_VERSION)))

    def close(self) -> None:
        """Closes all connections."""
        self._reader.dispose()
        self.writer.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that reads.

        Raises:
            StoreError: See `faults_told`.
        """
        with faults_told(self._folder, writing=False), Session(self._reader) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that writes: what was written is on disk after it, or nothing where it raises.

        Raises:
            StoreError: See `faults_told`.
        """
        with faults_told(self._folder), Session(self.writer) as session, session.begin():
            yield session


def _make_new(path: Path) -> None:
    """Makes an empty file where there is none. What a lost one wrote last is moved aside: SQLite would delete it."""
    if path.exists():
        return
    left = [found for suffix in ("-wal", "-shm") if (found := path.with_name(path.name + suffix)).exists()]
    if left:
        kept = move_aside(path.parent / "database", left)
        _log.warning("%s is gone, but not what was written last: that is in %s now", path, kept)
    with faults_told(path.parent):
        make_file(path)


def _engine(path: Path, timeout: float, begin: str, pragmas: tuple[str, ...]) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": timeout, "check_same_thread": False})

    def configure(connection: Any, _record: Any) -> None:
        # The driver would begin transactions by itself, and only before the first change.
        connection.isolation_level = None
        # A commit is on disk before it is acknowledged (FULL), and readers never wait for the writer (WAL).
        for pragma in (*pragmas, "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", start)
    return engine
