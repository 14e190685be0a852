"""References to files: which ones rows refer to, and which were ever written for this database."""

from __future__ import annotations

import logging

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
