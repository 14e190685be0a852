"""The `Jobs` service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import empty_pb2

from pullback_api.v1 import jobs_pb2, jobs_pb2_grpc
from pullback_server.access import Ownership, identity
from pullback_server.advice import LIST_JOBS
from pullback_server.damage import readable
from pullback_server.errors import ApiError, invalid, not_found, unavailable
from pullback_server.jobs.events import EventBroker
from pullback_server.jobs.resources import event_message, job_message
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.keeping.deletion import Deletion
from pullback_server.names import parse_job
from pullback_server.servicers.paging import page_of
from pullback_server.store import JobRecord, JobState, NotThereError, Store

MAX_WAIT_SECONDS = 3600.0
DEFAULT_WAIT_SECONDS = 30.0

Context = grpc.aio.ServicerContext[Any, Any]


class JobsServicer(jobs_pb2_grpc.JobsServicer):
    """Follows and cancels jobs."""

    def __init__(self, store: Store, scheduler: Scheduler, broker: EventBroker) -> None:
        self._store = store
        self._scheduler = scheduler
        self._broker = broker
        self._deletion = Deletion(store, scheduler)
        self._ownership = Ownership(store, scheduler.in_store)

    async def GetJob(self, request: jobs_pb2.GetJobRequest, context: Context) -> jobs_pb2.Job:
        """See the contract."""
        return job_message(await self._find(request.name))

    async def ListJobs(self, request: jobs_pb2.ListJobsRequest, context: Context) -> jobs_pb2.ListJobsResponse:
        """See the contract."""
        try:
            states = [JobState(state) for state in request.states]
        except ValueError:
            known = ", ".join(f"JOB_STATE_{state.name}" for state in JobState)
            raise invalid("states", f"expected job states, {known}, but {list(request.states)} came") from None
        records, token = await page_of(
            request,
            lambda limit, before: self._scheduler.in_store(
                self._store.jobs.page,
                limit=limit,
                before=before,
                states=states,
                match=request.match,
                seen=identity().seen_by,
            ),
        )
        jobs, unreadable = readable(records, job_message)
        return jobs_pb2.ListJobsResponse(jobs=jobs, unreadable=unreadable, next_page_token=token)

    async def WatchJob(self, request: jobs_pb2.WatchJobRequest, context: Context) -> AsyncIterator[jobs_pb2.JobEvent]:
        """See the contract."""
        if request.after_sequence < 0:
            raise invalid("after_sequence", f"expected 0 or more, but {request.after_sequence} came")
        job = await self._find(request.name)
        after = request.after_sequence
        while True:
            events = await self._scheduler.in_store(self._store.jobs.events, job.id, after)
            for event in events:
                yield event_message(event, self._broker.previews(job.id, event.sequence))
                after = event.sequence
                if event.job.state.ended:
                    return
            if not events and (job := await self._find(request.name)).state.ended and after >= job.last_sequence:
                return
            self._refuse_while_closing(request.name)
            await self._broker.wait(job.id, after)

    async def WaitJob(self, request: jobs_pb2.WaitJobRequest, context: Context) -> jobs_pb2.Job:
        """See the contract."""
        timeout = DEFAULT_WAIT_SECONDS
        if request.HasField("timeout"):
            timeout = request.timeout.seconds + request.timeout.nanos * 1e-9
        if not 0 <= timeout <= MAX_WAIT_SECONDS:
            raise invalid("timeout", f"expected 0 to {MAX_WAIT_SECONDS:.0f} s, but {timeout} s came")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            job = await self._find(request.name)
            remaining = deadline - loop.time()
            if job.state.ended or remaining <= 0:
                return job_message(job)
            self._refuse_while_closing(request.name)
            await self._broker.wait(job.id, job.last_sequence, remaining)

    async def CancelJob(self, request: jobs_pb2.CancelJobRequest, context: Context) -> jobs_pb2.Job:
        """See the contract."""
        job = await self._find(request.name, own=True)
        try:
            return job_message(await self._scheduler.cancel(job.id))
        except NotThereError:
            raise _no_job(request.name) from None

    async def DeleteJob(self, request: jobs_pb2.DeleteJobRequest, context: Context) -> empty_pb2.Empty:
        """See the contract."""
        job_id = parse_job(request.name, "name")
        await self._ownership.job(job_id, _no_job(request.name), deleting=True)
        # One that is damaged can be deleted too.
        if not await self._scheduler.in_store(self._store.jobs.has, job_id):
            raise _no_job(request.name)
        await self._deletion.job(job_id, cascade=request.cascade)
        return empty_pb2.Empty()

    async def _find(self, name: str, *, own: bool = False) -> JobRecord:
        job_id = parse_job(name, "name")
        await self._ownership.job(job_id, _no_job(name), own=own)
        job = await self._scheduler.in_store(self._store.jobs.find, job_id)
        if job is None:
            raise _no_job(name)
        return job

    def _refuse_while_closing(self, name: str) -> None:
        if self._broker.closing:
            raise unavailable(f"the server is shutting down; {name} goes on when it is back, ask again then")


def _no_job(name: str) -> ApiError:
    return not_found(f"no job {name!r}; {LIST_JOBS}")
