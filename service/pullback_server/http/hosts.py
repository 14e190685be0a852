"""Hosts by which this server may be called: no web page's own name that is pointed at this machine."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pullback_server.address import AddressError, check_loopback


class LoopbackHosts:
    """Middleware that answers only requests to a loopback host, whatever address they came by."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        host = Headers(scope=scope).get("host", "")
        if _is_loopback(host):
            await self._app(scope, receive, send)
            return
        message = f"expected a request to localhost or 127.0.0.1, but its Host is {host[:100]!r}"
        await JSONResponse({"code": "permission_denied", "message": message}, status_code=403)(scope, receive, send)


def _is_loopback(host: str) -> bool:
    has_port = ":" in host.rpartition("]")[2]
    try:
        check_loopback(host if has_port else f"{host}:80")
    except AddressError:
        return False
    return True
