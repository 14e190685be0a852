"""The store: jobs, events, results; apart `sessions` and `annotations`. One transaction per method."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from pathlib import Path

from sqlalchemy import Subquery, delete, func, select, union
from sqlalchemy.orm import Session

from pullback_server.store.annotations import AnnotationStore
from pullback_server.store.blobs import BlobStore, Swept
from pullback_server.store.database import Database, reads
from pullback_server.store.faults import RequestConflictError, StoreError
from pullback_server.store.privacy import make_folder
from pullback_server.store.records import EventRecord, JobRecord, JobState, ResultRecord
from pullback_server.store.rows import event_record, job_record, result_record
from pullback_server.store.schema import (
    EventRow,
    JobRow,
    Meta,
    ResultRow,
    SessionFileRow,
    WrittenFileRow,
    begins_with,
    utc_now,
)
from pullback_server.store.sessions import SessionStore

_log = logging.getLogger(__name__)
_UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


class InUseError(Exception):
    """What is to be deleted is still needed."""


class Store:
    """Everything the server keeps, below one folder: `pullback.sqlite` and `blobs/`.

    Contract. Every method is one transaction: it happens whole, is on disk when it returns, or raises and leaves
    the store as it was. Methods may be called from any thread, one at a time. Job states move only forward,
    QUEUED → RUNNING → ended, and back to QUEUED by `requeue`; an ended job never changes.

    Methods that are marked as reading may also be called beside all others, from several threads: they see the store as
    it was at one moment, and wait for nobody who writes. Every method raises a `StorageUnavailableError` while the
    disk is full, the database locked by another program, or either fails: nothing has happened then, and the same call
    may succeed later.
    """

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self._database = Database(folder / "pullback.sqlite")
        self.blobs = BlobStore(folder / "blobs", self._note)
        self.annotations = AnnotationStore(self._database)
        self.sessions = SessionStore(self._database, self.blobs, self._release)

    def close(self) -> None:
        """Closes the database."""
        self._database.close()

    # Jobs ------------------------------------------------------------------------------------------------------

    def create_job(
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
    ) -> JobRecord:
        """Accepts a job.

        Args:
            job_id: Identifier of the new job.
            kind: `eigenbasis`, `inversion`, `analysis` or `directions`.
            work: Serialised specification.
            result: Name of the resource that the job makes.
            request_id: The caller's name for the request, if any; one that no job has.
            request_digest: Digest of the request, to tell a repeat from a conflict.
            progress: Serialised `Progress` to begin with.
            uses: Name of the eigenbasis that the job works with.
            payload: Digest of the job's input.
            batch: What jobs have in common that can be computed together; empty for a job computed by itself.
            rows: How many latents the job moves.
        """
        with self._database.writing() as session:
            row = JobRow(
                id=job_id,
                kind=kind,
                state=JobState.QUEUED,
                request_id=request_id,
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
            )
            session.add(row)
            session.flush()
            _append_event(session, row)
            return job_record(row)

    @reads
    def repeated_job(self, request_id: str, request_digest: str) -> JobRecord | None:
        """The job that was accepted under that `request_id`, if any.

        Raises:
            RequestConflictError: It was accepted for another request.
        """
        with self._database.reading() as session:
            row = session.scalar(select(JobRow).where(JobRow.request_id == request_id))
            if row is None:
                return None
            if row.request_digest != request_digest:
                raise RequestConflictError(
                    f"request_id {request_id!r} was used for another request, jobs/{row.id}; "
                    "take a new one for a new request"
                )
            return job_record(row)

    @reads
    def maker_of(self, result: str) -> JobRecord | None:
        """The job that makes a result at the moment, or made it while it is still there."""
        working = select(JobRow).where(JobRow.result == result, JobRow.state.in_(_UNFINISHED))
        made = select(JobRow).join(ResultRow, ResultRow.job == JobRow.id).where(ResultRow.name == result)
        with self._database.reading() as session:
            row = session.scalar(working) or session.scalar(made)
            return None if row is None else job_record(row)

    @reads
    def job(self, job_id: str) -> JobRecord | None:
        """The job of that id."""
        with self._database.reading() as session:
            row = _job_row(session, job_id)
            return None if row is None else job_record(row)

    @reads
    def has_job(self, job_id: str) -> bool:
        """Whether there is a job of that id."""
        with self._database.reading() as session:
            return session.scalar(select(JobRow.number).where(JobRow.id == job_id)) is not None

    @reads
    def jobs(
        self, *, limit: int, before: int | None = None, states: Collection[JobState] = (), match: str = ""
    ) -> list[tuple[int, JobRecord]]:
        """Jobs with their numbers, newest first, those with a number under `before` and an id that begins so."""
        query = select(JobRow).order_by(JobRow.number.desc()).limit(limit)
        if before is not None:
            query = query.where(JobRow.number < before)
        if states:
            query = query.where(JobRow.state.in_(states))
        if match:
            query = query.where(begins_with(JobRow.id, match))
        with self._database.reading() as session:
            return [(row.number, job_record(row)) for row in session.scalars(query)]

    @reads
    def queued(self) -> list[JobRecord]:
        """The jobs that wait for a worker, the oldest first."""
        return self._readable(JobState.QUEUED)

    @reads
    def queue_length(self) -> int:
        """How many jobs wait for a worker."""
        query = select(func.count()).select_from(JobRow).where(JobRow.state == JobState.QUEUED)
        with self._database.reading() as session:
            return session.scalar(query) or 0

    def start_job(self, job_id: str) -> JobRecord:
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

    def cancel_job(self, job_id: str) -> JobRecord:
        """QUEUED or RUNNING → CANCELLED."""
        return self._end(job_id, JobState.CANCELLED)

    def fail_job(self, job_id: str, error: bytes) -> JobRecord:
        """QUEUED or RUNNING → FAILED, with the reason."""
        return self._end(job_id, JobState.FAILED, error=error)

    def finish_job(self, result: ResultRecord, progress: bytes) -> JobRecord:
        """RUNNING → SUCCEEDED, and the result is there, in one transaction."""
        return self._end(result.job, JobState.SUCCEEDED, result=ResultRow(**vars(result)), progress=progress)

    @reads
    def interrupted(self) -> list[JobRecord]:
        """Jobs that no worker can be at when a server starts: those left RUNNING by a crash."""
        return self._readable(JobState.RUNNING)

    @reads
    def events(self, job_id: str, after: int, limit: int = 1000) -> list[EventRecord]:
        """The job's events with a higher number than `after`, in order."""
        query = (
            select(EventRow)
            .where(EventRow.job == job_id, EventRow.sequence > after)
            .order_by(EventRow.sequence)
            .limit(limit)
        )
        with self._database.reading() as session:
            row = _job_row(session, job_id)
            if row is None:
                return []
            return [event_record(event, job_record(row)) for event in session.scalars(query)]

    # Results ---------------------------------------------------------------------------------------------------

    @reads
    def result(self, name: str) -> ResultRecord | None:
        """The result of that name."""
        with self._database.reading() as session:
            row = session.scalar(select(ResultRow).where(ResultRow.name == name))
            return None if row is None else result_record(row)

    @reads
    def results(
        self, kind: str, *, limit: int, generator: str | None = None, before: int | None = None
    ) -> list[tuple[int, ResultRecord]]:
        """Results of a kind with their numbers, newest first; of one generator, or of all."""
        query = select(ResultRow).where(ResultRow.kind == kind).order_by(ResultRow.number.desc()).limit(limit)
        if before is not None:
            query = query.where(ResultRow.number < before)
        if generator is not None:
            query = query.where(ResultRow.generator == generator)
        with self._database.reading() as session:
            return [(row.number, result_record(row)) for row in session.scalars(query)]

    def keep_result(self, result: ResultRecord) -> None:
        """Keeps a result that no job made: its job is empty, and no result has its name."""
        with self._database.writing() as session:
            session.add(ResultRow(**vars(result)))

    def delete_result(self, name: str) -> None:
        """Deletes a result and its annotations, if it is there.

        Raises:
            InUseError: A job that has not ended works with it.
        """
        users = select(JobRow.id).where(JobRow.uses == name, JobRow.state.in_(_UNFINISHED)).limit(1)
        with self._database.writing() as session:
            if (user := session.scalar(users)) is not None:
                raise InUseError(f"{name} is used by jobs/{user}, which has not ended; wait for it or cancel it first")
            row = session.scalar(select(ResultRow).where(ResultRow.name == name))
            if row is None:
                return
            content = row.content
            session.delete(row)
        self._release(content)

    def probe(self, *, write: bool) -> None:
        """Does nothing but find out whether the database can be written.

        Args:
            write: Whether something is written for that: a full disk is noticed by nothing else.
        """
        with self._database.writing() as session:
            # Begins the transaction, which takes the lock.
            session.connection()
            if write:
                session.merge(Meta(key="probe", value=utc_now().isoformat()))

    def sweep_blobs(self) -> Swept:
        """Removes files that no row refers to any more, and moves aside those that this database never knew.

        Only while nothing is being written: at the start of a server.
        """
        with self._database.reading() as session:
            wanted, written = _referenced(session), set(session.scalars(select(WrittenFileRow.digest)))
        swept = self.blobs.sweep(wanted, written)
        # Those of a version that noted nothing, and those that are gone.
        if wanted != written:
            with self._database.writing() as session:
                session.execute(delete(WrittenFileRow).where(WrittenFileRow.digest.not_in(select(_wanted().c.digest))))
                session.add_all(WrittenFileRow(digest=digest) for digest in wanted - written)
        return swept

    # Private ---------------------------------------------------------------------------------------------------

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
            row = _job_row(session, job_id)
            if row is None:
                raise LookupError(f"no job {job_id}")
            if row.state in allowed:
                change(row)
                _append_event(session, row, transient=transient)
            return job_record(row)

    def _end(
        self,
        job_id: str,
        state: JobState,
        *,
        error: bytes | None = None,
        progress: bytes | None = None,
        result: ResultRow | None = None,
    ) -> JobRecord:
        with self._database.writing() as session:
            row = _job_row(session, job_id)
            if row is None:
                raise LookupError(f"no job {job_id}")
            if row.state not in _UNFINISHED:
                return job_record(row)
            if result is not None:
                session.add(result)
            row.state = state
            row.error = error
            row.progress = progress or row.progress
            row.ended = utc_now()
            session.execute(delete(EventRow).where(EventRow.job == job_id, EventRow.transient))
            _append_event(session, row)
            payload, row.payload = row.payload, None
            record = job_record(row)
        if payload is not None:
            self._release(payload)
        return record

    def _readable(self, state: JobState) -> list[JobRecord]:
        """The jobs in a state, the oldest first, without those whose rows are damaged: they must not stall the rest."""
        query = select(JobRow).where(JobRow.state == state).order_by(JobRow.number)
        with self._database.reading() as session:
            try:
                return [job_record(row) for row in session.scalars(query)]
            except ValueError:
                numbers = session.scalars(query.with_only_columns(JobRow.number)).all()
        found = []
        for number in numbers:
            with self._database.reading() as session:
                try:
                    found += [job_record(row) for row in session.scalars(query.where(JobRow.number == number))]
                except ValueError as error:
                    _log.error("the entry of job number %d in the database cannot be read: %s", number, error)
        return found

    def _note(self, digest: str) -> None:
        """Notes that a file is this database's."""
        with self._database.reading() as session:
            if session.get(WrittenFileRow, digest) is not None:
                return
        with self._database.writing() as session:
            session.add(WrittenFileRow(digest=digest))

    def _release(self, digest: str) -> None:
        """Deletes a file unless another row refers to the same content.

        What was to be done is done when this is called: where it fails, the sweep of the next start does it.
        """
        try:
            with self._database.reading() as session:
                if digest in _referenced(session, digest):
                    return
        except StoreError as error:
            _log.warning("a file that is needed no more stays until the next start: %s", error)
            return
        self.blobs.delete(digest)


def _job_row(session: Session, job_id: str) -> JobRow | None:
    return session.scalar(select(JobRow).where(JobRow.id == job_id))


def _append_event(session: Session, row: JobRow, *, transient: bool = False) -> None:
    row.last_sequence += 1
    session.add(
        EventRow(
            job=row.id,
            sequence=row.last_sequence,
            time=utc_now(),
            state=row.state,
            attempts=row.attempts,
            progress=row.progress,
            transient=transient,
        )
    )


def _wanted() -> Subquery:
    """Digests that rows refer to, in a column `digest`."""
    columns = (JobRow.payload, ResultRow.content, SessionFileRow.digest)
    return union(*(select(column.label("digest")).where(column.is_not(None)) for column in columns)).subquery()


def _referenced(session: Session, digest: str | None = None) -> set[str]:
    """Digests that rows refer to: all, or just `digest` if any row refers to it."""
    column = _wanted().c.digest
    return set(session.scalars(select(column) if digest is None else select(column).where(column == digest)))
