"""Blobs, content-addressed files: written once, whole or not at all, and never changed."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path

from pullback_server.store.aside import move_aside
from pullback_server.store.database import reads
from pullback_server.store.faults import UnreadableError, faults_told
from pullback_server.store.privacy import make_folder
from pullback_server.stored_files import DamagedFileError, StoredFile

_TEMPORARY = ".tmp-"
# What a probe writes: as much as the database takes for a change.
_PROBE_BYTES = 64 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Swept:
    """What a sweep found.

    Attributes:
        removed: How many files it removed.
        strangers: How many files are not this store's.
        aside: Where those were moved; None where there were none, or they could not be moved.
    """

    removed: int
    strangers: int
    aside: Path | None


class BlobCorruptedError(UnreadableError):
    """A file is missing, or is not what its name says.

    Attributes:
        what: Which of both, in words that callers may hear.
    """

    def __init__(self, damaged: DamagedFileError) -> None:
        self.what = damaged.what
        super().__init__(f"{damaged.path} {damaged.reason}", str(damaged))


class BlobStore:
    """Files named by the SHA-256 of their content, below one folder.

    A file appears under its name by an atomic rename after its content is on disk, so that a reader sees all of it
    or none. Writing the same content twice keeps one file, and mends it where it was damaged. All of it is its owner's
    alone.

    Args:
        folder: Where the files are.
        note: Is told a digest and how many bytes are to be written under it: what was noted may be removed by a sweep.
    """

    def __init__(self, folder: Path, note: Callable[[str, int], None]) -> None:
        self._folder = folder
        self._note = note
        make_folder(folder)

    def write(self, *parts: bytes) -> str:
        """Writes parts one after the other, on disk when this returns.

        Returns:
            Its digest, 64 hexadecimal digits.

        Raises:
            StorageUnavailableError: The disk is full, or cannot be written; nothing is left behind.
        """
        hashed = hashlib.sha256()
        for part in parts:
            hashed.update(part)
        digest = hashed.hexdigest()
        path = self._path(digest)
        self._note(digest, sum(map(len, parts)))
        with faults_told(self._folder):
            if not path.parent.exists():
                make_folder(path.parent)
                _sync_folder(self._folder)
            descriptor, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=path.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.writelines(parts)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).replace(path)
                _sync_folder(path.parent)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        return digest

    @reads
    def read(self, digest: str) -> bytes:
        """The content of that digest, checked.

        Raises:
            BlobCorruptedError: No such file, or its content has changed.
            StorageFailingError: It cannot be read at the moment.
        """
        with faults_told(self._folder, writing=False):
            try:
                return self.file(digest).read()
            except DamagedFileError as error:
                raise BlobCorruptedError(error) from None

    @reads
    def holds(self, digest: str) -> bool:
        """Whether the content of that digest is there, and whole.

        Raises:
            StorageFailingError: It cannot be read at the moment.
        """
        with faults_told(self._folder, writing=False):
            try:
                self.file(digest).check()
            except DamagedFileError:
                return False
        return True

    def file(self, digest: str, name: str = "") -> StoredFile:
        """The file of that digest, for a worker, which reads and checks it by itself.

        Args:
            digest: Its digest.
            name: The resource that it belongs to.
        """
        return StoredFile(str(self._path(digest)), digest, name)

    def size(self, digest: str) -> int | None:
        """Bytes of the content of that digest; None where it is not there."""
        try:
            return self._path(digest).stat().st_size
        except OSError:
            return None

    def delete(self, digest: str) -> bool:
        """Removes the content of that digest; whether it is not there any more. What stays is collected later."""
        try:
            self._path(digest).unlink(missing_ok=True)
        except OSError as error:
            _log.warning("a file that is needed no more stays for now: %s", error)
            return False
        return True

    def has_all(self, digests: Set[str]) -> bool:
        """Whether there is a file of each digest, whatever it holds."""
        return digests <= {path.name for path in self._files()}

    def probe(self) -> None:
        """Finds out whether a file can be made and filled; it has no name for long, and is not forced to the disk.

        Raises:
            StorageUnavailableError: It cannot.
        """
        with faults_told(self._folder), tempfile.TemporaryFile(prefix=_TEMPORARY, dir=self._folder) as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()

    def sweep(self, wanted: Set[str], written: Set[str]) -> Swept:
        """Removes what a crash left behind, and moves aside what is not this store's.

        Where something is referred to that is not there, nothing is removed: a reference may be damaged, and what seems
        to be of no use be what it stood for.

        Args:
            wanted: Digests of the content that is referred to.
            written: Digests of all that was ever written for those who refer to it. Only that may be removed: other
                content belongs to another database, say a lost one, or a newer one than a backup that was put back.
        """
        there = list(self._files())
        known = written if wanted <= {path.name for path in there} else frozenset[str]()
        leftovers = [path for path in there if path.name not in wanted]
        strangers = [path for path in leftovers if path.name not in known and not _is_temporary(path)]
        removed = 0
        for path in leftovers:
            if path.name in known or _is_temporary(path):
                path.unlink(missing_ok=True)
                removed += 1
        return Swept(removed, len(strangers), move_aside(self._folder, strangers) if strangers else None)

    def _files(self) -> Iterator[Path]:
        return (path for path in self._folder.glob("??/*") if path.is_file())

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


def _is_temporary(path: Path) -> bool:
    return path.name.startswith(_TEMPORARY)


def _sync_folder(folder: Path) -> None:
    """Makes a rename durable, where the platform lets a folder be opened (Windows does not, and needs no such step)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
