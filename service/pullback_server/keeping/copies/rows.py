"""Rows copied from one database to another, whatever kinds they are of; a backup's are always in a file of SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, create_engine, insert, select, text

from pullback_server.store.database import Backend
from pullback_server.store.database.sqlite import Sqlite
from pullback_server.store.privacy import make_file
from pullback_server.store.schema import SCHEMA_VERSION, Base, Meta

# A row may hold some megabytes.
_BATCH = 50


def snapshot(backend: Backend, path: Path) -> None:
    """Copies all rows, as they are at one moment, into a new file of SQLite; who writes meanwhile does not wait.

    Raises:
        StoreError: They cannot be read, or not be written.
    """
    make_file(path)
    with backend.faults_told(writing=True):
        if isinstance(backend, Sqlite):
            _copy_file(backend.path, path)
            return
        target = create_engine(f"sqlite:///{path}")
        try:
            with backend.reader.begin() as source, target.begin() as made:
                copy_rows(source, made)
        finally:
            target.dispose()


def copy_rows(source: Connection, target: Connection) -> None:
    """Makes the tables in a database that has none, and copies all rows of another one of this version there."""
    Base.metadata.create_all(target)
    for table in Base.metadata.sorted_tables:
        for rows in source.execution_options(yield_per=_BATCH).execute(select(table)).mappings().partitions():
            target.execute(insert(table), [dict(row) for row in rows])
    # It names the folder that the other one belongs to.
    target.execute(Base.metadata.tables[Meta.__tablename__].delete().where(Meta.key == "folder"))
    if target.dialect.name == "postgresql":
        _continue_numbers(target)


def copied_version(path: Path) -> int:
    """The version of the tables in a file of SQLite; 0 where that says none."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        row = database.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    return int(row[0]) if row and str(row[0]).isdecimal() else 0


def is_present(version: int) -> bool:
    """Whether rows of that version can be copied into a database of another kind."""
    return version == SCHEMA_VERSION


def _copy_file(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)) as found,
        closing(sqlite3.connect(target)) as made,
    ):
        found.execute("PRAGMA query_only = ON")
        # All at once: a copy in steps begins anew whenever somebody writes.
        found.backup(made, pages=-1)
        made.execute("DELETE FROM meta WHERE key = 'folder'")
        made.commit()
        # One file, without a log beside it.
        made.execute("PRAGMA journal_mode = DELETE")


def _continue_numbers(target: Connection) -> None:
    """Has the numbers of new rows follow those that were copied."""
    for table in Base.metadata.sorted_tables:
        if "number" in table.c:
            name = table.name
            target.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{name}', 'number'), "  # noqa: S608  (our own tables)
                    f"(SELECT COALESCE(max(number), 0) + 1 FROM {name}), false)"
                )
            )
