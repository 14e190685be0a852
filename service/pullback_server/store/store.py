"""The store as a whole: its parts over one database and one folder of files, opened, probed and swept together."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from pathlib import Path

from pullback_server.store.annotations import AnnotationStore
from pullback_server.store.blobs import BlobStore, Swept
from pullback_server.store.database import open_database, reads
from pullback_server.store.deletion import DeletionStore
from pullback_server.store.jobs import JobStore
from pullback_server.store.keys import KeyStore
from pullback_server.store.privacy import make_folder
from pullback_server.store.records import JOB_KINDS
from pullback_server.store.references import References
from pullback_server.store.results import ResultStore
from pullback_server.store.schema import Meta, utc_now
from pullback_server.store.sessions import SessionStore
from pullback_server.store.waiting import WaitingStore


class Store:
    """Everything the server keeps, below one folder: `pullback.sqlite` and `blobs/`.

    What is kept is written and read by its parts, which share the database and the files: `jobs` and those `waiting`,
    `results` and their `annotations`, `sessions`, `keys`, and `deletion`. What follows holds for the methods of all.

    Contract. Every method is one transaction: it happens whole, is on disk when it returns, or raises and leaves
    the store as it was. Methods may be called from any thread, one at a time.

    Methods that are marked as reading may also be called beside all others, from several threads: they see the store as
    it was at one moment, and wait for nobody who writes. Every method raises a `StorageUnavailableError` while the
    disk is full, the database locked by another program, or either fails: nothing has happened then, and the same call
    may succeed later.

    A row that cannot be read concerns its own resource alone: to get it raises an `UnreadableError` that names the
    resource, lists hold the error in its place, and what goes through many rows leaves it out.
    """

    def __init__(self, folder: Path, database: str | None = None) -> None:
        """Opens the store of a folder, or begins one.

        Args:
            folder: Where its files are.
            database: URL of the database, `postgresql://…`; None = SQLite in the folder.

        Raises:
            StoreError: It cannot be used: see `open_database`.
        """
        make_folder(folder)
        self._folder = folder
        self._database = open_database(folder, database)
        self._references = References(self._database)
        self.blobs = BlobStore(folder / "blobs", self._references.note)
        self.results = ResultStore(self._database, self.blobs, self._release)
        self.jobs = JobStore(self._database, self.results, self._release)
        self.waiting = WaitingStore(self._database, self._release)
        self.annotations = AnnotationStore(self._database)
        self.keys = KeyStore(self._database)
        self.sessions = SessionStore(self._database, self.blobs, self._release)
        self.deletion = DeletionStore(self._database, self._release)

    def close(self) -> None:
        """Closes the database."""
        self._database.close()

    def probe(self, *, write: bool) -> None:
        """Does nothing but find out whether files can be made, and the database be written.

        Args:
            write: Whether something is written into the database for that, and not just its lock taken.
        """
        self.blobs.probe()
        with self._database.writing() as session:
            # Begins the transaction, which takes the lock.
            session.connection()
            if write:
                session.merge(Meta(key="probe", value=utc_now().isoformat()))

    def sweep_blobs(self) -> Swept:
        """Removes files that no row refers to any more, and moves aside those that this database never knew.

        Only while nothing is being written: at the start of a server.
        """
        return self._references.sweep(self.blobs)

    @reads
    def bytes_by_kind(self) -> dict[str, int]:
        """Bytes that the store takes: results by kind, `inputs`, `sessions`, the `database`, `checkpoints` and `aside`.

        Of files the database knows the sizes; the folders that it does not know hold few.
        """
        folders = {name: _bytes_of(self._folder / name) for name in ("checkpoints", "aside")}
        kinds = dict.fromkeys(("inputs", *JOB_KINDS, "sessions"), 0)
        return {**kinds, **self._references.sizes(), "database": self._database.size(), **folders}

    @reads
    def orphans(self) -> list[str]:
        """Digests of files that may be collected: see `References.orphans`."""
        return self._references.orphans(self.blobs)

    def collect(self, digests: Collection[str]) -> int:
        """Removes those files of these to which no row refers, while the server runs; returns how many."""
        return self._references.collect(self.blobs, digests)

    def _release(self, digest: str | None) -> None:
        if digest is not None:
            self._references.release(self.blobs, digest)


def _bytes_of(folder: Path) -> int:
    """Bytes of the files below a folder, some of which may go meanwhile."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(root, name).lstat().st_size
    return total
