"""Hosts by which this server may be called, and pages that may call it: no web page's own, pointed at this machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pullback_api.hosts import is_own_host

_ORIGIN = re.compile(r"https?://(?P<host>[^/]*)")


class OwnHosts:
    """Middleware that answers only requests to the server's own hosts, and of browsers only those of pages of theirs.

    A page of the web whose name was pointed at this machine (DNS rebinding) sends its name as Host; one that calls
    across sites sends it as Origin.

    Args:
        app: What answers.
        hosts: Names and addresses beside those of loopback, `*.example.org` for all of a domain; asked for each time.
        addresses: Whether any address will do, as where the network is trusted: who sends one was not sent by a name.
    """

    def __init__(self, app: ASGIApp, hosts: Callable[[], Collection[str]] = tuple, *, addresses: bool = False) -> None:
        self._app = app
        self._hosts = hosts
        self._addresses = addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        headers = Headers(scope=scope)
        host, origins = headers.get("host", ""), headers.getlist("origin")
        if not self._is_own(host):
            known = ", ".join(["localhost", "127.0.0.1", *sorted(self._hosts())][:10])
            message = f"expected a request to {known}, but its Host is {host[:100]!r}"
        elif foreign := [origin for origin in origins if not self._is_of_own(origin)]:
            message = f"expected no page of another site, but the Origin is {foreign[0][:100]!r}"
        else:
            await self._app(scope, receive, send)
            return
        await JSONResponse({"code": "permission_denied", "message": message}, status_code=403)(scope, receive, send)

    def _is_of_own(self, origin: str) -> bool:
        match = _ORIGIN.fullmatch(origin)
        return match is not None and self._is_own(match["host"])

    def _is_own(self, host: str) -> bool:
        return is_own_host(host, self._hosts(), addresses=self._addresses)
