"""Files of the store on a worker: read there, and an eigenbasis once for all that work with it at a time."""

from __future__ import annotations

from weakref import WeakValueDictionary

from pullback.geometry.eigenbasis import Eigenbasis
from pullback_server.stored_files import StoredFile

# By digest; each stays as long as something works with it.
_eigenbases: WeakValueDictionary[str, Eigenbasis] = WeakValueDictionary()


class FileUnavailableError(Exception):
    """The operating system does not let a file be read at the moment."""


def content(file: StoredFile | None) -> bytes:
    """What a file holds; nothing where there is none.

    Raises:
        DamagedFileError: It is missing or damaged.
        FileUnavailableError: It cannot be read at the moment.
    """
    if file is None:
        return b""
    try:
        return file.read()
    except OSError as error:
        of = f" of {file.name}" if file.name else ""
        raise FileUnavailableError(f"a file{of} cannot be read ({error.strerror}); try again") from error


def eigenbasis(file: StoredFile | None) -> Eigenbasis | None:
    """The eigenbasis that a file holds; None where there is none.

    Raises:
        DamagedFileError: It is missing or damaged.
        FileUnavailableError: It cannot be read at the moment.
    """
    if file is None:
        return None
    if (found := _eigenbases.get(file.digest)) is None:
        # The worker that made it has checked the arrays, and the digest says that they are the same.
        found = _eigenbases[file.digest] = Eigenbasis.from_bytes(content(file), trusted=True)
    return found
