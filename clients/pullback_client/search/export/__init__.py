"""A session as files: npz, CSV, NWB, or a folder of all that a table program and NumPy read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from pullback_client.errors import InvalidArgumentError
from pullback_client.files.atomic import write_bytes, write_json
from pullback_client.search.batch import suffix_of
from pullback_client.search.export import csv, npz, nwb
from pullback_client.search.history import SessionHistory
from pullback_client.search.records import SessionStatus

__all__ = ["FOLDER_FILES", "export", "exported_files", "is_export_of"]

FOLDER_FILES = ("session.npz", *csv.FILES, "session.json")
"""What a folder gets, besides the images where they are asked for."""


def exported_files(path: Path) -> list[Path]:
    """The files that `export` writes, but for images, which have names of their own.

    Args:
        path: Where to.
    """
    if path.is_dir() or not path.suffix:
        return [path / name for name in FOLDER_FILES]
    if path.suffix.lower() == ".csv":
        return [path.with_name(f"{path.stem}-{name}") for name in csv.FILES]
    return [path]


def is_export_of(status: SessionStatus, folder: Path) -> bool:
    """Whether a folder holds an export of this very session."""
    try:
        told = json.loads((folder / "session.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    # Another server may have a session of the same name.
    expected = status.provenance
    return isinstance(told, dict) and all(told.get(name) == expected[name] for name in ("name", "created"))


def export(history: Callable[..., SessionHistory], path: Path, *, images: bool = False) -> list[Path]:
    """Writes a session by suffix, or as a folder; see `EvolutionSession.export`.

    Args:
        history: Fetches everything the session knows, with its images where `images=True` is given.
        path: Where to.
        images: Of a folder: whether the images are written too.
    """
    if path.is_dir() or not path.suffix:
        return _folder(history(images=images), path)
    match path.suffix.lower():
        case ".npz":
            return [npz.write(history(), path)]
        case ".csv":
            return csv.write(history(), path.parent, f"{path.stem}-")
        case ".nwb":
            nwb.require_extras()
            return [nwb.write(history(images=True), path)]
        case suffix:
            raise InvalidArgumentError(f"cannot export a session as {suffix!r}: expected .npz, .csv, .nwb, or a folder")


def _folder(history: SessionHistory, folder: Path) -> list[Path]:
    pictures = []
    for image_id, file in history.files.items():
        path = folder / "images" / f"{image_id}{suffix_of(file)}"
        write_bytes(path, file.data)
        pictures.append(path)
    arrays = npz.write(history, folder / "session.npz")
    tables = csv.write(history, folder, "")
    # Last, what tells of all the rest.
    write_json(folder / "session.json", history.status.provenance)
    return [*pictures, arrays, *tables, folder / "session.json"]
