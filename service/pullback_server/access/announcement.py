"""Announcement of a server's ports to programs of its own user: for each port, a file with a token."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from pathlib import Path

from pullback_api.tokens import TOKEN_FOLDER_VARIABLE, port_file, read_token, token_folder
from pullback_server.access.token_file import new_token, write_token

_log = logging.getLogger(__name__)


class Announcement:
    """Files that let in programs of this user, from `announce` to `withdraw`.

    Their token is not the one that the data folder keeps, but one of this process. Whoever takes the port of a server
    that was killed gets from its clients a token that no server takes any more.

    Args:
        required: Whether a token is needed at all; where none is, files that servers of before left are removed.
    """

    def __init__(self, *, required: bool) -> None:
        self.token = new_token() if required else None
        self._written: list[Path] = []

    def announce(self, *ports: int) -> None:
        """Writes the files. Where that is not possible, the log says what then has to be done."""
        try:
            if self.token is None:
                for port in ports:
                    port_file(port).unlink(missing_ok=True)
                return
            _make_private(token_folder())
            for port in ports:
                write_token(port_file(port), self.token)
                self._written.append(port_file(port))
        except (OSError, RuntimeError) as error:
            # No home, or one that is not to be written: that of a service's user, say.
            _log.warning(
                "programs of this user will not find a token by themselves, but need $PULLBACK_TOKEN_FILE: %s. "
                "$%s names another folder, to the server and to them",
                error,
                TOKEN_FOLDER_VARIABLE,
            )

    def withdraw(self) -> None:
        """Removes the files, but for those that another server has replaced."""
        for path in self._written:
            with contextlib.suppress(OSError):
                if read_token(path) == self.token:
                    path.unlink()
        self._written.clear()


def _make_private(folder: Path) -> None:
    """Makes a folder for this user alone.

    Raises:
        OSError: It cannot be made, or is another user's.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name != "posix":
        return
    status = folder.stat()
    if status.st_uid != os.geteuid():
        raise PermissionError(f"{folder} is another user's")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        folder.chmod(0o700)
