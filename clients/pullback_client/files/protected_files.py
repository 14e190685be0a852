"""Protected files: the originals that somebody's work begins with, which nothing writes to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeAlias

from pullback_client.errors import InvalidArgumentError
from pullback_client.text.printable import printable

_Key: TypeAlias = "tuple[int, int] | str"

# By what each can be found again, its path as it was named.
_kept: ContextVar[Mapping[_Key, Path]] = ContextVar("originals", default={})  # noqa: B039  (never changed in place)


@contextmanager
def keeping(files: Iterable[Any] = ()) -> Iterator[None]:
    """Within the block, `atomic.write_bytes` and `atomic.delete` refuse these files, and those that `keep` adds.

    Args:
        files: Their paths; whatever is no path, such as an image in memory or None, is passed over.
    """
    before = _kept.set(_kept.get())
    try:
        keep(files)
        yield
    finally:
        _kept.reset(before)


def keep(files: Iterable[Any]) -> None:
    """Adds originals, until the block of `keeping` around the call ends."""
    paths = [Path(file) for file in files if isinstance(file, str | os.PathLike)]
    _kept.set({**_kept.get(), **{key: path for path in paths for key in _keys(path)}})


def refuse(outputs: Iterable[Path]) -> None:
    """Raises InvalidArgumentError where one of the outputs is an original.

    It is, whatever it is called: through symbolic and hard links, `..`, and names that differ in capitals alone where
    the file system takes them for one.
    """
    kept = _kept.get()
    if not kept:
        return
    for output in outputs:
        original = next((kept[key] for key in _keys(output) if key in kept), None)
        if original is not None:
            same = "" if original == output else f", which is {printable(original)}"
            raise InvalidArgumentError(
                f"{printable(output)}{same} is one of the files that this reads, and it would be written over: "
                "originals are never replaced; save under another name, or in another folder (--out)"
            )


def _keys(path: Path) -> Iterator[_Key]:
    """By what a file is known: its place on the disk where it exists, and its path without links."""
    try:
        status = path.stat()
        if not path.is_dir():
            yield (status.st_dev, status.st_ino)
    except (OSError, ValueError):
        pass  # not there, or no name that can be: nothing to tell it by but its path
    yield os.path.normcase(os.path.realpath(path))
