"""Outputs of the commands: files that are not written over, and folders that can be made."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from pullback_client.errors import ClientError, InvalidArgumentError
from pullback_client.files import protected_files
from pullback_client.text.printable import a_few, printable


def refuse_overwriting(files: Sequence[Path], force: bool, reads: Iterable[Path | None] = ()) -> None:
    """Makes sure that writing these files takes nothing away.

    Args:
        files: What the command will write.
        force: Whether files that exist may be replaced.
        reads: The files that it reads: until it ends nothing is written to them, `force` or not.

    Raises:
        InvalidArgumentError: One of the files is one that is read.
        ClientError: One of the files exists, and `force` is not set, or could not be written.
    """
    protected_files.keep(reads)
    protected_files.refuse(files)
    existing = [file for file in files if os.path.lexists(file)]
    if existing and not force:
        raise ClientError(f"{a_few(existing)} would be overwritten: use --force, or name other files")
    for file in files:
        _refuse_unwritable(file)


def _refuse_unwritable(file: Path) -> None:
    """Raises InvalidArgumentError where a file could not be written, so that nobody waits for what cannot be kept."""
    if file.is_dir():
        raise InvalidArgumentError(f"{file} is a folder, but a file of that name is to be written: name another place")
    # Folders are made where they are missing, in the nearest that is there.
    there = next(folder for folder in file.absolute().parents if folder.exists())
    if not there.is_dir():
        raise InvalidArgumentError(f"{there} is a file, so {file} cannot be written: name another place")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InvalidArgumentError(f"{there} may not be written into, so {file} cannot be: name another place")


def refuse_file_as_folder(folder: Path) -> None:
    """Raises InvalidArgumentError where the folder for results is a file, or would lie in one."""
    for each in (folder, *folder.parents):
        if each.is_dir():
            return
        if os.path.lexists(each):
            what = "is a file" if each.exists() else "is a link to something that is not there"
            raise InvalidArgumentError(
                f"{printable(each)} {what}, but the results go into a folder: name another --out"
            )
