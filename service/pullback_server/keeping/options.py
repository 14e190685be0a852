"""Options of the server about what it keeps."""

from __future__ import annotations

import argparse
import os

from platformdirs import user_data_path
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

DEFAULT_DATA = user_data_path("pullback", appauthor=False) / "server"
DATABASE_VARIABLE = "PULLBACK_DATABASE"
_MAX_DAYS = 36_500


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


def add_retention(parser: argparse.ArgumentParser) -> None:
    """Adds `--retention`."""
    parser.add_argument(
        "--retention",
        type=_days,
        metavar="DAYS",
        help="delete jobs, and the inversions and tunings that they made, so many days after they have ended, and what "
        "was moved aside; eigenbases, analyses, directions and sessions stay (default: keep all)",
    )


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 0 < days <= _MAX_DAYS:
        raise argparse.ArgumentTypeError(
            f"expected a number of days, above 0 and at most {_MAX_DAYS}, but {text!r} came"
        )
    return days


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
