"""Check of a data folder, also while its server runs: every row can be read, every file is there and whole.

What is found concerns each its own resource: a server goes on without it, and serves the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from pullback_server.store import UnreadableError
from pullback_server.store.database import Backend, open_to_read
from pullback_server.store.job_rows import job_records
from pullback_server.store.references import texts_of, wanted_files
from pullback_server.store.rows import records_of, result_record
from pullback_server.store.schema import (
    SCHEMA_VERSION,
    JobRow,
    ResultRow,
    SessionEventRow,
    SessionFileRow,
    SessionRow,
)
from pullback_server.store.sessions import session_records
from pullback_server.stored_files import DamagedFileError, StoredFile

_PAGE = 200


@dataclass
class Report:
    """What a check has found.

    Attributes:
        rows: Jobs, results and sessions that were looked at.
        files: Files that were read.
        size: Bytes of these.
        lost: What cannot be read: the resource, what is wrong and what to do.
        unknown: Files that no row refers to: they do no harm, and a server collects those that are its own.
    """

    rows: int = 0
    files: int = 0
    size: int = 0
    lost: list[str] = field(default_factory=list)
    unknown: int = 0


def check(data: Path, database: str | None) -> Report:
    """Looks through a data folder; changes nothing.

    Args:
        data: The data folder.
        database: URL of its database; None for SQLite in the folder.

    Raises:
        StoreError: The database as a whole is damaged, cannot be read, or is of another version.
    """
    backend, version = open_to_read(data, database)
    report = Report()
    try:
        if version == SCHEMA_VERSION:
            with backend.faults_told(writing=False), Session(backend.reader) as session:
                _check_rows(session, report)
        else:
            report.lost.append(
                f"rows are of schema version {version}, and looked at when a server of version {SCHEMA_VERSION} has "
                "brought them up to date"
            )
            return report
        _check_files(backend, data / "blobs", report)
    finally:
        backend.close()
    return report


def _check_rows(session: Session, report: Report) -> None:
    def results(query: Select[Any]) -> list[tuple[int, Any]]:
        return records_of(session, query, result_record, table=ResultRow, key=ResultRow.name, name=str)

    readers: tuple[tuple[Any, Callable[[Select[Any]], list[tuple[int, Any]]]], ...] = (
        (JobRow, lambda query: job_records(session, query)),
        (ResultRow, results),
        (SessionRow, lambda query: session_records(session, query)),
    )
    for table, read in readers:
        after = 0
        while found := read(select(table).where(table.number > after).order_by(table.number).limit(_PAGE)):
            after = found[-1][0]
            report.rows += len(found)
            report.lost += [record.told for _, record in found if isinstance(record, UnreadableError)]
            session.expunge_all()
    logs = select(SessionEventRow.session, func.count().label("entries")).group_by(SessionEventRow.session).subquery()
    whole = select(SessionRow.id).join(logs, logs.c.session == SessionRow.id, isouter=True)
    broken = whole.where(func.coalesce(logs.c.entries, 0) != SessionRow.last_sequence)
    report.lost += [
        f"sessions/{name} cannot go on: entries of its log are missing; put the server's data back from a backup"
        for name in session.scalars(broken)
    ]


def _check_files(backend: Backend, folder: Path, report: Report) -> None:
    with backend.faults_told(writing=False), Session(backend.reader) as session:
        wanted = texts_of(session, wanted_files().c.digest)
    there = {path.name for path in folder.glob("??/*") if not path.name.startswith(".")}
    for digest in sorted(wanted):
        path = folder / digest[:2] / digest
        try:
            StoredFile(str(path), digest).check()
        except DamagedFileError as error:
            # It may have been deleted meanwhile, and its row before it.
            report.lost += _owners(backend, digest, error)
        else:
            report.files += 1
            report.size += path.stat().st_size
    report.unknown = len(there - wanted)


def _owners(backend: Backend, digest: str, error: DamagedFileError) -> Iterator[str]:
    """What is lost with a file."""
    queries = {
        "jobs/": select(JobRow.id).where(JobRow.payload == digest),
        "": select(ResultRow.name).where(ResultRow.content == digest),
        "sessions/": select(SessionFileRow.session).where(SessionFileRow.digest == digest),
    }
    with backend.faults_told(writing=False), Session(backend.reader) as session:
        for begin, query in queries.items():
            for found in session.scalars(query):
                yield str(DamagedFileError(StoredFile(error.path, digest, f"{begin}{found}"), error.reason))
