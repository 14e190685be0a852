"""Options of the server about what it keeps."""

from __future__ import annotations

import argparse
import os

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

DATABASE_VARIABLE = "PULLBACK_DATABASE"


def add_database(parser: argparse.ArgumentParser) -> None:
    """Adds `--database`."""
    parser.add_argument(
        "--database",
        type=_without_password,
        default=os.environ.get(DATABASE_VARIABLE) or None,
        metavar="URL",
        help="PostgreSQL, postgresql://USER@HOST:PORT/DATABASE, instead of SQLite in the --data folder, where other "
        f"files stay; a password goes into ~/.pgpass or ${DATABASE_VARIABLE}, since all users of a machine see command "
        f"lines (default: ${DATABASE_VARIABLE}, else SQLite)",
    )


def _without_password(url: str) -> str:
    try:
        password = make_url(url).password
    except ArgumentError:
        # Told of with all else that may be wrong with it.
        return url
    if password:
        raise argparse.ArgumentTypeError(
            "a password on the command line is seen by all users of this machine: put it into ~/.pgpass, or the URL in "
            f"${DATABASE_VARIABLE}"
        )
    return url
