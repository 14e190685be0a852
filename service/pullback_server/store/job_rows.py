"""Rows of jobs: read, ended, and what happens to them noted, in a transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from pullback_server.store.damage_log import log_once
from pullback_server.store.faults import NotThereError, UnreadableError, entry_read
from pullback_server.store.records import JobRecord, JobState
from pullback_server.store.rows import job_record, records_of
from pullback_server.store.schema import EventRow, JobOwnerRow, JobRow, utc_now


def job_name(job_id: str) -> str:
    """The resource name of a job."""
    return f"jobs/{job_id}"


def job_records(session: Session, query: Select[Any]) -> list[tuple[int, JobRecord | UnreadableError]]:
    """The jobs of a query with their numbers, errors in the place of those that cannot be read."""
    return records_of(session, query, job_record, table=JobRow, key=JobRow.id, name=job_name)


def readable(found: Iterable[tuple[int, JobRecord | UnreadableError]]) -> list[JobRecord]:
    """The jobs without those that are damaged, of which the log tells: they must not stall the rest."""
    jobs = []
    for _, record in found:
        if isinstance(record, UnreadableError):
            log_once(record)
        else:
            jobs.append(record)
    return jobs


def jobs_where(session: Session, *conditions: ColumnElement[bool] | InstrumentedAttribute[bool]) -> list[JobRecord]:
    """The jobs of which all that is true, the oldest first, without those that cannot be read."""
    return readable(job_records(session, select(JobRow).where(*conditions).order_by(JobRow.number)))


def present_job(session: Session, job_id: str) -> JobRow:
    """The row of a job that is to be changed.

    Raises:
        NotThereError: There is none.
        UnreadableError: It is damaged.
    """
    with entry_read(job_name(job_id)):
        row = job_row(session, job_id)
        if row is None:
            raise NotThereError(f"no job {job_id}")
        # All that it can be read for is read before anything is changed.
        job_record(row)
        return row


def job_row(session: Session, job_id: str) -> JobRow | None:
    """The row of a job; None where there is none."""
    return session.scalar(select(JobRow).where(JobRow.id == job_id))


def end_row(
    session: Session, row: JobRow, state: JobState, *, error: bytes | None = None, progress: bytes | None = None
) -> str | None:
    """Ends a job; returns the digest of its input, which it needs no more."""
    row.state = state
    row.error = error
    row.progress = progress or row.progress
    row.ended = utc_now()
    session.execute(delete(EventRow).where(EventRow.job == row.id, EventRow.transient))
    session.execute(delete(JobOwnerRow).where(JobOwnerRow.job == row.id))
    append_event(session, row)
    payload, row.payload = row.payload, None
    return payload


def append_event(session: Session, row: JobRow, *, transient: bool = False) -> None:
    """Notes that something happened to a job: `transient` where it may be forgotten once the job has ended."""
    row.last_sequence += 1
    session.add(
        EventRow(
            job=row.id,
            sequence=row.last_sequence,
            time=utc_now(),
            state=row.state,
            attempts=row.attempts,
            progress=row.progress,
            needs=row.needs,
            transient=transient,
        )
    )
