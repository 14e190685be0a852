"""`python -m pullback_server.keeping backup|restore|check`: copies of a data folder, by whoever runs the server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from pullback_server.keeping.copies.backup import BackupError, back_up
from pullback_server.keeping.copies.check import check
from pullback_server.keeping.copies.restore import restore
from pullback_server.keeping.options import DEFAULT_DATA, add_database
from pullback_server.store import StoreError


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; returns the exit status: 0, or 1 where something is lost or cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        return _COMMANDS[options.command](options)
    except (BackupError, StoreError, OSError) as error:
        sys.stderr.write(f"pullback {options.command}: {error}\n")
        return 1


def _back_up(options: argparse.Namespace) -> int:
    made = back_up(options.data, options.database, options.folder)
    _say(f"backed up to {options.folder}: {made.files} files, {_size(made.size)}, schema version {made.schema}")
    return _lost([f"file {digest} was missing or damaged: `pullback check` says whose it is" for digest in made.lost])


def _restore(options: argparse.Namespace) -> int:
    manifest, lost = restore(options.folder, options.data, options.database)
    _say(f"restored to {options.data}: {manifest.files - len(lost)} files, of {manifest.made}")
    return _lost([f"file {digest} of the backup is damaged: `pullback check` says whose it is" for digest in lost])


def _check(options: argparse.Namespace) -> int:
    report = check(options.data, options.database)
    _say(
        f"{report.rows} jobs, results and sessions; {report.files} files, {_size(report.size)}; "
        f"{report.unknown} files that none of them refers to"
    )
    return _lost(report.lost)


def _lost(texts: list[str]) -> int:
    for text in texts:
        _say(f"lost: {text}")
    return 1 if texts else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "backup": _back_up,
    "restore": _restore,
    "check": _check,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pullback", description="Copies of a server's data.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what, folder in (
        ("backup", "copy a server's data, while it runs, into a new folder", "a new folder"),
        ("restore", "put a backup back as a new data folder", "the backup"),
        ("check", "look whether all of a server's data can be read, and say what is lost", ""),
    ):
        command = commands.add_parser(name, help=what, description=what)
        if folder:
            command.add_argument("folder", type=Path, metavar="DIR", help=folder)
        command.add_argument(
            "--data", type=Path, default=DEFAULT_DATA, metavar="DIR", help="the server's data (default: %(default)s)"
        )
        add_database(command)
    return parser
