"""Opening the database: SQLite in write-ahead mode unless another URL is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from sqlalchemy import Engine, create_engine, event, inspect, select
from sqlalchemy.orm import Session

from pullback_api.v1 import search_pb2
from pullback_server.store.schema import (
    EXTENDABLE_VERSIONS,
    SCHEMA_VERSION,
    Base,
    Meta,
    SessionSpecRow,
    SessionTitleRow,
)


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
        _add_titles(session)
        session.merge(Meta(key="schema_version", value=str(SCHEMA_VERSION)))
    return engine


def _add_titles(session: Session) -> None:
    """Notes the titles of the sessions of an earlier version, which are in their specifications alone."""
    known = select(SessionTitleRow.session)
    for row in session.scalars(select(SessionSpecRow).where(SessionSpecRow.session.not_in(known))):
        try:
            title = search_pb2.SessionSpec.FromString(row.spec).title
        except DecodeError:
            # One damaged session must not keep the server from the others.
            title = ""
        session.add(SessionTitleRow(session=row.session, title=title))


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
