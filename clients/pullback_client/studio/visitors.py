"""Visitors: who has come in, by the code of whoever started the studio or by a key of the server, and their clients."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import HTTPConnection

from pullback_client.aio import AsyncClient
from pullback_client.keys import Role
from pullback_client.studio.photographs.kept import KeptPhotographs
from pullback_client.wire.tokens import TokenFinder

_OWN = "own"  # whoever comes by the code has the same rights
_MOST_VISITS = 1_000  # by key: one more, and the oldest has to come in again


def cookie_name(connection: HTTPConnection) -> str:
    """Name of the cookie by which a visitor is known again; browsers keep one set for all ports of a machine."""
    return f"pullback_studio_{connection.scope['server'][1]}"


@dataclass(frozen=True)
class Visitor:
    """One who has come in.

    Attributes:
        client: Calls the server with the visitor's own rights.
        id: By which the visitor's browser tells what it keeps for whom; the same when they come in again.
        by_key: Whether with a key of the server; else with the rights of whoever started the studio.
        may_change: Whether anything but looking is allowed: not with a viewer's key.
        photographs: Those that the visitor has given.
    """

    client: AsyncClient
    id: str
    by_key: bool
    may_change: bool = True
    photographs: KeptPhotographs = field(default_factory=KeptPhotographs)


class Visitors:
    """Those who have come in. Belongs to one event loop.

    Whoever knows the code has the rights of the user who started the studio. It stays the same as long as that user's
    token does, so that open pages go on when the studio is back after a restart; keys are never written anywhere, and
    are asked for again.

    Args:
        target: Address of the server.
        coded: Whether there is a code; without one, keys alone let in.
        token: What lets the studio itself in at the server; None = what a client of this user finds.
        ca: See `Client`.
        cert: See `Client`.
        key: See `Client`.

    Attributes:
        code: The code; None without.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        coded: bool = True,
        token: str | None = None,
        ca: str | Path | None = None,
        cert: str | Path | None = None,
        key: str | Path | None = None,
    ) -> None:
        self._target, self._ca, self._cert, self._key = target, ca, cert, key
        self._own = Visitor(self._connect(token), _OWN, by_key=False) if coded else None
        self.code = None if self._own is None else _code(TokenFinder(self._own.client.target, token))
        self._by_key: dict[str, Visitor] = {}

    def with_code(self, code: str) -> str | None:
        """The cookie of one who comes in by the code; None where that is not the code."""
        if self.code is None or not hmac.compare_digest(code.encode(), self.code.encode()):
            return None
        return _digest(self.code)

    async def with_key(self, key: str) -> str:
        """The cookie of one who comes in by a key of the server.

        Raises:
            ClientError: The server does not take the key, or there is no answer.
        """
        client = self._connect(key)
        try:
            # Operators see all keys, everybody else the own one.
            keys = await client.list_keys()
        except BaseException:
            await client.close()
            raise
        if len(self._by_key) >= _MOST_VISITS:
            await self.leave(next(iter(self._by_key)))
        cookie = secrets.token_urlsafe(32)
        self._by_key[cookie] = Visitor(
            client, _memory_of(key), by_key=True, may_change=[each.role for each in keys] != [Role.VIEWER]
        )
        return cookie

    def known(self, connection: HTTPConnection) -> Visitor | None:
        """Whose connection this is; None for nobody's."""
        cookie = connection.cookies.get(cookie_name(connection), "")
        if self.code is not None and hmac.compare_digest(cookie.encode(), _digest(self.code).encode()):
            return self._own
        return self._by_key.get(cookie)

    async def leave(self, cookie: str) -> None:
        """Forgets one who came by a key."""
        if (visitor := self._by_key.pop(cookie, None)) is not None:
            await visitor.client.close()

    async def close(self) -> None:
        """Forgets everybody."""
        for visitor in [*self._by_key.values(), *([] if self._own is None else [self._own])]:
            await visitor.client.close()
        self._by_key.clear()

    def _connect(self, token: str | None) -> AsyncClient:
        return AsyncClient(self._target, token=token, ca=self._ca, cert=self._cert, key=self._key)


def _code(found: TokenFinder) -> str:
    """Of the token, from which nobody gets back to it; one by chance where the server lets in without."""
    sent = found.metadata()
    if not sent:
        return secrets.token_urlsafe(24)
    return hmac.new(sent[0][1].encode(), b"code of the studio", hashlib.sha256).hexdigest()[:40]


def _memory_of(key: str) -> str:
    """Part of a digest of a key, from which nobody gets back to it."""
    return hashlib.sha256(b"memory of the studio " + key.encode()).hexdigest()[:16]


def _digest(code: str) -> str:
    return hashlib.sha256(b"cookie of the studio " + code.encode()).hexdigest()
