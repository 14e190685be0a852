"""References to files: which ones rows refer to, and which were ever written for this database."""

from __future__ import annotations

import logging
from collections.abc import Collection

from sqlalchemy import ColumnElement, LargeBinary, Subquery, cast, delete, select, union
from sqlalchemy.orm import InstrumentedAttribute, Session

from pullback_server.store.blobs import BlobStore, Swept
from pullback_server.store.database import Database
from pullback_server.store.faults import StoreError
from pullback_server.store.schema import JobRow, ResultRow, SessionFileRow, WrittenFileRow

_log = logging.getLogger(__name__)


class References:
    """What the database knows of files. Methods may be called from any thread, one at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, digest: str) -> None:
        """Notes that a file is this database's."""
        with self._database.reading() as session:
            if session.get(WrittenFileRow, digest) is not None:
                return
        with self._database.writing() as session:
            session.add(WrittenFileRow(digest=digest))

    def release(self, blobs: BlobStore, digest: str) -> None:
        """Deletes a file unless another row refers to the same content.

        What was to be done is done when this is called: where it fails, the sweep of the next start does it.
        """
        try:
            with self._database.reading() as session:
                column = _wanted().c.digest
                if session.scalar(select(column).where(column == digest)) is not None:
                    return
        except StoreError as error:
            _log.warning("a file that is needed no more stays until the next start: %s", error)
            return
        blobs.delete(digest)

    def orphans(self, blobs: BlobStore) -> list[str]:
        """Digests noted as this database's to which no row refers, with a file or without.

        What a crash left between the end of a row and the removal of its file, and what was written for a row that
        never came. None while a file is missing that is referred to: that reference may be damaged, and what seems to
        be of no use be what it stood for.
        """
        with self._database.reading() as session:
            wanted, written = _texts(session, _wanted().c.digest), _texts(session, WrittenFileRow.digest)
        return sorted(written - wanted) if blobs.has_all(wanted) else []

    def collect(self, blobs: BlobStore, digests: Collection[str]) -> int:
        """Removes those files of these to which no row refers; returns how many.

        Whoever writes a file has it referred to in the same turn of the thread that writes, so that none is taken that
        is on its way. Files go before what is noted of them: what a crash leaves is found again.
        """
        with self._database.writing() as session:
            column = _wanted().c.digest
            needed = set(session.scalars(select(column).where(column.in_(digests))))
            gone = [digest for digest in digests if digest not in needed and blobs.delete(digest)]
            session.execute(delete(WrittenFileRow).where(WrittenFileRow.digest.in_(gone)))
        return len(gone)

    def sweep(self, blobs: BlobStore) -> Swept:
        """Removes files that no row refers to any more, and moves aside those that this database never knew."""
        with self._database.reading() as session:
            wanted, written = _texts(session, _wanted().c.digest), _texts(session, WrittenFileRow.digest)
        swept = blobs.sweep(wanted, written)
        # Those of a version that noted nothing, and those that are gone.
        if wanted != written:
            with self._database.writing() as session:
                session.execute(delete(WrittenFileRow).where(WrittenFileRow.digest.not_in(select(_wanted().c.digest))))
                session.add_all(WrittenFileRow(digest=digest) for digest in wanted - written)
        return swept


def _wanted() -> Subquery:
    """Digests that rows refer to, in a column `digest`."""
    columns = (JobRow.payload, ResultRow.content, SessionFileRow.digest)
    return union(*(select(column.label("digest")).where(column.is_not(None)) for column in columns)).subquery()


def _texts(session: Session, column: ColumnElement[str] | InstrumentedAttribute[str]) -> set[str]:
    """All of a column, also what is damaged."""
    return {raw.decode(errors="replace") for raw in session.scalars(select(cast(column, LargeBinary)))}
