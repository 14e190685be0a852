"""The store's part for jobs: accepted, queued, started, ended, and the events of each."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy import func, select

from pullback_server.store.database import Database, reads
from pullback_server.store.faults import RequestConflictError, UnreadableError, entry_read
from pullback_server.store.job_rows import (
    append_event,
    end_row,
    job_name,
    job_records,
    job_row,
    jobs_where,
    present_job,
    readable,
)
from pullback_server.store.keys import job_seen_by
from pullback_server.store.records import EventRecord, JobRecord, JobState, ResultRecord
from pullback_server.store.results import UNFINISHED, ResultStore, put_result
from pullback_server.store.rows import event_record, job_record, newest
from pullback_server.store.schema import EventRow, JobOwnerRow, JobRow, ResultRow, begins_with, request_key, utc_now


class JobStore:
    """Jobs and their events. Every method is one transaction, and may be called from any thread, one at a time.

    Contract. States move only forward, QUEUED → RUNNING → ended, and back to QUEUED by `requeue`; an ended job never
    changes. A QUEUED job may need the result of another one: it waits for that, and not for a worker; see
    `WaitingStore`.
    """

    def __init__(self, database: Database, results: ResultStore, release: Callable[[str | None], None]) -> None:
        self._database = database
        self._results = results
        self._release = release

    def create(
        self,
        *,
        job_id: str,
        kind: str,
        work: bytes,
        result: str,
        request_id: str | None,
        request_digest: str,
        progress: bytes,
        uses: str | None = None,
        payload: str | None = None,
        batch: str = "",
        rows: int = 0,
        client: str = "",
        needs: str | None = None,
        provided: bool = False,
        owner: str = "",
    ) -> JobRecord:
        """Accepts a job.

        Args:
            job_id: Identifier of the new job.
            kind: `eigenbasis`, `inversion`, `analysis`, `directions` or `tuning`.
            work: Serialised specification.
            result: Name of the resource that the job makes.
            request_id: The caller's name for the request, if any; one that no job of its owner has.
            request_digest: Digest of the request, to tell a repeat from a conflict.
            progress: Serialised `Progress` to begin with.
            uses: Name of the eigenbasis that the job works with.
            payload: Digest of the job's input.
            batch: What jobs have in common that can be computed together; empty for a job computed by itself.
            rows: How many latents the job moves.
            client: Who brought it; empty for nobody that is known.
            needs: Id of the job whose result it waits for.
            provided: Whether it is queued for jobs that need its result, and nobody asked for it by itself.
            owner: Name of the key that it belongs to; empty for the operator's own.
        """
        with self._database.writing() as session:
            row = JobRow(
                id=job_id,
                kind=kind,
                state=JobState.QUEUED,
                request_id=request_key(owner, request_id),
                request_digest=request_digest,
                work=work,
                result=result,
                uses=uses,
                payload=payload,
                batch=batch,
                rows=rows,
                progress=progress,
                created=utc_now(),
                attempts=0,
                crashes=0,
                last_sequence=0,
                needs=needs,
                provided=provided,
                owner=owner,
            )
            session.add(row)
            session.flush()
            if client:
                session.add(JobOwnerRow(job=job_id, client=client))
            append_event(session, row)
            return job_record(row)

    @reads
    def repeated(self, request_id: str, request_digest: str, owner: str = "") -> JobRecord | None:
        """The job of that owner that was accepted under that `request_id`, if any.

        Raises:
            RequestConflictError: It was accepted for another request.
        """
        with self._database.reading() as session:
            query = select(JobRow).where(JobRow.request_id == request_key(owner, request_id))
            for _, found in job_records(session, query):
                if isinstance(found, UnreadableError):
                    raise found
            if (row := session.scalar(query)) is None:
                return None
            if row.request_digest != request_digest:
                raise RequestConflictError(
                    f"request_id {request_id!r} was used for another request, jobs/{row.id}; "
                    "take a new one for a new request"
                )
            return job_record(row)

    @reads
    def maker_of(self, result: str) -> JobRecord | None:
        """The job that makes a result at the moment, or made it while it is still there, and whole."""
        if (working := self.working_on(result)) is not None:
            return working
        query = select(JobRow).join(ResultRow, ResultRow.job == JobRow.id).where(ResultRow.name == result)
        with self._database.reading() as session:
            made = readable(job_records(session, query))
        return made[0] if made and self._results.whole(result) else None

    @reads
    def working_on(self, result: str) -> JobRecord | None:
        """The job that makes a result at the moment."""
        query = select(JobRow).where(JobRow.result == result, JobRow.state.in_(UNFINISHED))
        with self._database.reading() as session:
            found = readable(job_records(session, query))
        return found[0] if found else None

    @reads
    def find(self, job_id: str) -> JobRecord | None:
        """The job of that id."""
        with self._database.reading() as session, entry_read(job_name(job_id)):
            row = job_row(session, job_id)
            return None if row is None else job_record(row)

    @reads
    def has(self, job_id: str) -> bool:
        """Whether there is a job of that id."""
        with self._database.reading() as session:
            return session.scalar(select(JobRow.number).where(JobRow.id == job_id)) is not None

    @reads
    def page(
        self,
        *,
        limit: int,
        before: int | None = None,
        states: Collection[JobState] = (),
        match: str = "",
        seen: str | None = None,
    ) -> list[tuple[int, JobRecord | UnreadableError]]:
        """Jobs with their numbers, newest first, those with a number under `before` and an id that begins so.

        Args:
            limit: At most so many.
            before: Only those with a lower number.
            states: Only those in one of these; empty for all.
            match: Only those whose id begins so; empty for all.
            seen: Only those that this key sees; None for all.
        """
        query = newest(JobRow, limit, before)
        if states:
            query = query.where(JobRow.state.in_(states))
        if match:
            query = query.where(begins_with(JobRow.id, match))
        if seen is not None:
            query = query.where(job_seen_by(seen))
        with self._database.reading() as session:
            return job_records(session, query)

    @reads
    def queued(self) -> list[JobRecord]:
        """The jobs that wait for a worker, the oldest first, without those that cannot be read."""
        with self._database.reading() as session:
            return jobs_where(session, JobRow.state == JobState.QUEUED, JobRow.needs.is_(None))

    @reads
    def owners(self) -> dict[str, str]:
        """Who brought the jobs that have not ended, by job, as far as that is known."""
        with self._database.reading() as session:
            return {row.job: row.client for row in session.scalars(select(JobOwnerRow))}

    @reads
    def queue_length(self) -> int:
        """How many jobs wait, for a worker or for another job."""
        query = select(func.count()).select_from(JobRow).where(JobRow.state == JobState.QUEUED)
        with self._database.reading() as session:
            return session.scalar(query) or 0

    def start(self, job_id: str) -> JobRecord:
        """QUEUED → RUNNING: a worker takes the job."""

        def change(row: JobRow) -> None:
            row.state = JobState.RUNNING
            row.attempts += 1
            row.started = row.started or utc_now()

        return self._change(job_id, (JobState.QUEUED,), change)

    def record_progress(self, job_id: str, progress: bytes) -> JobRecord:
        """Notes how far a RUNNING job has come."""

        def change(row: JobRow) -> None:
            row.progress = progress

        return self._change(job_id, (JobState.RUNNING,), change, transient=True)

    def requeue(self, job_id: str, *, progress: bytes, crashed: bool, progressed: bool = False) -> JobRecord:
        """RUNNING → QUEUED: the worker died at it, or the server is going down.

        Args:
            job_id: The job.
            progress: Serialised `Progress` to show meanwhile.
            crashed: Whether it is to blame for its worker's death.
            progressed: Whether it had come further since it was started: earlier deaths are forgotten.
        """

        def change(row: JobRow) -> None:
            row.state = JobState.QUEUED
            row.progress = progress
            row.crashes = (0 if progressed else row.crashes) + crashed

        return self._change(job_id, (JobState.RUNNING,), change)

    def cancel(self, job_id: str) -> JobRecord:
        """QUEUED or RUNNING → CANCELLED."""
        return self._end(job_id, JobState.CANCELLED)

    def fail(self, job_id: str, error: bytes) -> JobRecord:
        """QUEUED or RUNNING → FAILED, with the reason."""
        return self._end(job_id, JobState.FAILED, error=error)

    def finish(self, result: ResultRecord, progress: bytes) -> JobRecord:
        """RUNNING → SUCCEEDED, and the result is there, in one transaction."""
        return self._end(result.job, JobState.SUCCEEDED, result=result, progress=progress)

    @reads
    def interrupted(self) -> list[JobRecord]:
        """Jobs that no worker can be at when a server starts: those left RUNNING by a crash, as `queued`."""
        with self._database.reading() as session:
            return jobs_where(session, JobRow.state == JobState.RUNNING)

    @reads
    def events(self, job_id: str, after: int, limit: int = 1000) -> list[EventRecord]:
        """The job's events with a higher number than `after`, in order."""
        query = (
            select(EventRow)
            .where(EventRow.job == job_id, EventRow.sequence > after)
            .order_by(EventRow.sequence)
            .limit(limit)
        )
        with self._database.reading() as session, entry_read(job_name(job_id)):
            row = job_row(session, job_id)
            if row is None:
                return []
            return [event_record(event, job_record(row)) for event in session.scalars(query)]

    def _change(
        self,
        job_id: str,
        allowed: Collection[JobState],
        change: Callable[[JobRow], None],
        *,
        transient: bool = False,
    ) -> JobRecord:
        """Applies `change` to a job in one of the `allowed` states; a job in another one is returned as it stands."""
        with self._database.writing() as session:
            row = present_job(session, job_id)
            if row.state in allowed:
                change(row)
                append_event(session, row, transient=transient)
            return job_record(row)

    def _end(
        self,
        job_id: str,
        state: JobState,
        *,
        error: bytes | None = None,
        progress: bytes | None = None,
        result: ResultRecord | None = None,
    ) -> JobRecord:
        replaced: str | None = None
        with self._database.writing() as session:
            row = present_job(session, job_id)
            if row.state not in UNFINISHED:
                return job_record(row)
            if result is not None:
                replaced = put_result(session, result)
            payload = end_row(session, row, state, error=error, progress=progress)
            record = job_record(row)
        self._release(payload)
        self._release(replaced)
        return record
