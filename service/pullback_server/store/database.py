"""Opening the database: SQLite in write-ahead mode unless another URL is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect
from sqlalchemy.orm import Session

from pullback_server.store.schema import SCHEMA_VERSION, Base, Meta


class IncompatibleStoreError(Exception):
    """The store was written by a version of the server that this one cannot read."""


def open_database(path: Path) -> Engine:
    """Opens the SQLite file at `path`, makes the tables where they are missing, and checks their version.

    Raises:
        IncompatibleStoreError: Written by another version of the schema.
    """
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30, "check_same_thread": False})
    event.listen(engine, "connect", _configure)
    if inspect(engine).has_table(Meta.__tablename__):
        _check_version(engine, path)
        return engine
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(Meta(key="schema_version", value=str(SCHEMA_VERSION)))
    return engine


def _check_version(engine: Engine, path: Path) -> None:
    with Session(engine) as session:
        row = session.get(Meta, "schema_version")
    found = "none" if row is None else row.value
    if found != str(SCHEMA_VERSION):
        raise IncompatibleStoreError(
            f"{path} has schema version {found}, this server reads version {SCHEMA_VERSION}: "
            "use the server that wrote it, or another --data folder"
        )


def _configure(connection: Any, _record: Any) -> None:
    # A commit is on disk before it is acknowledged (FULL), and readers never wait for the writer (WAL).
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
