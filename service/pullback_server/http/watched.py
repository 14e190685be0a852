"""Calls over HTTP as they are watched: the middleware that hears what callers are told."""

from __future__ import annotations

import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pullback_server.watching import CallWatch
from pullback_server.watching.calls import HTTP

# An error's body is no longer; its code stands in it.
_MOST_BYTES = 64 * 1024
# Connect spells it with one l.
_CODES = {"canceled": "CANCELLED"}


class Watched:
    """Middleware that has every request watched; stands before all others but those that rewrite errors' bodies.

    Args:
        app: What answers.
        watch: Watches.
    """

    def __init__(self, app: ASGIApp, watch: CallWatch) -> None:
        self._app = app
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        status, body = 0, b""

        async def heard(message: Message) -> None:
            nonlocal status, body
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status >= 400 and len(body) < _MOST_BYTES:
                body += message.get("body", b"")
            await send(message)

        with self._watch.watching(HTTP, scope["path"].removeprefix("/"), headers) as outcome:
            try:
                await self._app(scope, receive, heard)
            finally:
                if status >= 400:
                    outcome.code = _code(body)


def _code(body: bytes) -> str:
    """Name of the canonical code in an error's body."""
    try:
        code = str(json.loads(body)["code"])
    except (ValueError, TypeError, KeyError):
        return "UNKNOWN"
    return _CODES.get(code, code.upper())
