"""Eigenbases that threads need and do not name: found, or computed by a job that they wait for."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from pullback.generators import CatalogueEntry
from pullback_api.v1 import geometry_pb2, search_pb2, specs_pb2
from pullback_server.errors import failed_precondition
from pullback_server.jobs.dependencies import failure_of, gone
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.jobs.submission import eigenbasis_submission, fresh_job_id, submit
from pullback_server.specs import complete_eigenbasis_spec, preconditioning_space
from pullback_server.store import JobRecord, JobState, ResultRecord, Store, UnreadableError

# Eigenbases of a generator that are looked through for one that serves.
_SEARCHED = 1_000


class Provision:
    """Sees to the eigenbases of threads.

    What a session waits for counts as asked for by itself: it is computed to its end, whatever becomes of the session.
    """

    def __init__(self, store: Store, scheduler: Scheduler) -> None:
        self._store = store
        self._scheduler = scheduler

    async def newest(self, thread: search_pb2.ThreadSpec, generator: CatalogueEntry) -> ResultRecord | None:
        """The newest eigenbasis that serves a thread's generator and space, and is whole; None where none does."""
        rows = await self._scheduler.in_store(
            self._store.results.page, "eigenbasis", generator=generator.name, limit=_SEARCHED
        )
        for _, record in rows:
            if isinstance(record, UnreadableError):
                continue
            try:
                header = geometry_pb2.Eigenbasis.FromString(record.header)
            except DecodeError:
                # Damaged: another one may serve.
                continue
            serving = {thread.space, preconditioning_space(thread.space, generator)}
            serves = header.generator_weights_hash == generator.weights_hash and header.spec.space in serving
            if serves and await self._scheduler.in_store(self._store.results.whole, record.name):
                return record
        return None

    async def request(self, thread: search_pb2.ThreadSpec, generator: CatalogueEntry) -> JobRecord:
        """The job that computes the eigenbasis of the default specification for a thread; of `w+`, that of `w`.

        Raises:
            ApiError: RESOURCE_EXHAUSTED where the queue or the disk is full.
        """
        space = preconditioning_space(thread.space, generator)
        wanted = specs_pb2.EigenbasisSpec(generator=thread.generator, space=space)
        spec = complete_eigenbasis_spec(wanted, "eigenbasis")
        job_id = await fresh_job_id(self._scheduler, self._store)
        return await submit(self._scheduler, self._store, eigenbasis_submission(job_id, spec))

    async def awaited(self, job_id: str) -> str:
        """The digest of the eigenbasis that a job computes, once it is there.

        Raises:
            ApiError: The job failed or was cancelled, or what it computed was deleted.
        """
        job = await self._scheduler.in_store(self._store.jobs.find, job_id)
        if job is None:
            raise gone(job_id)
        job = await self._scheduler.dependencies.until_ended(job)
        if job.state != JobState.SUCCEEDED:
            raise failure_of(job)
        found = await self._scheduler.in_store(self._store.results.find, job.result)
        if found is None:
            raise failed_precondition(f"{job.result} was deleted before it was used; begin a new session")
        return found.content
