"""Belonging of a data folder and a database of PostgreSQL to each other: each has the other's mark, or is refused.

The rows of one database with the files of another would make a store of which everything is missing.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from sqlalchemy import Connection, insert
from sqlalchemy.orm import Session

from pullback_server.store.database.backend import Backend
from pullback_server.store.database.database import Database
from pullback_server.store.database.examination import IncompatibleStoreError
from pullback_server.store.database.postgresql import Postgresql, parse_url
from pullback_server.store.database.sqlite import Sqlite
from pullback_server.store.faults import faults_told
from pullback_server.store.privacy import write_file
from pullback_server.store.schema import Meta

DATABASE_FILE = "pullback.sqlite"
_MARK = "database.json"
_KEY = "folder"


def open_database(folder: Path, url: str | None) -> Database:
    """Opens the database of a data folder.

    Args:
        folder: The data folder.
        url: Of a database of PostgreSQL; None = SQLite in the folder.

    Raises:
        IncompatibleStoreError: The folder has another database, or the database another folder.
        DatabaseUrlError: `url` cannot be used.
        StoreError: As `Database` does.
    """
    if url is None:
        if (mark := _mark_of(folder)) is not None:
            raise _refusal(f"the rows of {folder} are in {mark['database']}: name it with --database")
        return Database(Sqlite(folder / DATABASE_FILE))
    if (folder / DATABASE_FILE).exists():
        raise _refusal(
            f"{folder} has a database of its own, {DATABASE_FILE}: take another --data folder; `pullback backup` and "
            "`pullback restore --database` move what it has"
        )
    backend = Postgresql(parse_url(url))
    database = Database(backend)
    try:
        _bind(database, folder, backend)
    except BaseException:
        database.close()
        raise
    return database


def open_to_read(folder: Path, url: str | None) -> tuple[Backend, int | None]:
    """The database of a data folder for whoever only reads it, also while a server uses it; and its tables' version.

    Raises:
        StoreError: As `open_database` does.
    """
    if url is None:
        if (mark := _mark_of(folder)) is not None:
            raise _refusal(f"the rows of {folder} are in {mark['database']}: name it with --database")
        if not (folder / DATABASE_FILE).exists():
            raise _refusal(f"{folder} is no data folder of a server: it holds no {DATABASE_FILE}")
        sqlite = Sqlite(folder / DATABASE_FILE)
        return sqlite, sqlite.version()
    backend = Postgresql(parse_url(url))
    found = backend.version_seen()
    with Session(backend.reader) as session:
        known = session.get(Meta, _KEY) if found is not None else None
        if known is None or (mark := _mark_of(folder)) is None or mark["id"] != known.value:
            raise _refusal(f"{backend} does not belong to the data folder {folder}")
    return backend, found


def is_used(folder: Path) -> bool:
    """Whether a data folder has a database, wherever that is."""
    return (folder / DATABASE_FILE).exists() or (folder / _MARK).exists()


def _bind(database: Database, folder: Path, backend: Backend) -> None:
    mark = _mark_of(folder)
    with database.reading() as session:
        known = session.get(Meta, _KEY)
        there = None if known is None else known.value
    if there is not None and (mark is None or mark["id"] != there):
        raise _refusal(f"{backend} belongs to another data folder than {folder}: take that, or another database")
    if mark is None or there is None:
        with database.writing() as session:
            write_mark(folder, backend, secrets.token_hex(16) if mark is None else mark["id"], session.connection())


def write_mark(folder: Path, backend: Backend, mark: str, connection: Connection) -> None:
    """Notes in a folder, and in a database that has no mark, that they belong to each other.

    The file is there before the transaction ends: whoever is killed in between leaves a mark that no database has yet.
    """
    with faults_told(folder):
        write_file(folder / _MARK, json.dumps({"id": mark, "database": str(backend)}).encode())
    connection.execute(insert(Meta).values(key=_KEY, value=mark))


def _mark_of(folder: Path) -> dict[str, str] | None:
    with faults_told(folder, writing=False):
        try:
            mark = json.loads((folder / _MARK).read_bytes())
            return {key: str(mark[key]) for key in ("id", "database")}
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            reason = (
                f"{folder / _MARK} is damaged: it says to which database the folder belongs; put a backup in its place"
            )
            raise IncompatibleStoreError(reason, reason) from None


def _refusal(text: str) -> IncompatibleStoreError:
    return IncompatibleStoreError(text, text)
