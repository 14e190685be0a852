"""Opening the database: SQLite in write-ahead mode unless another URL is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect
from sqlalchemy.orm import Session

from pullback_server.store.schema import EXTENDABLE_VERSIONS, SCHEMA_VERSION, Base, Meta


class IncompatibleStoreError(Exception):
    """The store was written by a version of the server that this one cannot read."""


def open_database(path: Path) -> Engine:
    """Opens the SQLite file at `path`, checks its version, and makes the tables that are missing.

    Raises:
        IncompatibleStoreError: Written by another version of the schema.
    """
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30, "check_same_thread": False})
    event.listen(engine, "connect", _configure)
    if inspect(engine).has_table(Meta.__tablename__) and _version(engine, path) == SCHEMA_VERSION:
        return engine
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.merge(Meta(key="schema_version", value=str(SCHEMA_VERSION)))
    return engine


def _version(engine: Engine, path: Path) -> int:
    """The version of the tables, one that can be used or extended."""
    with Session(engine) as session:
        row = session.get(Meta, "schema_version")
    found = "none" if row is None else row.value
    if found not in (str(SCHEMA_VERSION), *EXTENDABLE_VERSIONS):
        raise IncompatibleStoreError(
            f"{path} has schema version {found}, this server reads version {SCHEMA_VERSION}: "
            "use the server that wrote it, or another --data folder"
        )
    return int(found)


def _configure(connection: Any, _record: Any) -> None:
    # A commit is on disk before it is acknowledged (FULL), and readers never wait for the writer (WAL).
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
