"""The store's part for jobs that wait for another one: who waits, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pullback_server.store.database import Database, reads
from pullback_server.store.faults import UnreadableError
from pullback_server.store.job_rows import append_event, end_row, job_records, jobs_where, present_job
from pullback_server.store.records import JobRecord, JobState
from pullback_server.store.results import UNFINISHED
from pullback_server.store.rows import job_record
from pullback_server.store.schema import EventRow, JobRow


class WaitingStore:
    """Jobs that wait for another one, whose result they need.

    Every method is one transaction, and may be called from any thread, one at a time. A waiting job is QUEUED and
    `needs` another one; what that ends with settles it: `release` where the result is there, `fail` where not.
    """

    def __init__(self, database: Database, release_file: Callable[[str | None], None]) -> None:
        self._database = database
        self._release_file = release_file

    @reads
    def all(self) -> list[JobRecord]:
        """The jobs that wait for another one, the oldest first, without those that cannot be read."""
        with self._database.reading() as session:
            return jobs_where(session, JobRow.state == JobState.QUEUED, JobRow.needs.is_not(None))

    @reads
    def unneeded(self) -> list[JobRecord]:
        """The unfinished jobs that were queued for others, of which none waits for them any more, as `all`."""
        needed = select(JobRow.needs).where(JobRow.state == JobState.QUEUED, JobRow.needs.is_not(None))
        with self._database.reading() as session:
            return jobs_where(session, JobRow.state.in_(UNFINISHED), JobRow.provided, JobRow.id.not_in(needed))

    def adopt(self, job_id: str) -> None:
        """Notes that somebody asked by itself for a job that was queued for others."""
        with self._database.writing() as session:
            present_job(session, job_id).provided = False

    def tell(self, needed: str, progress: bytes) -> list[JobRecord]:
        """Notes what the jobs that wait for another one show; of their events the latest such alone is kept."""
        with self._database.writing() as session:
            rows = _waiting_for(session, needed)
            told = EventRow.job.in_([row.id for row in rows])
            session.execute(delete(EventRow).where(told, EventRow.transient))
            for row in rows:
                row.progress = progress
                append_event(session, row, transient=True)
            return [job_record(row) for row in rows]

    def release(self, needed: str, progress: bytes) -> list[JobRecord]:
        """Has the jobs that wait for another one wait for a worker instead: what they need is there."""
        with self._database.writing() as session:
            rows = _waiting_for(session, needed)
            for row in rows:
                row.needs, row.progress = None, progress
                append_event(session, row)
            return [job_record(row) for row in rows]

    def fail(self, needed: str, error: bytes) -> list[JobRecord]:
        """QUEUED → FAILED, with the reason: the jobs that wait for another one, which has ended without a result."""
        with self._database.writing() as session:
            rows = _waiting_for(session, needed)
            payloads = [end_row(session, row, JobState.FAILED, error=error) for row in rows]
            records = [job_record(row) for row in rows]
        for digest in payloads:
            self._release_file(digest)
        return records

    def cancel_unneeded(self, job_id: str) -> JobRecord | None:
        """QUEUED or RUNNING → CANCELLED, where the job was queued for others, of which none waits for it any more.

        Returns:
            The job; None where it goes on, or has ended before.
        """
        with self._database.writing() as session:
            row = present_job(session, job_id)
            if row.state not in UNFINISHED or not row.provided or _waiting_for(session, job_id):
                return None
            payload = end_row(session, row, JobState.CANCELLED)
            record = job_record(row)
        self._release_file(payload)
        return record


def _waiting_for(session: Session, needed: str) -> Sequence[JobRow]:
    """The jobs that wait for another one, the oldest first; those that cannot be read stay as they are."""
    query = select(JobRow).where(JobRow.needs == needed, JobRow.state == JobState.QUEUED).order_by(JobRow.number)
    numbers = [number for number, found in job_records(session, query) if not isinstance(found, UnreadableError)]
    return session.scalars(query.where(JobRow.number.in_(numbers))).all()
