"""SQLite in write-ahead mode: one writer and readers beside it, which never wait for each other."""

from __future__ import annotations

import logging
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from pullback_server.store.aside import move_aside
from pullback_server.store.database.examination import examine
from pullback_server.store.faults import faults_told
from pullback_server.store.privacy import make_file

# How long SQLite itself waits for a lock. Whoever writes tries again, and between two tries others get their turn.
BUSY_SECONDS = 0.25
READ_BUSY_SECONDS = 2.0

_log = logging.getLogger(__name__)


class Sqlite:
    """A file of SQLite. A transaction that writes holds its lock from the first statement."""

    def __init__(self, path: Path) -> None:
        self.path = path
        _make_new(path)
        # A commit is on disk before it is acknowledged (FULL), and readers never wait for the writer (WAL).
        self.writer = _engine(path, BUSY_SECONDS, "BEGIN IMMEDIATE", ("journal_mode = WAL", "synchronous = FULL"))
        self.reader = _engine(path, READ_BUSY_SECONDS, "BEGIN", ("query_only = ON",))

    def version(self) -> int | None:
        """See `Backend`."""
        return examine(self.path)

    def faults_told(self, *, writing: bool) -> AbstractContextManager[None]:
        """See `Backend`."""
        return faults_told(self.path.parent, writing=writing)

    def close(self) -> None:
        """See `Backend`."""
        self.reader.dispose()
        self.writer.dispose()

    def size(self) -> int:
        """See `Backend`."""
        files = (Path(f"{self.path}{suffix}") for suffix in ("", "-wal", "-shm"))
        return sum(file.stat().st_size for file in files if os.path.lexists(file))


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
        for pragma in (*pragmas, "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", start)
    return engine
