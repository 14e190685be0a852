"""Lock on a data folder: one server at a time, whatever becomes of the files in it."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from pullback_server.store import make_folder

# What file systems say, such as some on networks, on which a folder cannot be locked.
_UNKNOWN = {errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP}


class FolderInUseError(Exception):
    """Another server uses the folder."""


class FolderLock:
    """Held while a server uses a data folder; the operating system lets go of it when the process ends, however.

    The file `lock` is what servers of any version and platform look at. Whoever deletes it would let a second server
    in: so the folder itself is locked too, by a handle that nobody can delete, where the platform has that.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = FileLock(folder / "lock", mode=0o600)
        self._handle: int | None = None

    def acquire(self) -> None:
        """Takes the folder, which is made where it is not there.

        Raises:
            FolderInUseError: Another server has it.
            OSError: It cannot be used.
        """
        make_folder(self._folder)
        try:
            self._file.acquire(timeout=0)
        except Timeout:
            raise FolderInUseError from None
        try:
            self._lock_folder()
        except BaseException:
            self._file.release()
            raise

    def release(self) -> None:
        """Lets go of the folder."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        self._file.release()

    def _lock_folder(self) -> None:
        if sys.platform == "win32":
            return
        import fcntl  # noqa: PLC0415  (there is none on Windows)

        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise FolderInUseError from None
        except OSError as error:
            os.close(handle)
            if error.errno not in _UNKNOWN:
                raise
            return
        self._handle = handle
