"""The database: SQLite in the data folder, or PostgreSQL by URL; one writer, and readers beside it."""

from pullback_server.store.database.backend import Backend
from pullback_server.store.database.belonging import is_used, open_database, open_to_read
from pullback_server.store.database.database import Database, only_reads, reads
from pullback_server.store.database.examination import IncompatibleStoreError
from pullback_server.store.database.postgresql import parse_url

__all__ = [
    "Backend",
    "Database",
    "IncompatibleStoreError",
    "is_used",
    "only_reads",
    "open_database",
    "open_to_read",
    "parse_url",
    "reads",
]
