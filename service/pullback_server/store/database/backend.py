"""Backend: what of a database depends on the program that it is of."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Engine


class Backend(Protocol):
    """The database of a store, of one kind.

    Attributes:
        writer: Of transactions that write: one at a time, of one server, and what they have read stays true.
        reader: Of those that read: they see the database as it was at their first statement, whatever is written.
    """

    writer: Engine
    reader: Engine

    def version(self) -> int | None:
        """The version of the tables, this one or one to migrate from; None where there are none yet.

        Raises:
            IncompatibleStoreError: Written by another version.
            StoreDamagedError: Damaged; says what to do.
            StorageUnavailableError: It cannot be read at the moment, or another server uses it.
        """
        ...

    def faults_told(self, *, writing: bool) -> AbstractContextManager[None]:
        """Raises a `StoreError` for what the database, or the operating system, say of it."""
        ...

    def close(self) -> None:
        """Closes all connections."""
        ...

    def size(self) -> int:
        """Bytes that it takes."""
        ...
