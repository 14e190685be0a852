"""Database of a store, of whatever kind: its transactions, its tables and their version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from pullback_server.store.database.backend import Backend
from pullback_server.store.database.migration import migrate
from pullback_server.store.schema import SCHEMA_VERSION, Base, Meta

Method = TypeVar("Method", bound=Callable[..., Any])


def reads(method: Method) -> Method:
    """Marks a method of the store that changes nothing: it may run beside others, while another one writes."""
    method.reads = True  # type: ignore[attr-defined]
    return method


def only_reads(method: Callable[..., Any]) -> bool:
    """Whether a method of the store is marked so."""
    return getattr(method, "reads", False)


class Database:
    """The database of a store.

    What a transaction that writes has read stays true: there is one at a time. One that reads sees the database as it
    was at its first statement, whatever is written meanwhile.
    """

    def __init__(self, backend: Backend) -> None:
        """Checks it, and makes its tables, or brings those of an earlier version up to date.

        Raises:
            IncompatibleStoreError: Written by another version of the schema.
            StoreDamagedError: Damaged.
            StorageUnavailableError: It cannot be read or written at the moment, or another server uses it.
        """
        self._backend = backend
        self.writer = backend.writer
        try:
            self._bring_up_to_date(backend.version())
        except BaseException:
            self.close()
            raise

    def _bring_up_to_date(self, found: int | None) -> None:
        if found == SCHEMA_VERSION:
            return
        with self.writing() as session:
            if found is None:
                Base.metadata.create_all(session.connection())
            else:
                migrate(session.connection(), found, SCHEMA_VERSION)
            session.merge(Meta(key="schema_version", value=str(SCHEMA_VERSION)))

    def close(self) -> None:
        """Closes all connections."""
        self._backend.close()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that reads.

        Raises:
            StoreError: See `Backend.faults_told`.
        """
        with self._backend.faults_told(writing=False), Session(self._backend.reader) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that writes: what was written is on disk after it, or nothing where it raises.

        Raises:
            StoreError: See `Backend.faults_told`.
        """
        with self._backend.faults_told(writing=True), Session(self._backend.writer) as session, session.begin():
            yield session

    def size(self) -> int:
        """Bytes that it takes."""
        return self._backend.size()
