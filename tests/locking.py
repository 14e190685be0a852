"""Another process that holds a server's database, as a backup or a person at SQLite's prompt does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOLD = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
database.execute("ROLLBACK")
"""


@contextmanager
def write_locked(folder: Path) -> Iterator[None]:
    """Nobody else writes to the database of a data folder meanwhile."""
    command = [sys.executable, "-c", _HOLD, str(folder / "pullback.sqlite")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield
        finally:
            holder.communicate(timeout=60)
    assert holder.returncode == 0
