"""Stored files: content-addressed, read and checked by whoever works with them, the server or a worker; no database."""

from __future__ import annotations

import copyreg
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MISSING = "is missing from the store"
CHANGED = "was changed or damaged: its content is not what its name says"
# What is read at once where the content is not kept.
_CHUNK_BYTES = 2**20
_BACKUP = "put the server's data back from a backup"
# What to do about a damaged resource, by the collection that it belongs to.
_REMEDIES = {
    "jobs": f"{_BACKUP}, or submit its request again under a new request_id",
    "sessions": f"{_BACKUP}, or begin a new session",
    "inversions": f"{_BACKUP}, or invert the images again",
    "eigenbases": f"{_BACKUP}, or compute it again",
    "analyses": f"{_BACKUP}, or ask for it again",
    "tunings": f"{_BACKUP}, or tune anew",
    "directions": f"{_BACKUP}, or delete them and find or import them again",
}


def told_of_unreadable(name: str, what: str) -> str:
    """What callers are told of a resource that cannot be read.

    Args:
        name: The resource's name; empty where only a file of it is known.
        what: What is wrong, such as `its file is missing from the store`.
    """
    if not name:
        return (
            f"{what.replace('its file', 'a file of this resource')}; others are not affected. Put the server's file "
            "back from a backup, or ask for the work again"
        )
    collection = name.split("/")[-2] if "/" in name else ""
    return f"{name} cannot be read: {what}. Others are not affected; {_REMEDIES.get(collection, _BACKUP)}"


class DamagedFileError(Exception):
    """A file is missing, or is not what its name says. The text is what callers are told.

    Attributes:
        path: The file.
        reason: Which of both: `MISSING` or `CHANGED`.
        what: The same, in words that callers may hear.
    """

    def __init__(self, file: StoredFile, reason: str) -> None:
        self.path, self.reason = file.path, reason
        self.what = f"its file {reason.partition(':')[0]}"
        super().__init__(told_of_unreadable(file.name, self.what))

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies and pickles do without the constructor, which takes more than `args`.
        return copyreg.__newobj__, (type(self),), {"args": self.args, **vars(self)}  # type: ignore[attr-defined]


@dataclass(frozen=True)
class StoredFile:
    """A file of the store. Its path and digest go to a worker in its place: megabytes do not pass through the server.

    Attributes:
        path: Where it is.
        digest: SHA-256 of its content, hexadecimal.
        name: The resource that it belongs to, as callers know it; empty where that is not known.
    """

    path: str
    digest: str
    name: str = ""

    def read(self) -> bytes:
        """The content, checked.

        Raises:
            DamagedFileError: There is no such file, or its content has changed.
            OSError: It cannot be read at the moment.
        """
        try:
            data = Path(self.path).read_bytes()
        except FileNotFoundError:
            raise DamagedFileError(self, MISSING) from None
        if hashlib.sha256(data).hexdigest() != self.digest:
            raise DamagedFileError(self, CHANGED)
        return data

    def check(self) -> None:
        """Reads the content in chunks, of which none is kept.

        Raises:
            DamagedFileError: As `read`.
            OSError: As `read`.
        """
        digest, chunk = hashlib.sha256(), memoryview(bytearray(_CHUNK_BYTES))
        try:
            with Path(self.path).open("rb", buffering=0) as file:
                while size := file.readinto(chunk):
                    digest.update(chunk[:size])
        except FileNotFoundError:
            raise DamagedFileError(self, MISSING) from None
        if digest.hexdigest() != self.digest:
            raise DamagedFileError(self, CHANGED)
