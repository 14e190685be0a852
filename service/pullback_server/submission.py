"""Accepting a job: once per request, and only while there is room in the queue."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import grpc

from pullback_api.v1 import jobs_pb2
from pullback_server.batching import MEASUREMENT, Load
from pullback_server.errors import ApiError, invalid
from pullback_server.intake.callers import caller
from pullback_server.intake.field_limits import MAX_REQUEST_ID
from pullback_server.names import new_id
from pullback_server.queue_shares import check_place
from pullback_server.resources import job_message, proposed_message
from pullback_server.scheduler import Scheduler
from pullback_server.store import JobRecord, RequestConflictError, Store


@dataclass(frozen=True)
class Submission:
    """A job to be accepted.

    Attributes:
        job_id: Identifier for the job, if it is a new one.
        kind: `eigenbasis`, `inversion`, `analysis` or `directions`.
        request_id: The caller's name for the request; empty for none.
        content: What the request says, as bytes: the same content under the same `request_id` is a repeat.
        work: Serialised specification.
        result: Name of the resource that the job makes.
        total: Steps that the job will take, 0 while unknown.
        uses: Name of the eigenbasis that the job works with.
        payload: The job's input; empty for none.
        load: What the job asks of a worker.
        shared_result: Whether a job that makes, or made, the same resource stands for this one.
    """

    job_id: str
    kind: str
    request_id: str
    content: bytes
    work: bytes
    result: str
    total: int
    uses: str | None = None
    payload: bytes = b""
    load: Load = MEASUREMENT
    shared_result: bool = False


async def fresh_job_id(scheduler: Scheduler, store: Store) -> str:
    """An identifier that no job has."""
    return await scheduler.in_store(new_id, store.has_job)


async def find_repeated(scheduler: Scheduler, store: Store, request_id: str, content: bytes) -> JobRecord | None:
    """The job of an earlier request of that `request_id`, if any: a repeat is answered before it is looked at closely.

    Raises:
        ApiError: ALREADY_EXISTS where it was used for another request, INVALID_ARGUMENT where it is too long.
    """
    _check_request_id(request_id)
    if not request_id:
        return None
    try:
        return await scheduler.in_store(store.repeated_job, request_id, _digest(content))
    except RequestConflictError as error:
        raise ApiError(grpc.StatusCode.ALREADY_EXISTS, str(error)) from None


async def submit(scheduler: Scheduler, store: Store, submission: Submission) -> JobRecord:
    """Accepts a job, or returns the one that stands for it already.

    Raises:
        ApiError: ALREADY_EXISTS where `request_id` was used for another request, INVALID_ARGUMENT where it is too
            long, RESOURCE_EXHAUSTED where the queue or the disk is full.
    """
    _check_request_id(submission.request_id)
    client, new = caller(), False
    own = scheduler.shares.waiting(client)
    # Before it is taken in, so that what the same client submits meanwhile counts it.
    scheduler.shares.came(submission.job_id, client)
    try:
        job, new = await scheduler.in_store(_accept, store, submission, own)
    except RequestConflictError as error:
        raise ApiError(grpc.StatusCode.ALREADY_EXISTS, str(error)) from None
    finally:
        if not new:
            scheduler.shares.ended(submission.job_id)
    if new:
        scheduler.submitted(job)
    return job


async def propose(scheduler: Scheduler, store: Store, submission: Submission) -> jobs_pb2.Job:
    """The job that stands for a submission of a shared result already, else the one that it would become.

    Nothing is created.
    """
    if (maker := await scheduler.in_store(store.maker_of, submission.result)) is not None:
        return job_message(maker)
    return proposed_message(submission.kind, submission.work, submission.result)


def _accept(store: Store, submission: Submission, own: int) -> tuple[JobRecord, bool]:
    """The job, and whether it is new. Runs in the store's thread, so that nothing comes between its steps."""
    digest = _digest(submission.content)
    if submission.request_id and (known := store.repeated_job(submission.request_id, digest)) is not None:
        return known, False
    if submission.shared_result and (maker := store.maker_of(submission.result)) is not None:
        return maker, False
    check_place(own, store.queue_length())
    job = store.create_job(
        job_id=submission.job_id,
        kind=submission.kind,
        work=submission.work,
        result=submission.result,
        request_id=submission.request_id or None,
        request_digest=digest,
        progress=jobs_pb2.Progress(phase="waiting for a worker", total=submission.total).SerializeToString(),
        uses=submission.uses,
        payload=store.blobs.write(submission.payload) if submission.payload else None,
        batch=submission.load.batch,
        rows=submission.load.rows,
    )
    return job, True


def _check_request_id(request_id: str) -> None:
    if len(request_id) > MAX_REQUEST_ID:
        raise invalid("request_id", f"expected at most {MAX_REQUEST_ID} characters, but {len(request_id)} came")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
