"""Faults of the store: what it refuses, what may pass, and what is damaged.

StoreError
├── StorageUnavailableError   may pass: nothing was written, and the same again may succeed
│   ├── StorageFullError      no room
│   ├── StorageBusyError      another program holds the database
│   └── StorageFailingError   the disk or the operating system refuse
├── RefusedTextError          a text that the database does not take
├── UnreadableError           one resource's entry or file is damaged; the others are not affected
│   └── BlobCorruptedError    … its file
└── StoreDamagedError         the database as a whole
"""

from __future__ import annotations

import copyreg
import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from pullback_server.stored_files import told_of_unreadable

# EFBIG is what a file-size limit gives, EDQUOT a quota.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_DESCRIPTORS = {errno.EMFILE, errno.ENFILE}
# SQLite's primary result codes, and what Python 3.10, which does not pass them on, has of them.
_CODES_BY_TEXT = {
    "database is locked": 5,
    "database table is locked": 6,
    "attempt to write a readonly database": 8,
    "disk I/O error": 10,
    "database disk image is malformed": 11,
    "database or disk is full": 13,
    "unable to open database file": 14,
    "locking protocol": 15,
    "file is not a database": 26,
}
_BUSY = {5, 6, 15}
_DAMAGED = {11, 26}
_IO_ERROR, _OUT_OF_ROOM = 10, 13
_FAILING = {8, 10, 14}


class RequestConflictError(Exception):
    """A `request_id` came again with another request."""


class NotThereError(LookupError):
    """What is to be changed is not there."""


class StoreError(Exception):
    """Something is wrong with the store.

    Attributes:
        told: What callers may be told of it: without paths and without words of other programs. Those are in the
            error's text, for whoever runs the server.
    """

    def __init__(self, text: str, told: str) -> None:
        super().__init__(text)
        self.told = told

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies and pickles do without the constructor: those of subclasses take other things.
        return copyreg.__newobj__, (type(self),), {"args": self.args, **vars(self)}  # type: ignore[attr-defined]


class StorageUnavailableError(StoreError):
    """Nothing can be read or written at the moment; nothing was written by half, and the same again may succeed."""


class StorageFullError(StorageUnavailableError):
    """Nothing more can be written."""


class StorageBusyError(StorageUnavailableError):
    """Another program holds the database."""


class StorageFailingError(StorageUnavailableError):
    """The disk fails, or the operating system refuses."""


class RefusedTextError(StoreError):
    """PostgreSQL keeps no text with NUL in it."""

    def __init__(self) -> None:
        text = "a text with the character NUL in it cannot be kept; take that out"
        super().__init__(text, text)


class UnreadableError(StoreError):
    """What is stored of one resource cannot be read.

    Attributes:
        resource: Its name, as far as it can be read; empty where only a file of it is known.
    """

    def __init__(self, text: str, told: str, resource: str = "") -> None:
        super().__init__(text, told)
        self.resource = resource


class StoreDamagedError(StoreError):
    """The database is damaged."""


def unreadable(name: str, what: str, reason: object) -> UnreadableError:
    """The error for a resource that cannot be read.

    Args:
        name: The resource's name.
        what: What is wrong, as callers are told.
        reason: The rest, for whoever runs the server.
    """
    return UnreadableError(f"{name} cannot be read: {what}: {reason}", told_of_unreadable(name, what), name)


def is_unreadable(error: Exception) -> bool:
    """Whether an error says that what is stored in a row is not what belongs there, and nothing of the database."""
    if isinstance(error, DBAPIError):
        # A text that is no UTF-8. Without the statement, of which SQLAlchemy's own text is full.
        return str(error.orig).startswith("Could not decode to UTF-8")
    return isinstance(error, ValueError | TypeError)


@contextmanager
def entry_read(name: str) -> Iterator[None]:
    """Raises an `UnreadableError` that names the resource where what is read within cannot be made sense of."""
    try:
        yield
    except Exception as error:
        if not is_unreadable(error):
            raise
        raise unreadable(name, "its entry in the server's database is damaged", plainly(error)) from error


def plainly(error: Exception) -> str:
    """What an error says, without the statement that SQLAlchemy adds."""
    return str(error.orig) if isinstance(error, DBAPIError) else f"{type(error).__name__}: {error}"


@contextmanager
def faults_told(folder: Path, *, writing: bool = True) -> Iterator[None]:
    """Raises a `StoreError` for what the operating system or SQLite say of the disk.

    Args:
        folder: What is read or written, for the error's text.
        writing: Whether something is written: SQLite's "disk I/O error" means a full disk then, as a rule.
    """
    try:
        yield
    except OSError as error:
        raise _of_system(error, folder) from error
    except DBAPIError as error:
        if (fault := _of_sqlite(error.orig, folder, writing=writing)) is None:
            raise
        raise fault from error
    except sqlite3.Error as error:
        if (fault := _of_sqlite(error, folder, writing=writing)) is None:
            raise
        raise fault from error


def _of_system(error: OSError, folder: Path) -> StoreError:
    if error.errno in _FULL:
        return _full(folder, str(error))
    if error.errno in _NO_DESCRIPTORS:
        return StorageFailingError(
            f"nothing can be opened in {folder} ({error}); raise the limit of open files (ulimit -n), or find what "
            "holds so many",
            "the server has no file descriptors left; try again when fewer connections are open",
        )
    return _failing(folder, str(error))


def _of_sqlite(error: BaseException | None, folder: Path, *, writing: bool) -> StoreError | None:
    """What SQLite's error says of the disk; None where it says something of the statement."""
    text = str(error)
    # Extended codes have the primary one in their lower eight bits.
    code = getattr(error, "sqlite_errorcode", None) or _CODES_BY_TEXT.get(text, 0)
    code &= 0xFF
    if code == _OUT_OF_ROOM or (writing and code == _IO_ERROR):
        return _full(folder, text)
    if code in _BUSY:
        return StorageBusyError(
            f"another program holds the database in {folder} ({text})",
            "the server's database is held by another program, such as a backup; try again when that has ended",
        )
    if code in _FAILING:
        return _failing(folder, text)
    if code in _DAMAGED:
        return StoreDamagedError(
            f"the database in {folder} is damaged ({text}); stop the server, and start it again to hear what to do",
            "the server's database is damaged; whoever runs the server finds in its log what to do",
        )
    return None


def _full(folder: Path, reason: str) -> StorageFullError:
    return StorageFullError(
        f"no room to write in {folder} ({reason}); free some space and try again",
        "no room to write on the server's disk; free some space there and try again",
    )


def _failing(folder: Path, reason: str) -> StorageFailingError:
    return StorageFailingError(
        f"{folder} cannot be read or written ({reason}); look at the disk and at who may use the folder",
        "the server's disk cannot be read or written at the moment; try again, and see the server's log if it stays so",
    )
