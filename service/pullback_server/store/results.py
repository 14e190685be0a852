"""The store's part for results: what jobs made, or someone brought."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from pullback_server.store.blobs import BlobCorruptedError, BlobStore
from pullback_server.store.database import Database, reads
from pullback_server.store.faults import UnreadableError, entry_read, unreadable
from pullback_server.store.keys import seen_by
from pullback_server.store.records import JobState, ResultRecord
from pullback_server.store.rows import newest, records_of, result_record
from pullback_server.store.schema import JobRow, ResultRow
from pullback_server.stored_files import StoredFile

UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


class InUseError(Exception):
    """What is to be deleted is still needed.

    Attributes:
        name: What is to be deleted.
        users: Names of unfinished jobs that need it, `MOST` of them.
        made: Name of the result that is there, and that the job which is to be deleted made; empty for none.
    """

    MOST = 20

    def __init__(self, name: str, users: Sequence[str] = (), made: str = "") -> None:
        self.name, self.users, self.made = name, tuple(users), made
        if made:
            super().__init__(f"{made} was made by {name}")
            return
        more = " and more" if len(users) >= self.MOST else ""
        super().__init__(f"{name} is used by {', '.join(users)}{more}, which {_have(users)} not ended")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self.users, self.made)


def _have(users: Sequence[str]) -> str:
    return "has" if len(users) == 1 else "have"


class ResultStore:
    """Results and their files. Every method is one transaction, and may be called from any thread, one at a time."""

    def __init__(self, database: Database, blobs: BlobStore, release: Callable[[str | None], None]) -> None:
        self._database = database
        self._blobs = blobs
        self._release = release

    @reads
    def find(self, name: str) -> ResultRecord | None:
        """The result of that name.

        Raises:
            UnreadableError: It is there, but its row is damaged.
        """
        with self._database.reading() as session, entry_read(name):
            row = session.scalar(select(ResultRow).where(ResultRow.name == name))
            return None if row is None else result_record(row)

    @reads
    def has(self, name: str) -> bool:
        """Whether there is a result of that name, readable or not."""
        with self._database.reading() as session:
            return session.scalar(select(ResultRow.number).where(ResultRow.name == name)) is not None

    @reads
    def content(self, result: ResultRecord) -> bytes:
        """What a result's file holds.

        Raises:
            UnreadableError: The file is missing or damaged.
        """
        try:
            return self._blobs.read(result.content)
        except BlobCorruptedError as error:
            raise unreadable(result.name, error.what, error) from error

    def file(self, result: ResultRecord) -> StoredFile:
        """A result's file, for a worker, which reads and checks it by itself."""
        return self._blobs.file(result.content, result.name)

    @reads
    def whole(self, name: str) -> bool:
        """Whether there is a result of that name, and all of it can be read."""
        try:
            found = self.find(name)
        except UnreadableError:
            return False
        return found is not None and self._blobs.holds(found.content)

    @reads
    def page(
        self,
        kind: str,
        *,
        limit: int,
        generator: str | None = None,
        before: int | None = None,
        seen: str | None = None,
    ) -> list[tuple[int, ResultRecord | UnreadableError]]:
        """Results of a kind with their numbers, newest first; of one generator, or of all; those that a key sees."""
        query = newest(ResultRow, limit, before).where(ResultRow.kind == kind)
        if generator is not None:
            query = query.where(ResultRow.generator == generator)
        if seen is not None:
            query = query.where(seen_by(seen, ResultRow.owner, ResultRow.job, "jobs/"))
        with self._database.reading() as session:
            return records_of(session, query, result_record, table=ResultRow, key=ResultRow.name, name=str)

    def keep(self, result: ResultRecord) -> None:
        """Keeps a result that no job made: its job is empty, and no result has its name but a damaged one."""
        with self._database.writing() as session:
            put_result(session, result)

    def delete(self, name: str) -> None:
        """Deletes a result and its annotations, if it is there, readable or not.

        Raises:
            InUseError: A job that has not ended works with it.
        """
        with self._database.writing() as session:
            content = delete_result(session, name)
        self._release(content)


def put_result(session: Session, result: ResultRecord) -> str | None:
    """Writes a result in a transaction, in the place of a damaged one of its name: what people say of it stays.

    Returns:
        The digest of what it held before; None where nothing did.
    """
    before = _content_of(session, result.name)
    values = {name: value for name, value in vars(result).items() if name != "name"}
    if session.execute(update(ResultRow).where(ResultRow.name == result.name).values(values)).rowcount:  # type: ignore[attr-defined]
        return before if before != result.content else None
    session.add(ResultRow(**vars(result)))
    return None


def delete_result(session: Session, name: str) -> str | None:
    """Deletes a result in a transaction; returns the digest of what it held, None where nothing did.

    Raises:
        InUseError: A job that has not ended works with it.
    """
    using = select(JobRow.id).where(JobRow.uses == name, JobRow.state.in_(UNFINISHED)).limit(InUseError.MOST)
    if users := session.scalars(using).all():
        raise InUseError(name, users=[f"jobs/{user}" for user in users])
    content = _content_of(session, name)
    session.execute(delete(ResultRow).where(ResultRow.name == name))
    return content


def _content_of(session: Session, name: str) -> str | None:
    """The digest of what a result holds; None where there is no such result, or that is damaged."""
    try:
        with entry_read(name):
            return session.scalar(select(ResultRow.content).where(ResultRow.name == name))
    except UnreadableError:
        return None
