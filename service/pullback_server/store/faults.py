"""What the store refuses, and telling a full disk from other failures."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import OperationalError

# EFBIG is what a file-size limit gives, EDQUOT a quota.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SQLITE_FULL = ("database or disk is full", "disk I/O error")


class RequestConflictError(Exception):
    """A `request_id` came again with another request."""


class StorageFullError(Exception):
    """Nothing more can be written; nothing was written by half."""


@contextmanager
def full_disk_reported(folder: Path) -> Iterator[None]:
    """Raises `StorageFullError` where the operating system or SQLite say that there is no room."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StorageFullError(_message(folder, str(error))) from error
    except OperationalError as error:
        if not any(sign in str(error.orig) for sign in _SQLITE_FULL):
            raise
        raise StorageFullError(_message(folder, str(error.orig))) from error


def _message(folder: Path, reason: str) -> str:
    return f"no room to write in {folder} ({reason}); free some space and try again"
