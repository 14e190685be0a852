"""PostgreSQL by URL: the connection that writes holds a lock, by which one server at a time uses a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError

from pullback_server.store.database.examination import IncompatibleStoreError, known_version
from pullback_server.store.faults import (
    RefusedTextError,
    StorageBusyError,
    StorageFailingError,
    StorageFullError,
    StoreDamagedError,
    StoreError,
)
from pullback_server.store.schema import Meta

DRIVER_HINT = "--database needs psycopg: pip install 'pullback[postgres]'"

# As with SQLite: whoever writes tries again, and between two tries others get their turn.
_LOCK_MS, _READ_LOCK_MS = 250, 2_000
# A server that was killed a moment ago may hold its lock yet.
_IN_USE_MS = 3_000
_LOCK = int.from_bytes(b"pullback", "big")
_READERS = 5
# Half-open connections, whose server would hold the lock for hours, are noticed.
_ALIVE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "pullback",
}
_FULL = {"53100"}
# Locks, deadlocks, serialization.
_BUSY = {"55P03", "40P01", "40001"}
_DAMAGED = {"XX001", "XX002"}
# Connections, resources, operator's intervention, the system's errors; rights; read-only.
_FAILING_CLASSES = {"08", "53", "57", "58", "28"}
_FAILING = {"42501", "25006", "3D000"}


class DatabaseUrlError(StoreError):
    """What was given cannot be the URL of a database, or not be used here."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, reason)


def parse_url(url: str) -> URL:
    """The URL of a PostgreSQL database, of the driver that is used here.

    Raises:
        DatabaseUrlError: It is none.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        # It may hold a password.
        raise DatabaseUrlError(
            "expected postgresql://USER@HOST:PORT/DATABASE as the database (without --database it is SQLite, in the "
            f"--data folder), but what came is {'no URL' if parsed is None else f'{parsed.drivername}://…'}"
        )
    return parsed.set(drivername="postgresql+psycopg")


class Postgresql:
    """A database of PostgreSQL, its schema the first of the search path."""

    def __init__(self, url: URL) -> None:
        self._url = url
        try:
            self.writer = _engine(url, _LOCK_MS, "READ COMMITTED", pool_size=1, max_overflow=0)
            self.reader = _engine(url, _READ_LOCK_MS, "REPEATABLE READ", pool_size=_READERS, max_overflow=_READERS)
        except (ModuleNotFoundError, NoSuchModuleError) as error:
            raise DatabaseUrlError(f"{DRIVER_HINT} ({error})") from None
        # One server at a time: the lock is that of the connection by which it writes, whenever that is made anew.
        event.listen(self.writer, "connect", _take)

    def __str__(self) -> str:
        where = URL.create("postgresql", host=self._url.host, port=self._url.port, database=self._url.database)
        return where.render_as_string()

    def version(self) -> int | None:
        """See `Backend`."""
        return self._version(self.writer)

    def version_seen(self) -> int | None:
        """As `version`, of whoever only reads: also while a server uses it."""
        return self._version(self.reader)

    def _version(self, engine: Engine) -> int | None:
        with self.faults_told(writing=False), engine.connect() as connection:
            encoding = connection.execute(text("SHOW server_encoding")).scalar()
            if encoding != "UTF8":
                reason = f"{self} keeps text as {encoding}; make one that keeps UTF8: createdb --encoding UTF8"
                raise IncompatibleStoreError(reason, reason)
            if not inspect(connection).has_table(Meta.__tablename__):
                return None
            found = connection.execute(select(Meta.value).where(Meta.key == "schema_version")).scalar()
            return known_version(found, str(self))

    @contextmanager
    def faults_told(self, *, writing: bool) -> Iterator[None]:
        """See `Backend`."""
        del writing  # the database says which it is
        try:
            yield
        except DBAPIError as error:
            if (fault := self._fault(error)) is None:
                raise
            raise fault from error

    def close(self) -> None:
        """See `Backend`."""
        self.reader.dispose()
        self.writer.dispose()

    def size(self) -> int:
        """See `Backend`."""
        with self.faults_told(writing=False), self.reader.connect() as connection:
            return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar() or 0)

    def _fault(self, error: DBAPIError) -> StoreError | None:
        """What an error says of the database; None where it says something of the statement."""
        state, reason = getattr(error.orig, "sqlstate", None) or "", str(error.orig).strip()
        if state in _FULL:
            return StorageFullError(
                f"no room to write in {self} ({reason}); free some space and try again",
                "no room to write on the disk of the server's database; free some space there and try again",
            )
        if state in _BUSY:
            return StorageBusyError(
                f"another program holds {self} ({reason})",
                "the server's database is held by another program; try again when that has ended",
            )
        if state in _DAMAGED:
            return StoreDamagedError(
                f"{self} is damaged ({reason}); stop the server, and put a backup in its place",
                "the server's database is damaged; whoever runs the server finds in its log what to do",
            )
        if isinstance(error, DataError) and "NUL" in reason:
            return RefusedTextError()
        # Without a state nobody has answered.
        unanswered = not state and isinstance(error, OperationalError | InterfaceError)
        if unanswered or state[:2] in _FAILING_CLASSES or state in _FAILING:
            return StorageFailingError(
                f"{self} cannot be used ({reason}); look whether PostgreSQL runs there, and lets this server in",
                "the server's database cannot be used at the moment; try again, and see the server's log if it lasts",
            )
        return None


def _engine(url: URL, lock_ms: int, isolation: str, **pool: Any) -> Engine:
    engine = create_engine(
        url,
        connect_args=_ALIVE,
        isolation_level=isolation,
        execution_options={"postgresql_readonly": isolation == "REPEATABLE READ"},
        # A database that was restarted meanwhile is connected to again.
        pool_pre_ping=True,
        **pool,
    )

    def configure(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {lock_ms}")
            # What is acknowledged is on disk, however the database is set otherwise.
            cursor.execute("SET synchronous_commit = on")
        connection.commit()

    event.listen(engine, "connect", configure)
    return engine


def _take(connection: Any, _record: Any) -> None:
    """Takes the database for this server, until the connection ends.

    Raises:
        StorageBusyError: Another server has it.
    """
    # Only where the driver is there.
    from psycopg import errors  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {_IN_USE_MS}")
        try:
            cursor.execute(f"SELECT pg_advisory_lock({_LOCK})")
        except errors.LockNotAvailable:
            connection.close()
            raise StorageBusyError(
                "another server uses this database; stop it, or name another one with --database",
                "another server uses this server's database",
            ) from None
    connection.commit()
