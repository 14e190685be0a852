"""Jobs that depend on jobs: who waits hears of what it waits for, and goes on, or ends, with it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import grpc
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from pullback_server.errors import ApiError
from pullback_server.jobs.events import EventBroker
from pullback_server.jobs.progress import queued_progress, waiting_progress
from pullback_server.names import job_name
from pullback_server.store import JobRecord, JobState, Store
from pullback_server.transactions import StoreUnavailableError, Transactions

# How often a waiting job is told how far the other one has come; seldomer where very many wait.
TELL_SECONDS, MAX_TOLD_A_SECOND = 1.0, 100.0
# How long an end is waited for before the store is asked for it, though nobody told of it.
UNTOLD_SECONDS = 60.0

_log = logging.getLogger(__name__)


class Dependencies:
    """Sees to jobs that wait for another one. Lives on the event loop.

    All of it is in the store, and whatever was left undone is found there by the next server: `resume`.

    Args:
        store: Where jobs are.
        transactions: Through which it is called.
        broker: Told of every event.
        on_end: Called with every job that ends here.
        on_release: Called when jobs wait no longer, but for a worker.
    """

    def __init__(
        self,
        store: Store,
        transactions: Transactions,
        broker: EventBroker,
        on_end: Callable[[JobRecord], None],
        on_release: Callable[[], None],
    ) -> None:
        self._store = store
        self._in_store = transactions.call
        self._broker = broker
        self._on_end = on_end
        self._on_release = on_release
        # When those that wait for a job may be told of it again.
        self._next_tells: dict[str, float] = {}

    async def tell(self, needed: JobRecord) -> None:
        """Tells those that wait for a job how far that has come, where it is time to."""
        now = time.monotonic()
        if needed.state.ended or now < self._next_tells.get(needed.id, 0.0):
            return
        try:
            told = await self._in_store(self._store.waiting.tell, needed.id, waiting_progress(needed))
        except ApiError as error:
            # Nothing is lost: what it says next is told too.
            _log.warning("who waits for %s is not told how far it is: %s", job_name(needed.id), error.message)
            told = []
        self._next_tells[needed.id] = now + max(TELL_SECONDS, len(told) / MAX_TOLD_A_SECOND)
        self._publish(told)

    async def settle(self, ended: JobRecord) -> None:
        """Has those that waited for a job that has ended go on, or fail with it; ends what only it waited for."""
        self._next_tells.pop(ended.id, None)
        if ended.needs is not None:
            await self._end_unneeded(ended.needs)
        if ended.state == JobState.SUCCEEDED:
            self._publish(await self._in_store(self._store.waiting.release, ended.id, queued_progress()))
            self._on_release()
            return
        await self._fail(ended.id, failure_of(ended))

    async def until_ended(self, job: JobRecord) -> JobRecord:
        """Waits until a job has ended; is cancelled when the server goes down."""
        while not job.state.ended:
            if self._broker.closing:
                # Not left to who cancels this: `wait_for` forgets a cancellation that comes as its future is done.
                raise asyncio.CancelledError
            with self._broker.ending(job.id) as end:
                found = await self._in_store(self._store.jobs.find, job.id)
                if found is None:
                    raise gone(job.id)
                job = found
                if not job.state.ended:
                    await asyncio.wait([end], timeout=UNTOLD_SECONDS)
        return job

    async def resume(self) -> None:
        """Does what an earlier server left undone."""
        for needed in dict.fromkeys(job.needs for job in await self._in_store(self._store.waiting.all)):
            if needed is not None:
                await self._resume(needed)
        for job in await self._in_store(self._store.waiting.unneeded):
            await self._end_unneeded(job.id)

    async def _resume(self, needed: str) -> None:
        try:
            job = await self._in_store(self._store.jobs.find, needed)
        except StoreUnavailableError:
            raise
        except ApiError as error:
            await self._fail(needed, error)
            return
        if job is None:
            await self._fail(needed, gone(needed))
        elif job.state.ended:
            await self.settle(job)

    async def _end_unneeded(self, needed: str) -> None:
        try:
            job = await self._in_store(self._store.waiting.cancel_unneeded, needed)
        except StoreUnavailableError:
            raise
        except ApiError as error:
            _log.error("nobody needs %s, which cannot be cancelled: %s", job_name(needed), error.message)
            return
        if job is not None:
            self._on_end(job)

    async def _fail(self, needed: str, error: ApiError) -> None:
        for job in await self._in_store(self._store.waiting.fail, needed, error.to_status().SerializeToString()):
            self._on_end(job)

    def _publish(self, jobs: list[JobRecord]) -> None:
        for job in jobs:
            self._broker.publish(job.id, job.last_sequence)


def gone(job_id: str) -> ApiError:
    """What is told to those that wait for a job which the store does not know."""
    return ApiError(grpc.StatusCode.DATA_LOSS, f"{job_name(job_id)} is not there any more")


def failure_of(ended: JobRecord) -> ApiError:
    """What is told to those that need the result of a job that has ended without one."""
    what = f"{job_name(ended.id)}, which was to compute the {ended.kind} {ended.result},"
    if ended.state == JobState.CANCELLED:
        return ApiError(grpc.StatusCode.ABORTED, f"{what} was cancelled; ask again, and it is computed anew")
    try:
        status = status_pb2.Status.FromString(ended.error or b"")
    except DecodeError:
        status = status_pb2.Status(code=grpc.StatusCode.DATA_LOSS.value[0], message="what it failed of is damaged")
    code = next((code for code in grpc.StatusCode if code.value[0] == status.code), grpc.StatusCode.UNKNOWN)
    return ApiError(code, f"{what} failed: {status.message}")
