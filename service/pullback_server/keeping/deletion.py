"""Deletion of jobs and of what they made, with what depends on them: named and kept, or deleted and cancelled too."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from pullback_api.v1 import search_pb2
from pullback_server.advice import CANCEL_JOBS, CASCADE
from pullback_server.errors import ApiError, failed_precondition
from pullback_server.jobs.scheduler import Scheduler
from pullback_server.names import job_name, parse_job, session_name
from pullback_server.store import InUseError, NotEndedError, Store, UnreadableError

# What is cancelled may be asked for anew meanwhile.
_ATTEMPTS = 5


class Deletion:
    """Deletes resources of a store. What depends on a resource is what cannot be finished, or found, without it."""

    def __init__(self, store: Store, scheduler: Scheduler) -> None:
        self._store = store
        self._scheduler = scheduler

    async def result(self, name: str, *, cascade: bool = False) -> None:
        """Deletes a result that is there, readable or not.

        Args:
            name: Its name.
            cascade: Whether unfinished jobs that work with it are cancelled.

        Raises:
            ApiError: FAILED_PRECONDITION where there are such jobs, and they are not.
        """
        for _ in range(_ATTEMPTS):
            try:
                await self._scheduler.in_store(self._store.results.delete, name)
                return
            except InUseError as error:
                await self._cancel_users(error, cascade=cascade)
        raise failed_precondition(f"{name} is used again and again; try it later")

    async def job(self, job_id: str, *, cascade: bool = False) -> None:
        """Deletes a job that is there, readable or not.

        Args:
            job_id: The job.
            cascade: Whether the result that it made is deleted too, as by `result`.

        Raises:
            ApiError: FAILED_PRECONDITION where it has not ended, its result is there and is to stay, or a job or a
                session waits for it.
        """
        for session in await self._sessions_that_wait(job_id):
            raise failed_precondition(f"{session} waits for {job_name(job_id)}; try it when the session has gone on")
        for _ in range(_ATTEMPTS):
            try:
                await self._scheduler.in_store(self._store.deletion.job, job_id, with_result=cascade)
                return
            except NotEndedError as error:
                raise failed_precondition(f"{error}; {CANCEL_JOBS}") from None
            except InUseError as error:
                if error.made:
                    what = CASCADE.format(what="both deleted")
                    raise failed_precondition(f"{error}, and names it; delete that first, or {what}") from None
                await self._cancel_users(error, cascade=cascade)
        raise failed_precondition(f"what {job_name(job_id)} made is used again and again; try it later")

    async def _cancel_users(self, error: InUseError, *, cascade: bool) -> None:
        if not cascade:
            what = CASCADE.format(what="it cancelled" if len(error.users) == 1 else "them cancelled")
            raise failed_precondition(f"{error}; wait for {'it' if len(error.users) == 1 else 'them'}, or {what}")
        for user in error.users:
            await self._scheduler.cancel(parse_job(user, "name"))

    async def _sessions_that_wait(self, job_id: str) -> list[str]:
        """The sessions of which a thread waits for the eigenbasis of a job."""
        waiting = []
        for session_id in await self._scheduler.in_store(self._store.sessions.evolving):
            try:
                record = await self._scheduler.in_store(self._store.sessions.record, session_id)
                summary = search_pb2.Session.FromString(b"" if record is None else record.summary)
            except (ApiError, UnreadableError, DecodeError):
                # It goes on, if at all, from its log.
                continue
            if any(thread.waiting_for == job_name(job_id) for thread in summary.threads):
                waiting.append(session_name(session_id))
        return waiting
