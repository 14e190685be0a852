"""Rows of the tables as the records that the store hands out."""

from __future__ import annotations

from pullback_server.store.records import EventRecord, JobRecord, JobState, ResultRecord
from pullback_server.store.schema import EventRow, JobRow, ResultRow


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
    )
