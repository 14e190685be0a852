"""The token that a data folder keeps, for its owner to hand out."""

from __future__ import annotations

import logging
import os
import secrets
import stat
from pathlib import Path

from pullback.files import write_whole
from pullback_api.tokens import FORM, read_token

TOKEN_FILE = "token"  # noqa: S105  (a name)
_BYTES = 32
_PRIVATE = 0o600

_log = logging.getLogger(__name__)


class TokenFileError(Exception):
    """The token cannot be used; says why, and what to do."""


def new_token() -> str:
    """A token that nobody can guess: 256 random bits."""
    return secrets.token_urlsafe(_BYTES)


def write_token(path: Path, token: str) -> None:
    """Writes a token for its owner alone, whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    write_whole(path, f"{token}\n".encode(), mode=_PRIVATE)


def kept_token(data: Path) -> str:
    """The token of a data folder, which is made where there is none. One that others could read becomes its owner's.

    Raises:
        TokenFileError: The file holds no token, or cannot be read, written or made its owner's alone.
    """
    path = data / TOKEN_FILE
    try:
        if not os.path.lexists(path):
            write_token(path, new_token())
        _tighten(path)
        token = read_token(path)
    except OSError as error:
        raise TokenFileError(f"cannot keep a token in {path}: {error.strerror or error}") from None
    if token is None:
        raise TokenFileError(
            f"{path} holds no token: expected {FORM}. Delete it to have a new one made; programs that were given the "
            "old one then need the new one"
        )
    return token


def _tighten(path: Path) -> None:
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        path.chmod(_PRIVATE)
        _log.warning(
            "others could read the token in %s, or write it, until now; now it is yours alone. If somebody may have "
            "read it, delete the file and start again: a new one is made",
            path,
        )
