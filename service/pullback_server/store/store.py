"""The store: jobs and their events, with parts for what waits, results, annotations and sessions."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection
from pathlib import Path

from sqlalchemy import func, select

from pullback_server.store.annotations import AnnotationStore
from pullback_server.store.blobs import BlobStore, Swept
from pullback_server.store.database import open_database, reads
from pullback_server.store.deletion import DeletionStore
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
from pullback_server.store.keys import EVERYBODYS, KeyStore, seen_by
from pullback_server.store.privacy import make_folder
from pullback_server.store.records import EventRecord, JobRecord, JobState, ResultRecord
from pullback_server.store.references import References
from pullback_server.store.results import UNFINISHED, ResultStore, put_result
from pullback_server.store.rows import event_record, job_record
from pullback_server.store.schema import (
    EventRow,
    JobOwnerRow,
    JobRow,
    Meta,
    ResultRow,
    begins_with,
    request_key,
    utc_now,
)
from pullback_server.store.sessions import SessionStore
from pullback_server.store.waiting import WaitingStore


class Store:
    """Everything the server keeps, below one folder: `pullback.sqlite` and `blobs/`.

    Contract. Every method is one transaction: it happens whole, is on disk when it returns, or raises and leaves
    the store as it was. Methods may be called from any thread, one at a time. Job states move only forward,
    QUEUED → RUNNING → ended, and back to QUEUED by `requeue`; an ended job never changes. A QUEUED job may need the
    result of another one: it waits for that, and not for a worker; see `waiting`.

    Methods that are marked as reading may also be called beside all others, from several threads: they see the store as
    it was at one moment, and wait for nobody who writes. Every method raises a `StorageUnavailableError` while the
    disk is full, the database locked by another program, or either fails: nothing has happened then, and the same call
    may succeed later.

    A row that cannot be read concerns its own resource alone: to get it raises an `UnreadableError` that names the
    resource, lists hold the error in its place, and what goes through many rows leaves it out.
    """

    def __init__(self, folder: Path, database: str | None = None) -> None:
        """Opens the store of a folder, or begins one.

        Args:
            folder: Where its files are.
            database: URL of the database, `postgresql://…`; None = SQLite in the folder.

        Raises:
            StoreError: It cannot be used: see `open_database`.
        """
        make_folder(folder)
        self._folder = folder
        self._database = open_database(folder, database)
        self._references = References(self._database)
        self.blobs = BlobStore(folder / "blobs", self._references.note)
        self.results = ResultStore(self._database, self.blobs, self._release)
        self.waiting = WaitingStore(self._database, self._release)
        self.annotations = AnnotationStore(self._database)
        self.keys = KeyStore(self._database)
        self.sessions = SessionStore(self._database, self.blobs, self._release)
        self.deletion = DeletionStore(self._database, self._release)

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
    def repeated_job(self, request_id: str, request_digest: str, owner: str = "") -> JobRecord | None:
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
        return made[0] if made and self.results.whole(result) else None

    @reads
    def working_on(self, result: str) -> JobRecord | None:
        """The job that makes a result at the moment."""
        query = select(JobRow).where(JobRow.result == result, JobRow.state.in_(UNFINISHED))
        with self._database.reading() as session:
            found = readable(job_records(session, query))
        return found[0] if found else None

    @reads
    def job(self, job_id: str) -> JobRecord | None:
        """The job of that id."""
        with self._database.reading() as session, entry_read(job_name(job_id)):
            row = job_row(session, job_id)
            return None if row is None else job_record(row)

    @reads
    def has_job(self, job_id: str) -> bool:
        """Whether there is a job of that id."""
        with self._database.reading() as session:
            return session.scalar(select(JobRow.number).where(JobRow.id == job_id)) is not None

    @reads
    def jobs(
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
        query = select(JobRow).order_by(JobRow.number.desc()).limit(limit)
        if before is not None:
            query = query.where(JobRow.number < before)
        if states:
            query = query.where(JobRow.state.in_(states))
        if match:
            query = query.where(begins_with(JobRow.id, match))
        if seen is not None:
            query = query.where(JobRow.kind.in_(EVERYBODYS) | seen_by(seen, JobRow.owner, JobRow.id, "jobs/"))
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

    # The whole -------------------------------------------------------------------------------------------------

    def probe(self, *, write: bool) -> None:
        """Does nothing but find out whether files can be made, and the database be written.

        Args:
            write: Whether something is written into the database for that, and not just its lock taken.
        """
        self.blobs.probe()
        with self._database.writing() as session:
            # Begins the transaction, which takes the lock.
            session.connection()
            if write:
                session.merge(Meta(key="probe", value=utc_now().isoformat()))

    def sweep_blobs(self) -> Swept:
        """Removes files that no row refers to any more, and moves aside those that this database never knew.

        Only while nothing is being written: at the start of a server.
        """
        return self._references.sweep(self.blobs)

    @reads
    def bytes_by_kind(self) -> dict[str, int]:
        """Bytes that the store takes: results by kind, `inputs`, `sessions`, the `database`, `checkpoints` and `aside`.

        Of files the database knows the sizes; the folders that it does not know hold few.
        """
        folders = {name: _bytes_of(self._folder / name) for name in ("checkpoints", "aside")}
        kinds = dict.fromkeys(("inputs", "inversion", "tuning", "eigenbasis", "analysis", "directions", "sessions"), 0)
        return {**kinds, **self._references.sizes(), "database": self._database.size(), **folders}

    @reads
    def orphans(self) -> list[str]:
        """Digests of files that may be collected: see `References.orphans`."""
        return self._references.orphans(self.blobs)

    def collect(self, digests: Collection[str]) -> int:
        """Removes those files of these to which no row refers, while the server runs; returns how many."""
        return self._references.collect(self.blobs, digests)

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

    def _release(self, digest: str | None) -> None:
        if digest is not None:
            self._references.release(self.blobs, digest)


def _bytes_of(folder: Path) -> int:
    """Bytes of the files below a folder, some of which may go meanwhile."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(root, name).lstat().st_size
    return total
