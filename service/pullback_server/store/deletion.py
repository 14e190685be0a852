"""The store's part for deletions: jobs and sessions with all that is theirs, and files that nothing refers to."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from pullback_server.store.database import Database, reads
from pullback_server.store.faults import UnreadableError, entry_read
from pullback_server.store.job_rows import job_name
from pullback_server.store.records import JobState
from pullback_server.store.results import UNFINISHED, InUseError, delete_result
from pullback_server.store.schema import (
    EventRow,
    JobOwnerRow,
    JobRow,
    ResultRow,
    SessionEventRow,
    SessionFileRow,
    SessionRow,
    SessionSpecRow,
    SessionTitleRow,
    ShareRow,
)

PERSONAL = ("inversion", "tuning")
"""Kinds of results that photographs can be seen in, or be drawn by."""


class NotEndedError(Exception):
    """What is to be deleted has not ended."""


class DeletionStore:
    """Deletes jobs and sessions, readable or not.

    Every method is one transaction, and may be called from any thread, one at a time. A server that is killed in the
    middle has deleted all of the rows or none; files that are left are collected later, since nothing refers to them.
    """

    def __init__(self, database: Database, release: Callable[[str | None], None]) -> None:
        self._database = database
        self._release = release

    def job(self, job_id: str, *, with_result: bool = False) -> None:
        """Deletes a job that has ended, and its events, if it is there.

        Args:
            job_id: The job.
            with_result: Whether the result that it made is deleted too.

        Raises:
            NotEndedError: It has not ended.
            InUseError: The result that it made is there, and is to stay, or is used; or a job waits for it.
        """
        content: str | None = None
        with self._database.writing() as session:
            if _one(session, select(JobRow.state).where(JobRow.id == job_id)) in set(UNFINISHED):
                raise NotEndedError(f"{job_name(job_id)} has not ended")
            waiting = select(JobRow.id).where(JobRow.needs == job_id, JobRow.state == JobState.QUEUED)
            if found := session.scalars(waiting.limit(InUseError.MOST)).all():
                raise InUseError(job_name(job_id), users=[job_name(each) for each in found])
            made = _one(session, select(JobRow.result).where(JobRow.id == job_id))
            if _one(session, select(ResultRow.job).where(ResultRow.name == made)) == job_id:
                if not with_result:
                    raise InUseError(job_name(job_id), made=made)
                content = delete_result(session, made)
            session.execute(delete(EventRow).where(EventRow.job == job_id))
            session.execute(delete(JobOwnerRow).where(JobOwnerRow.job == job_id))
            session.execute(delete(ShareRow).where(ShareRow.resource == job_name(job_id)))
            session.execute(delete(JobRow).where(JobRow.id == job_id))
        self._release(content)

    @reads
    def expired_jobs(self, before: datetime, *, after: int = 0, limit: int) -> list[tuple[int, str]]:
        """Jobs that ended before a time, with their numbers, in the order of those, from a number on.

        Left out are those of which an eigenbasis, an analysis or directions are there.
        """
        kept = select(ResultRow.number).where(
            ResultRow.name == JobRow.result, ResultRow.job == JobRow.id, ResultRow.kind.not_in(PERSONAL)
        )
        query = select(JobRow.number, JobRow.id).where(JobRow.ended < before, JobRow.number > after, ~kept.exists())
        with self._database.reading() as session:
            return [(number, name) for number, name in session.execute(query.order_by(JobRow.number).limit(limit))]

    @reads
    def expired_results(self, before: datetime, *, after: int = 0, limit: int) -> list[tuple[int, str]]:
        """Results of photographs that were finished before a time, with their numbers, as `expired_jobs`."""
        old = ResultRow.kind.in_(PERSONAL), ResultRow.created < before, ResultRow.number > after
        query = select(ResultRow.number, ResultRow.name).where(*old)
        with self._database.reading() as session:
            return [(number, name) for number, name in session.execute(query.order_by(ResultRow.number).limit(limit))]

    def session(self, session_id: str, *, closed: Collection[int]) -> list[str]:
        """Deletes a session, its log, and what it says of files, if it is there.

        Args:
            session_id: The session.
            closed: The states in which one may be deleted; a damaged one may be whatever it says.

        Returns:
            Digests of the files that it needed: thousands perhaps, for `Store.collect` to be given by and by.

        Raises:
            NotEndedError: It is in another state.
        """
        with self._database.writing() as session:
            whole = select(SessionRow.state).join(SessionSpecRow, SessionSpecRow.session == SessionRow.id)
            state = _one(session, whole.where(SessionRow.id == session_id))
            if state is not None and state not in closed:
                raise NotEndedError(f"sessions/{session_id} is not closed")
            files = select(SessionFileRow.digest).where(SessionFileRow.session == session_id)
            digests = list(session.scalars(files))
            for table in (SessionEventRow, SessionFileRow, SessionSpecRow, SessionTitleRow):
                session.execute(delete(table).where(table.session == session_id))
            session.execute(delete(ShareRow).where(ShareRow.resource == f"sessions/{session_id}"))
            session.execute(delete(SessionRow).where(SessionRow.id == session_id))
        return digests


def _one(session: Session, query: Select[Any]) -> Any:
    """The value of a query of one; None where there is none, or it is damaged."""
    try:
        with entry_read("what is to be deleted"):
            return session.scalar(query)
    except UnreadableError:
        return None
