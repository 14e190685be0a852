"""Annotations in the store: titles and notes that people give to directions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import select

from pullback_server.store.database import Database, reads
from pullback_server.store.records import AnnotationRecord
from pullback_server.store.schema import AnnotationRow


class TitleTakenError(Exception):
    """Another direction of the set bears the title."""


class AnnotationStore:
    """Annotations of results. They are deleted with the result that they belong to.

    Every method is one transaction, and may be called from any thread, one at a time.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @reads
    def of(self, results: Iterable[str]) -> dict[str, list[AnnotationRecord]]:
        """The annotations of results by their names, in the order of their places; those without any are left out."""
        query = select(AnnotationRow).where(AnnotationRow.result.in_(list(results))).order_by(AnnotationRow.place)
        found: defaultdict[str, list[AnnotationRecord]] = defaultdict(list)
        with self._database.reading() as session:
            for row in session.scalars(query):
                found[row.result].append(AnnotationRecord(row.place, row.title, row.notes))
        return dict(found)

    def put(self, result: str, annotation: AnnotationRecord) -> None:
        """Replaces what is said of one place of a result that is there; an empty title and empty notes say nothing.

        Raises:
            TitleTakenError: Another place of the result bears the title.
            StorageFullError: The disk is full.
        """
        same = select(AnnotationRow.place).where(
            AnnotationRow.result == result,
            AnnotationRow.title == annotation.title,
            AnnotationRow.place != annotation.place,
        )
        with self._database.writing() as session:
            if annotation.title and (taken := session.scalar(same)) is not None:
                raise TitleTakenError(f"direction {taken} of this set is titled {annotation.title!r} already")
            if annotation.title or annotation.notes:
                session.merge(AnnotationRow(result=result, **vars(annotation)))
            elif (row := session.get(AnnotationRow, (result, annotation.place))) is not None:
                session.delete(row)
