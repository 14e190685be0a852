"""Examination of a file of SQLite before it is used: whether it is whole, and which version wrote it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from shlex import quote

from pullback_server.store.faults import StoreDamagedError, StoreError, faults_told
from pullback_server.store.schema import EARLIEST_VERSION, SCHEMA_VERSION

# How long a start waits for another program that holds the database.
_BUSY_SECONDS = 10.0
_MAX_PROBLEMS = 5


class IncompatibleStoreError(StoreError):
    """The store was written by a version of the server that this one cannot read."""


def examine(path: Path) -> int | None:
    """The version of the tables in the SQLite file at `path`, this or one to migrate from; None where it is new.

    Raises:
        IncompatibleStoreError: Written by another version.
        StoreDamagedError: Not a database, or damaged; says what to do.
        StorageUnavailableError: It cannot be read at the moment.
    """
    if not path.exists() or path.stat().st_size == 0:
        return None
    try:
        # SQLite writes where the write-ahead log is shared, whoever opens it.
        with faults_told(path.parent), closing(_connect(path)) as database:
            if problems := _problems(database):
                raise _damaged(path, "; ".join(problems))
            return _version(database, path)
    except StoreDamagedError as error:
        if error.__cause__ is None:
            raise
        # SQLite would not even begin to look.
        raise _damaged(path, str(error.__cause__)) from None


def _connect(path: Path) -> sqlite3.Connection:
    # Not read-only: what an earlier server committed last may be in the write-ahead log, which SQLite takes up here.
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_BUSY_SECONDS)
    database.execute("PRAGMA query_only = ON")
    return database


def _problems(database: sqlite3.Connection) -> list[str]:
    found = [str(row[0]) for row in database.execute(f"PRAGMA quick_check({_MAX_PROBLEMS})")]
    return [] if found == ["ok"] else found


def _version(database: sqlite3.Connection, path: Path) -> int | None:
    if database.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'").fetchone() is None:
        return None
    row = database.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    return known_version(None if row is None else str(row[0]), str(path))


def known_version(version: str | None, database: str) -> int:
    """The version that a database says its tables have.

    Raises:
        IncompatibleStoreError: It is neither this one nor one that migrations lead on from.
    """
    found = version or "none"
    if found not in map(str, range(EARLIEST_VERSION, SCHEMA_VERSION + 1)):
        text = (
            f"{database} has schema version {found}, this server reads version {SCHEMA_VERSION}: "
            "use the server that wrote it, or another --data folder"
        )
        raise IncompatibleStoreError(text, text)
    return int(found)


def _damaged(path: Path, problems: str) -> StoreDamagedError:
    aside = path.with_name(f"{path.name}.damaged")
    moves = " && ".join(f"mv {quote(str(file))} {quote(str(aside) + suffix)}" for file, suffix in _present(path))
    recover = f"{moves} && sqlite3 {quote(str(aside))} .recover | sqlite3 {quote(str(path))}"
    text = (
        f"the database {path} is damaged: {problems}. Nothing was changed. Put a backup in its place; or recover what "
        f"can be read, with SQLite's command line: {recover}; or begin with an empty one: {moves}. Files of results "
        "that a new database does not know are moved aside, never deleted"
    )
    return StoreDamagedError(text, text)


def _present(path: Path) -> list[tuple[Path, str]]:
    """The database's files that are there, each with what its name has more than that of the database."""
    suffixes = ("", "-wal", "-shm")
    return [(Path(f"{path}{suffix}"), suffix) for suffix in suffixes if os.path.lexists(f"{path}{suffix}")]
