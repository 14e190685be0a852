"""Files of a store without a database, for what reads them by itself, as workers do."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pullback_server.stored_files import StoredFile

only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""Of tests that look into SQLite's own file."""


def stored(data: bytes, folder: Path, name: str = "") -> StoredFile:
    """A file of that content."""
    digest = hashlib.sha256(data).hexdigest()
    path = folder / digest
    path.write_bytes(data)
    return StoredFile(str(path), digest, name)


@contextmanager
def stored_meanwhile(data: bytes) -> Iterator[StoredFile]:
    """A file of that content, until the end of the block."""
    with tempfile.TemporaryDirectory() as folder:
        yield stored(data, Path(folder))
