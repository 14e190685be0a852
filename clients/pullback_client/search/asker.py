"""Asker of trials: the name by which those of a program that crashed are found again."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
import sys
import tempfile
import threading
from pathlib import Path

from pullback_client.errors import InvalidArgumentError

MAX_NAME = 200
"""Most characters of a client's name."""

_MAX_ALIKE = 1000  # programs of one user that run the same script on one computer


class Asker:
    """This process, as far as it asks for trials: `user@host/script`, or `user@host/script-2` beside another one.

    A name is one process's for as long as that lives, whatever it dies of: the process holds a lock on a file of the
    computer. So trials that a session knows under a name that was just got are nobody's any more, and are taken back.

    Attributes:
        name: The name.
        alone: Whether no other living process has it: false where no such file can be locked.
    """

    def __init__(self, folder: Path | None = None) -> None:
        base = f"{_user()}@{socket.gethostname()}/{_script()}"[: MAX_NAME - len(f"-{_MAX_ALIKE}")]
        self.name, self.alone = base, False
        self._known: set[str] = set()
        self._guard = threading.Lock()
        for number in range(1, _MAX_ALIKE):
            name = base if number == 1 else f"{base}-{number}"
            try:
                held = _hold(folder or _folder(), name)
            except OSError:
                # Without files there is no telling who lives: then nothing is taken back that nobody asked for.
                return
            if held:
                self.name, self.alone = name, True
                return

    def begins(self, session: str) -> bool:
        """Whether this process comes to a session for the first time."""
        with self._guard:
            first = session not in self._known
            self._known.add(session)
        return first


def this_process() -> Asker:
    """The asker that this process is; a child that was forked is another."""
    global _this  # noqa: PLW0603  (one per process)
    with _guard:
        if _this is None or _this[0] != os.getpid():
            _this = os.getpid(), Asker()
        return _this[1]


def checked_name(name: str | None) -> str | None:
    """A name that somebody gave; None for None.

    Raises:
        InvalidArgumentError: It is empty, or too long.
    """
    if name is not None and (not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME):
        raise InvalidArgumentError(f"client_name must be a text of 1 to {MAX_NAME} characters, got {name!r}")
    return name


_this: tuple[int, Asker] | None = None
_guard = threading.Lock()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # in a container, of a user without a name
        return f"user-{os.getuid()}" if hasattr(os, "getuid") else "user"


def _script() -> str:
    path = Path(sys.argv[0] if sys.argv and sys.argv[0] not in ("", "-c", "-m") else "python")
    return path.parent.name if path.name == "__main__.py" else path.name


def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"pullback-askers-{_user()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _hold(folder: Path, name: str) -> bool:
    """Locks the file of a name until the process ends; False where a living process has it."""
    path = folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if _lock(handle):
        return True
    os.close(handle)
    return False


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True
else:
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
