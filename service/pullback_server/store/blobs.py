"""Content-addressed files: what is written once, whole or not at all, and never changed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Set
from pathlib import Path

from pullback_server.store.faults import full_disk_reported

_TEMPORARY = ".tmp-"


class BlobCorruptedError(Exception):
    """A file is missing, or is not what its name says."""


class BlobStore:
    """Files named by the SHA-256 of their content, below one folder.

    A file appears under its name by an atomic rename after its content is on disk, so that a reader sees all of it
    or none. Writing the same content twice keeps one file, and mends it where it was damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, data: bytes) -> str:
        """Writes `data`, on disk when this returns.

        Returns:
            Its digest, 64 hexadecimal digits.

        Raises:
            StorageFullError: The disk is full; nothing is left behind.
        """
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        with full_disk_reported(self._folder):
            if not path.parent.exists():
                path.parent.mkdir()
                _sync_folder(self._folder)
            descriptor, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=path.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).replace(path)
                _sync_folder(path.parent)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        return digest

    def read(self, digest: str) -> bytes:
        """The content of that digest, checked.

        Raises:
            BlobCorruptedError: No such file, or its content has changed.
        """
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise BlobCorruptedError(f"{path} is missing from the store") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise BlobCorruptedError(f"{path} was changed or damaged: its content is not what its name says")
        return data

    def delete(self, digest: str) -> None:
        """Removes the content of that digest, if it is there."""
        self._path(digest).unlink(missing_ok=True)

    def sweep(self, wanted: Set[str]) -> int:
        """Removes what a crash left behind: temporary files, and content that nothing refers to.

        Returns:
            How many files were removed.
        """
        leftovers = [path for path in self._files() if path.name not in wanted]
        for path in leftovers:
            path.unlink(missing_ok=True)
        return len(leftovers)

    def _files(self) -> Iterator[Path]:
        return (path for path in self._folder.glob("??/*") if path.is_file())

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


def _sync_folder(folder: Path) -> None:
    """Makes a rename durable, where the platform lets a folder be opened (Windows does not, and needs no such step)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
