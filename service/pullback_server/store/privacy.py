"""Privacy of what the store keeps: its owner's alone, from a file's first byte. Elsewhere than on POSIX, nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

_FOLDER, _FILE = 0o700, 0o600
# What the store and the server make in their folder, but for the token, of which more is said where others could read
# it; whatever else is there is not theirs to change.
_OURS = (
    "pullback.sqlite",
    "pullback.sqlite-wal",
    "pullback.sqlite-shm",
    "database.json",
    "lock",
    "blobs",
    "checkpoints",
    "aside",
    "audit",
)


def make_folder(folder: Path) -> None:
    """Makes a folder, and those above it, unless it is there."""
    folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)


def make_file(path: Path) -> None:
    """Makes an empty file unless it is there. What SQLite writes beside a database is as private as that."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_BINARY", 0), _FILE))


def write_file(path: Path, content: bytes) -> None:
    """Writes a small file, whole or not at all, on disk when this returns."""
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | getattr(os, "O_BINARY", 0), _FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def tighten(folder: Path) -> int:
    """Takes from all others what rights they have to a data folder and what is ours in it.

    Returns:
        How many files and folders others had rights to.

    Raises:
        OSError: The rights cannot be changed, as where the folder is another user's.
    """
    if os.name != "posix":
        return 0
    return sum(map(_tighten_one, _all_of(folder)))


def _all_of(folder: Path) -> Iterator[Path]:
    yield folder
    for name in _OURS:
        path = folder / name
        if path.is_symlink():
            continue
        if path.is_dir():
            yield from (Path(root, each) for root, dirs, files in os.walk(path) for each in ("", *dirs, *files))
        elif path.exists():
            yield path


def _tighten_one(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode) or not mode & (stat.S_IRWXG | stat.S_IRWXO):
            return False
        path.chmod(_FOLDER if stat.S_ISDIR(mode) else _FILE)
    except FileNotFoundError:
        # SQLite removes its files when the last one closes the database.
        return False
    return True
