"""Access over HTTP: decided from a request's head, before anything of its body is received."""

from __future__ import annotations

import re

import grpc
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pullback_api.tokens import HEADER, SCHEME
from pullback_server.access import Access, check_may, set_identity
from pullback_server.access.identity import OPERATOR
from pullback_server.errors import ApiError
from pullback_server.http.errors import error_response
from pullback_server.http.images import split_name

OPEN_PATHS = frozenset(("/healthz", "/livez", "/readyz"))
"""What supervisors ask, who need no token."""
_SIGNED_IMAGE = re.compile(r"(?P<folder>/v1/sessions/(?P<session>[^/]+)/images)/(?P<signature>[^/]+)/(?P<name>[^/]+)")


class Authorization:
    """Middleware that answers the requests that `access` lets in, and those for `OPEN_PATHS`.

    Images that have a signature in their path, as browsers and `webread` fetch them, are let in by that alone; then
    the signature is taken out of the path.

    Args:
        app: What answers.
        access: Decides.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            admitted = self._admit(scope)
        except ApiError as error:
            response = error_response(error)
            if error.code is grpc.StatusCode.UNAUTHENTICATED:
                response.headers["WWW-Authenticate"] = f'{SCHEME} realm="pullback"'
            await response(scope, receive, send)
            return
        await self._app(admitted, receive, send)

    def _admit(self, scope: Scope) -> Scope:
        """The request as it is to be answered.

        Raises:
            ApiError: UNAUTHENTICATED, PERMISSION_DENIED.
        """
        # The task may have been begun in that of the connection's last request.
        set_identity(OPERATOR)
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            return scope
        if image := _SIGNED_IMAGE.fullmatch(scope["path"]):
            self._access.check_image(image["session"], split_name(image["name"])[0], image["signature"])
            return {**scope, "path": f"{image['folder']}/{image['name']}"}
        who = self._access.check(Headers(scope=scope).getlist(HEADER))
        check_may(who, scope["path"])
        set_identity(who)
        return scope
