"""Files written whole or not at all, and what our files say of themselves."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pullback.errors import InvalidInputError

Parsed = TypeVar("Parsed")


def write_whole(path: str | os.PathLike[str], data: bytes, *, mode: int = 0o666) -> None:
    """Writes a file beside its place, and moves it there once it is on the disk.

    Args:
        path: File to write; one that is there is replaced.
        data: Its bytes.
        mode: Who may read and write it, less what the process's umask takes away.

    Raises:
        OSError: The file cannot be written. Nothing is left behind then, and an older file stays as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_as(path: str | os.PathLike[str], parse: Callable[[bytes], Parsed]) -> Parsed:
    """What a file's bytes say.

    Args:
        path: File to read.
        parse: What makes something of its bytes.

    Raises:
        OSError: The file cannot be read.
        InvalidInputError: `parse` raised it; the message names the file.
    """
    try:
        return parse(Path(path).read_bytes())
    except InvalidInputError as error:
        raise InvalidInputError(f"{os.fspath(path)}: {error}") from error


def read_provenance(data: bytes, file_format: str | tuple[str, ...], what: str) -> dict[str, Any]:
    """The provenance in the metadata of a readable safetensors file of ours.

    Args:
        data: The file's bytes.
        file_format: The format that is expected, or several of which any is.
        what: What the file should be, for errors.

    Raises:
        InvalidInputError: There is none, or it is of another format.
    """
    # A safetensors file starts with the length of its JSON header: 8 bytes, little-endian.
    length = int.from_bytes(data[:8], "little")
    metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    try:
        header = json.loads(metadata.get("pullback", ""))
        came, provenance = header["format"], header["provenance"]
    except (ValueError, KeyError, TypeError):
        raise InvalidInputError(f"a safetensors file, but without the metadata of {what}") from None
    known = (file_format,) if isinstance(file_format, str) else file_format
    if came not in known or not isinstance(provenance, dict):
        read = " and ".join(map(repr, known))
        raise InvalidInputError(f"{what} of format {came!r}, but this version of pullback reads {read}")
    return provenance
