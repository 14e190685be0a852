"""The database: SQLite in the data folder, or PostgreSQL by URL; one writer, and readers beside it."""

from pullback_server.store.database.belonging import open_database
from pullback_server.store.database.database import Database, only_reads, reads
from pullback_server.store.database.examination import IncompatibleStoreError
from pullback_server.store.database.postgresql import parse_url

__all__ = ["Database", "IncompatibleStoreError", "only_reads", "open_database", "parse_url", "reads"]
