"""Databases as earlier versions of the server made them, with the tables that those had."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

SCHEMAS = Path(__file__).with_name("data") / "schemas"
# Data folders that servers of earlier versions made.
FOLDERS = Path(__file__).with_name("data") / "folders"
VERSIONS = sorted(int(path.stem) for path in SCHEMAS.glob("*.sql"))


def make_older(database: Path, version: int) -> None:
    """Puts the database of a closed store into the form of an earlier version; what that could not hold is left out."""
    old = database.with_name("old")
    with closing(sqlite3.connect(old)) as made, made:
        made.executescript((SCHEMAS / f"{version}.sql").read_text())
        made.execute("ATTACH ? AS new", (str(database),))
        for table in tables(made):
            if table != "meta":
                columns = ", ".join(columns_of(made, table))
                made.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()
    old.rename(database)


def tables(database: sqlite3.Connection) -> list[str]:
    """Names of a database's tables."""
    return [name for (name,) in database.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' ORDER BY 1")]


def columns_of(database: sqlite3.Connection, table: str) -> list[str]:
    """Names of a table's columns."""
    return [row[1] for row in database.execute(f"PRAGMA main.table_info({table})")]
