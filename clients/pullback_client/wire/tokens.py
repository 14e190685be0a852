"""Tokens that a client sends, and where it finds them."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path

from pullback_api.tokens import (
    FORM,
    HEADER,
    SCHEME,
    TOKEN_FILE_VARIABLE,
    TOKEN_VARIABLE,
    is_token,
    port_file,
    read_token,
)
from pullback_client.errors import FailedPreconditionError, InvalidArgumentError

_PORT_OF = re.compile(r"(?:(?:dns|ipv4|ipv6):(?://[^/]*/)?)?(?P<host>\[[^\]]+\]|[^:/\[\]]+):(?P<port>\d{1,5})")

Metadata = tuple[tuple[str, str], ...]


class TokenFinder:
    """Finds the token for a server, if there is one.

    It looks at, in this order: the argument, $PULLBACK_TOKEN, the file that $PULLBACK_TOKEN_FILE names and, for a
    server on this machine, what that has left for programs of its own user. Safe for threads.

    Args:
        target: Address of the server.
        token: The token; None = one that is found.

    Attributes:
        origin: Where the last one came from, for a message.

    Raises:
        InvalidArgumentError: `token` cannot be one.
    """

    def __init__(self, target: str, token: str | None) -> None:
        self._port = _loopback_port(target)
        self._given = None if token is None else _checked(token, "token")
        self._found: tuple[str | None] | None = None
        self.origin = ""

    def metadata(self) -> Metadata:
        """What a call carries.

        Raises:
            InvalidArgumentError: What a variable holds can be no token.
            FailedPreconditionError: The file that a variable names cannot be read.
        """
        if self._found is None:
            self._found = (self._find(),)
        (token,) = self._found
        return () if token is None else ((HEADER, f"{SCHEME} {token}"),)

    def renew(self, refused: Metadata) -> bool:
        """Looks again, as a server that was started anew has another token; whether there is another one now.

        Args:
            refused: What was sent in vain.
        """
        self._found = None
        return self.metadata() not in ((), refused)

    def _find(self) -> str | None:
        if self._given is not None:
            self.origin = "the token that it was given"
            return self._given
        if named := os.environ.get(TOKEN_VARIABLE):
            self.origin = f"the token of ${TOKEN_VARIABLE}"
            return _checked(named, f"${TOKEN_VARIABLE}")
        if named := os.environ.get(TOKEN_FILE_VARIABLE):
            self.origin = f"the token in the file of ${TOKEN_FILE_VARIABLE}"
            return _read_named(Path(named))
        token = None if self._port is None else _announced(self._port)
        self.origin = "no token" if token is None else "the token that a server of this user left for that port"
        return token


def _checked(token: str, name: str) -> str:
    token = token.strip()
    if not is_token(token):
        # The token itself is nothing for a log.
        raise InvalidArgumentError(f"{name} must be {FORM}, as in the file `token` of the server's data folder")
    return token


def _read_named(path: Path) -> str:
    try:
        token = read_token(path)
    except OSError as error:
        raise FailedPreconditionError(f"${TOKEN_FILE_VARIABLE}: cannot read {path}: {error.strerror}") from error
    if token is None:
        raise InvalidArgumentError(f"${TOKEN_FILE_VARIABLE}: {path} holds no token: expected {FORM}")
    return token


def _announced(port: int) -> str | None:
    """The token that a server of this user has left for a port; None where there is none."""
    try:
        path = port_file(port)
        if os.name == "posix" and path.stat().st_uid != os.geteuid():
            return None
        return read_token(path)
    except (OSError, RuntimeError):  # no such file, or a user without a home
        return None


def _loopback_port(target: str) -> int | None:
    """The port of a target on this machine; None where it is elsewhere."""
    match = _PORT_OF.fullmatch(target)
    if match is None:
        return None
    host = match["host"].strip("[]")
    try:
        near = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return None
    return int(match["port"]) if near else None
