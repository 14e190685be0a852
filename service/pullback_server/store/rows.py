"""Rows of the tables as the records that the store hands out; each that cannot be read concerns itself alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import LargeBinary, Select, cast, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from pullback_server.store.faults import UnreadableError, entry_read, is_unreadable
from pullback_server.store.records import EventRecord, JobRecord, JobState, ResultRecord
from pullback_server.store.schema import EventRow, JobRow, ResultRow, SessionRow

_Row = TypeVar("_Row", JobRow, ResultRow, SessionRow)
_Record = TypeVar("_Record")


def newest(table: type[_Row], limit: int, before: int | None) -> Select[_Row]:
    """Of a table the rows with the highest numbers, from the highest one, for a page of a list.

    Args:
        table: The table.
        limit: At most so many.
        before: Only those with a lower number; None for all.
    """
    query = select(table).order_by(table.number.desc()).limit(limit)
    return query if before is None else query.where(table.number < before)


def records_of(
    session: Session,
    query: Select[Any],
    make: Callable[[_Row], _Record],
    *,
    table: type[_Row],
    key: InstrumentedAttribute[str],
    name: Callable[[str], str],
) -> list[tuple[int, _Record | UnreadableError]]:
    """The records of a query's rows with their numbers, in its order; for one that cannot be read, what is wrong.

    Args:
        session: The transaction.
        query: Rows of `table`.
        make: A row's record.
        table: The table.
        key: Its column by which resources are told apart.
        name: The resource's name by that.
    """
    try:
        return [(row.number, make(row)) for row in session.scalars(query)]
    except Exception as error:
        if not is_unreadable(error):
            raise
    found: list[tuple[int, _Record | UnreadableError]] = []
    # As bytes: it may be what cannot be read.
    for number, raw in session.execute(query.with_only_columns(table.number, cast(key, LargeBinary))).all():
        called = name(raw.decode(errors="replace"))
        try:
            with entry_read(called):
                found.append((number, make(session.scalars(query.where(table.number == number)).one())))
        except UnreadableError as error:
            found.append((number, error))
    return found


def job_record(row: JobRow) -> JobRecord:
    """The job of a row."""
    return JobRecord(
        id=row.id,
        kind=row.kind,
        state=JobState(row.state),
        work=row.work,
        result=row.result,
        uses=row.uses,
        payload=row.payload,
        batch=row.batch,
        rows=row.rows,
        progress=row.progress,
        error=row.error,
        created=row.created,
        started=row.started,
        ended=row.ended,
        attempts=row.attempts,
        crashes=row.crashes,
        last_sequence=row.last_sequence,
        needs=row.needs,
        provided=row.provided,
        owner=row.owner,
    )


def event_record(row: EventRow, job: JobRecord) -> EventRecord:
    """The event of a row, of a job as it stands now."""
    state = JobState(row.state)
    then = JobRecord(
        **{
            **vars(job),
            "state": state,
            "attempts": row.attempts,
            "progress": row.progress,
            "last_sequence": row.sequence,
            "needs": row.needs,
            "error": job.error if state.ended else None,
            "started": job.started if row.attempts else None,
            "ended": job.ended if state.ended else None,
        }
    )
    return EventRecord(sequence=row.sequence, time=row.time, job=then)


def result_record(row: ResultRow) -> ResultRecord:
    """The result of a row."""
    return ResultRecord(
        name=row.name,
        kind=row.kind,
        generator=row.generator,
        job=row.job,
        created=row.created,
        header=row.header,
        content=row.content,
        owner=row.owner,
    )
