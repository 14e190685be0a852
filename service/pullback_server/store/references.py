"""References to files: which ones rows refer to, and which were ever written for this database."""

from __future__ import annotations

import logging
from collections.abc import Collection

from sqlalchemy import ColumnElement, LargeBinary, Subquery, cast, delete, func, literal, select, union, update
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

    def note(self, digest: str, size: int) -> None:
        """Notes that a file is this database's, and how many bytes it has."""
        with self._database.reading() as session:
            if session.get(WrittenFileRow, digest) is not None:
                return
        with self._database.writing() as session:
            session.add(WrittenFileRow(digest=digest, size=size))

    def sizes(self) -> dict[str, int]:
        """Bytes of the files by what refers to them: `inputs`, `sessions`, and results by their kinds.

        A file that several refer to counts for each kind once.
        """
        found: dict[str, int] = {}
        payload, needed = JobRow.payload.label("digest"), SessionFileRow.digest.label("digest")
        result = ResultRow.content.label("digest")
        files = union(
            select(literal("inputs").label("kind"), payload).where(JobRow.payload.is_not(None)),
            select(literal("sessions").label("kind"), needed),
            select(ResultRow.kind.label("kind"), result),
        ).subquery()
        query = (
            select(files.c.kind, func.sum(WrittenFileRow.size))
            .join(WrittenFileRow, WrittenFileRow.digest == files.c.digest)
            .group_by(files.c.kind)
        )
        with self._database.reading() as session:
            for kind, size in session.execute(query):
                found[str(kind)] = int(size or 0)
        return found

    def release(self, blobs: BlobStore, digest: str) -> None:
        """Deletes a file unless another row refers to the same content.

        What was to be done is done when this is called: where it fails, the sweep of the next start does it.
        """
        try:
            with self._database.reading() as session:
                column = wanted_files().c.digest
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
            wanted, written = texts_of(session, wanted_files().c.digest), texts_of(session, WrittenFileRow.digest)
        return sorted(written - wanted) if blobs.has_all(wanted) else []

    def collect(self, blobs: BlobStore, digests: Collection[str]) -> int:
        """Removes those files of these to which no row refers; returns how many.

        Whoever writes a file has it referred to in the same turn of the thread that writes, so that none is taken that
        is on its way. Files go before what is noted of them: what a crash leaves is found again.
        """
        with self._database.writing() as session:
            column = wanted_files().c.digest
            needed = set(session.scalars(select(column).where(column.in_(digests))))
            gone = [digest for digest in digests if digest not in needed and blobs.delete(digest)]
            session.execute(delete(WrittenFileRow).where(WrittenFileRow.digest.in_(gone)))
        return len(gone)

    def sweep(self, blobs: BlobStore) -> Swept:
        """Removes files that no row refers to any more, and moves aside those that this database never knew."""
        with self._database.reading() as session:
            wanted, written = texts_of(session, wanted_files().c.digest), texts_of(session, WrittenFileRow.digest)
        swept = blobs.sweep(wanted, written)
        # Those of a version that noted nothing, and those that are gone.
        if wanted != written:
            with self._database.writing() as session:
                session.execute(
                    delete(WrittenFileRow).where(WrittenFileRow.digest.not_in(select(wanted_files().c.digest)))
                )
                session.add_all(WrittenFileRow(digest=digest) for digest in wanted - written)
        with self._database.reading() as session:
            unsized = texts_of(session, WrittenFileRow.digest, WrittenFileRow.size.is_(None))
        if unsized:
            with self._database.writing() as session:
                for digest in unsized:
                    session.execute(
                        update(WrittenFileRow).where(WrittenFileRow.digest == digest).values(size=blobs.size(digest))
                    )
        return swept


def wanted_files() -> Subquery:
    """Digests that rows refer to, in a column `digest`."""
    columns = (JobRow.payload, ResultRow.content, SessionFileRow.digest)
    return union(*(select(column.label("digest")).where(column.is_not(None)) for column in columns)).subquery()


def texts_of(
    session: Session, column: ColumnElement[str] | InstrumentedAttribute[str], *where: ColumnElement[bool]
) -> set[str]:
    """All of a column, also what is damaged."""
    found = session.scalars(select(cast(column, LargeBinary)).where(*where))
    return {raw.decode(errors="replace") for raw in found}
