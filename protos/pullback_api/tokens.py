"""Tokens that let programs in: their form, how they are sent, and where a user's own programs find them.

MATLAB's client has the same rules, in `+pullback/+internal/token.m`.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path

HEADER = "authorization"
"""Metadata of a call, or header of a request, that carries a token: `Bearer TOKEN`."""
SCHEME = "Bearer"

TOKEN_VARIABLE = "PULLBACK_TOKEN"  # noqa: S105  (a name)
TOKEN_FILE_VARIABLE = "PULLBACK_TOKEN_FILE"  # noqa: S105
TOKEN_FOLDER_VARIABLE = "PULLBACK_TOKEN_FOLDER"  # noqa: S105

FORM = "43 to 512 letters, digits, - and _"
_FORM = re.compile(r"[A-Za-z0-9_-]{43,512}")
_LONGEST_FILE = 4_096


def is_token(text: str) -> bool:
    """Whether a text has the form of a token: at least 256 bits, in what URLs and headers take as it is."""
    return _FORM.fullmatch(text) is not None


def read_token(path: Path) -> str | None:
    """The token that a file holds, with or without white space around it; None where it holds something else.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        text = file.read(_LONGEST_FILE).decode("ascii", "replace").strip()
    return text if is_token(text) else None


def token_folder() -> Path:
    """The folder in which a server leaves, for each port, the token by which programs of its own user are let in.

    `$PULLBACK_TOKEN_FOLDER`, or that of the user's state; on Linux and its like with a folder for each machine, since
    several may share a home.
    """
    if named := os.environ.get(TOKEN_FOLDER_VARIABLE):
        return Path(named)
    home = Path.home()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else home / "AppData" / "Local") / "pullback" / "tokens"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "pullback" / "tokens"
    state = os.environ.get("XDG_STATE_HOME")
    machine = re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname())
    return (Path(state) if state else home / ".local" / "state") / "pullback" / "tokens" / machine


def port_file(port: int) -> Path:
    """The file of the server that listens on a port of this machine."""
    return token_folder() / str(port)
