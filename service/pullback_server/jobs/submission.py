"""Submission of a job, and before it of the one that it needs: once per request, while there is room in the queue."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timezone

import grpc

from pullback_api.v1 import jobs_pb2, specs_pb2
from pullback_server.access import identity
from pullback_server.errors import ApiError
from pullback_server.intake.callers import caller
from pullback_server.jobs.progress import queued_progress, waiting_progress
from pullback_server.jobs.queue_shares import check_place
from pullback_server.jobs.resources import job_message, proposed_message
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.names import new_id
from pullback_server.protocol.batching import MEASUREMENT, Load
from pullback_server.specs import eigenbasis_name_of
from pullback_server.store import JobRecord, RequestConflictError, Store


@dataclass(frozen=True)
class Submission:
    """A job to be accepted.

    Attributes:
        job_id: Identifier for the job, if it is a new one.
        kind: `eigenbasis`, `inversion`, `analysis`, `directions` or `tuning`.
        request_id: The caller's name for the request; empty for none.
        content: What the request says, as bytes: the same content under the same `request_id` is a repeat.
        work: Serialised specification.
        result: Name of the resource that the job makes.
        total: Steps that the job will take, 0 while unknown.
        uses: Name of the eigenbasis that the job works with.
        payload: The job's input; empty for none.
        load: What the job asks of a worker.
        shared_result: Whether a job that makes, or made, the same resource stands for this one.
        needs: Makes what the job `uses`, where that is not there; shared by all jobs that need it.
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
    needs: Submission | None = None


def eigenbasis_submission(job_id: str, spec: specs_pb2.EigenbasisSpec, request_id: str = "") -> Submission:
    """The job that computes the eigenbasis of a complete specification."""
    return Submission(
        job_id=job_id,
        kind="eigenbasis",
        request_id=request_id,
        content=spec.SerializeToString(deterministic=True),
        work=spec.SerializeToString(),
        result=eigenbasis_name_of(spec),
        total=spec.samples,
        shared_result=True,
    )


async def needed_eigenbasis(scheduler: Scheduler, store: Store, spec: specs_pb2.EigenbasisSpec) -> Submission | None:
    """The job that a job which needs the eigenbasis of a complete specification waits for; None where that is there.

    One that is damaged is not there: it is computed again.
    """
    if await scheduler.in_store(store.results.whole, eigenbasis_name_of(spec)):
        return None
    return eigenbasis_submission(await fresh_job_id(scheduler, store), spec)


async def fresh_job_id(scheduler: Scheduler, store: Store) -> str:
    """An identifier that no job has."""
    return await scheduler.in_store(new_id, store.jobs.has)


async def find_repeated(scheduler: Scheduler, store: Store, request_id: str, content: bytes) -> JobRecord | None:
    """The job of an earlier request of that `request_id`, if any: a repeat is answered before it is looked at closely.

    Raises:
        ApiError: ALREADY_EXISTS where it was used for another request.
    """
    if not request_id:
        return None
    try:
        return await scheduler.in_store(store.jobs.repeated, request_id, _digest(content), identity().key)
    except RequestConflictError as error:
        raise ApiError(grpc.StatusCode.ALREADY_EXISTS, str(error)) from None


async def submit(scheduler: Scheduler, store: Store, submission: Submission) -> JobRecord:
    """Accepts a job, or returns the one that stands for it already.

    Raises:
        ApiError: ALREADY_EXISTS where `request_id` was used for another request, RESOURCE_EXHAUSTED where the queue or
            the disk is full.
    """
    client, owner, new = caller(), identity().key, list[JobRecord]()
    own = scheduler.shares.waiting(client)
    try:
        if owner and await scheduler.in_store(_known, store, submission, owner) is None:
            await scheduler.usage.check_job(own, len(submission.payload))
    except RequestConflictError as error:
        raise ApiError(grpc.StatusCode.ALREADY_EXISTS, str(error)) from None
    # Before they are taken in, so that what the same client submits meanwhile counts them.
    coming = [each.job_id for each in (submission.needs, submission) if each is not None]
    for job_id in coming:
        scheduler.shares.came(job_id, client)
    try:
        job = await scheduler.in_store(_accept, store, submission, client, own, owner, new)
    except RequestConflictError as error:
        raise ApiError(grpc.StatusCode.ALREADY_EXISTS, str(error)) from None
    finally:
        for job_id in set(coming) - {each.id for each in new}:
            scheduler.shares.ended(job_id)
    for each in new:
        scheduler.submitted(each)
        if each.needs is not None:
            scheduler.shares.wanted(each.needs, client, each.created)
    if submission.shared_result and not new and not job.state.ended:
        scheduler.shares.wanted(job.id, client, datetime.now(timezone.utc))
    return job


async def answer(scheduler: Scheduler, store: Store, submission: Submission, *, validate_only: bool) -> jobs_pb2.Job:
    """What a request of a shared result is answered: its job, as `submit` gives it.

    With `validate_only` nothing is created: the job that stands for it already, else the one that it would become.
    """
    if not validate_only:
        return job_message(await submit(scheduler, store, submission))
    if (maker := await scheduler.in_store(store.jobs.maker_of, submission.result)) is not None:
        return job_message(maker)
    return proposed_message(submission.kind, submission.work, submission.result)


def _known(store: Store, submission: Submission, owner: str) -> JobRecord | None:
    """The job that stands for a submission already, if any. Runs in a thread of the store."""
    known = None
    if submission.request_id:
        known = store.jobs.repeated(submission.request_id, _digest(submission.content), owner)
    return known or (store.jobs.maker_of(submission.result) if submission.shared_result else None)


def _accept(store: Store, submission: Submission, client: str, own: int, owner: str, new: list[JobRecord]) -> JobRecord:
    """The job; adds what is created to `new`. Runs in the store's thread, so that nothing comes between its steps."""
    digest = _digest(submission.content)
    if submission.request_id and (known := store.jobs.repeated(submission.request_id, digest, owner)) is not None:
        return known
    if submission.shared_result and (maker := store.jobs.maker_of(submission.result)) is not None:
        if maker.provided and not maker.state.ended:
            store.waiting.adopt(maker.id)
        return maker
    needed, needs = None, submission.needs
    if needs is not None and (needed := store.jobs.maker_of(needs.result)) is not None:
        needs = None
        # It may have been finished since it was looked for.
        needed = None if needed.state.ended else needed
    places = 1 if needs is None else 2
    check_place(own + places - 1, store.jobs.queue_length() + places - 1)
    if needs is not None:
        # A server that is killed after this step finds a job that nobody needs.
        needed = _create(store, needs, client, owner, provided=True)
        new.append(needed)
    new.append(_create(store, submission, client, owner, needed=needed))
    return new[-1]


def _create(
    store: Store,
    submission: Submission,
    client: str,
    owner: str,
    *,
    needed: JobRecord | None = None,
    provided: bool = False,
) -> JobRecord:
    return store.jobs.create(
        job_id=submission.job_id,
        kind=submission.kind,
        work=submission.work,
        result=submission.result,
        request_id=submission.request_id or None,
        request_digest=_digest(submission.content),
        progress=queued_progress(submission.total) if needed is None else waiting_progress(needed),
        uses=submission.uses,
        payload=store.blobs.write(submission.payload) if submission.payload else None,
        batch=submission.load.batch,
        rows=submission.load.rows,
        client=client,
        needs=None if needed is None else needed.id,
        provided=provided,
        owner=owner,
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
