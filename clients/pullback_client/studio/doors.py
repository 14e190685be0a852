"""Doors of the studio: requests to its own hosts, from its own pages, of visitors who have come in; no others.

A page of the web whose name was pointed at this machine (DNS rebinding) sends its name as Host; one that calls across
sites, a WebSocket included, sends its own as Origin.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from urllib.parse import urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from pullback_api.hosts import is_own_host
from pullback_client.studio.visitors import Visitors, cookie_name

ENTRANCE = "/enter"
"""Where visitors come in."""

_OPEN = re.compile(r"/enter|/leave|/favicon\.ico|/studio/[a-z0-9-]+\.[a-z0-9]+|/_nicegui/[0-9][^/]*/.*")
# Scripts and styles of the page itself are NiceGUI's way; nothing is from elsewhere, or goes there.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class Doors:
    """Middleware that lets in those whom the studio is for.

    Args:
        app: The studio.
        visitors: Who has come in.
        hosts: Names and addresses by which it may be called, as `is_own_host` takes them; asked for each time.
    """

    def __init__(self, app: ASGIApp, visitors: Visitors, hosts: Callable[[], Collection[str]] = tuple) -> None:
        self._app = app
        self._visitors = visitors
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await _answered(self._app, scope, receive, _hardened(send))
        elif scope["type"] == "websocket":
            await WebSocketClose(1008, "not let in")(scope, receive, send)
        else:
            await refusal(scope, receive, _hardened(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not is_own_host(host, hosts := self._hosts()):
            known = ", ".join(["localhost", "127.0.0.1", *sorted(hosts)])
            return PlainTextResponse(f"expected a request to {known}, but its Host is {host[:100]!r}", 403)
        foreign = [each for each in headers.getlist("origin") if each.rpartition("://")[2] != host]
        if foreign or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            # A link on another page may lead here, and nothing more.
            plain = headers.get("sec-fetch-mode") == "navigate" and scope.get("method") == "GET"
            if foreign or not plain:
                return PlainTextResponse("expected no page of another site", 403)
        if _OPEN.fullmatch(scope["path"]):
            return None
        connection = HTTPConnection(scope)
        if self._visitors.known(connection) is not None:
            return None
        if scope.get("method") != "GET" or cookie_name(connection) not in connection.cookies:
            return RedirectResponse(ENTRANCE, 303)
        # Who was in is told why, and comes back to where that was.
        back = scope["path"] + (f"?{query}" if (query := scope["query_string"].decode("latin-1")) else "")
        return RedirectResponse(f"{ENTRANCE}?{urlencode({'back': back})}", 303)


async def _answered(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Has a request answered; where its sender has gone, as a browser does from one page to the next, that is all."""
    gone = False

    async def received() -> Message:
        nonlocal gone
        message = await receive()
        gone = gone or message["type"] == "http.disconnect"
        return message

    try:
        await app(scope, received, send)
    except RuntimeError:
        if not gone:  # else Starlette's middleware, to which an answer that is never sent is a fault
            raise


def _hardened(send: Send) -> Send:
    async def hardened(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["content-security-policy"] = _POLICY
            headers["x-content-type-options"] = "nosniff"
            headers["referrer-policy"] = "same-origin"
            headers["cross-origin-resource-policy"] = "same-origin"
        await send(message)

    return hardened
