"""`pullback backup|restore|check`: of a server's data on this machine, by whoever runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pullback_client.local_server import become, keeping_command

Data: TypeAlias = Annotated[
    Path | None, typer.Option(help="Folder of the server's data.", show_default="the platform's user data folder")
]
Database: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="PostgreSQL, by URL, without a password.", show_default="$PULLBACK_DATABASE, else SQLite in the folder"
    ),
]


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    data: Data = None,
    database: Database = None,
) -> None:
    """Copy a server's data, while it runs, into a new folder: all as it was at one moment."""
    _become("backup", [str(folder)], data, database)


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The backup.")],
    data: Data = None,
    database: Database = None,
) -> None:
    """Put a backup back as a new data folder; with --database its rows into an empty PostgreSQL."""
    _become("restore", [str(folder)], data, database)


def check(data: Data = None, database: Database = None) -> None:
    """Look whether all of a server's data can be read, also while it runs, and say what is lost."""
    _become("check", [], data, database)


def _become(command: str, arguments: list[str], data: Path | None, database: str | None) -> None:
    arguments += [] if data is None else ["--data", str(data)]
    arguments += [] if database is None else ["--database", database]
    raise typer.Exit(become(keeping_command(command, *arguments)))
