"""Bodies of requests: received when there is room for them, whole, and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from google.protobuf.descriptor import MethodDescriptor
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pullback_server.deadlines import within
from pullback_server.errors import ApiError, resource_exhausted
from pullback_server.http.errors import error_response, plain_error
from pullback_server.intake.admission import Admission
from pullback_server.intake.callers import set_caller
from pullback_server.intake.field_limits import MAX_REQUEST_BYTES
from pullback_server.intake.wire import largest

RECEIVE_SECONDS = 60.0
"""How long a client may take to send a body."""
# Text takes more room than what it says: bytes in base64, names of fields, digits.
_TEXT = 4
_TYPES = ("application/json", "application/proto")


class BodyTimeoutError(Exception):
    """A body did not come in time."""


class Bodies:
    """Middleware that receives the body of a method's request before the method is asked.

    Args:
        app: What answers.
        methods: Every method, by its path.
        admission: Room for what is received, and shares of callers.
        max_request_bytes: Of a body.
    """

    receive_seconds = RECEIVE_SECONDS

    def __init__(
        self,
        app: ASGIApp,
        methods: Mapping[str, MethodDescriptor],
        admission: Admission,
        *,
        max_request_bytes: int = MAX_REQUEST_BYTES,
    ) -> None:
        self._app = app
        self._methods = methods
        self._admission = admission
        self._max_request_bytes = max_request_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        method = self._methods.get(scope.get("path", "")) if scope["type"] == "http" else None
        if method is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _TYPES:
            # Connect's library would take streams and gRPC's own protocols for what they are, and fail at them.
            await plain_error(415)(scope, receive, send)
            return
        address = f"http {(scope.get('client') or ('',))[0]} {headers.get('user-agent', '')}"
        who = set_caller(address, headers)
        most = self._max_request_bytes if "content-encoding" in headers else self._most(method, kind)
        try:
            async with self._admission.admit(method.full_name, who, most) as hold:
                body = await self._receive(receive)
                if "content-encoding" not in headers:
                    hold.shrink(len(body))
                self._admission.check_size(len(body))
                await self._app(scope, _replayed(body, receive), send)
        except BodyTimeoutError:
            await plain_error(408, close=True)(scope, receive, send)
        except ApiError as error:
            await error_response(error)(scope, receive, send)

    def _most(self, method: MethodDescriptor, kind: str) -> int:
        most = largest(method.input_type)
        return min(self._max_request_bytes, _TEXT * most if kind == _TYPES[0] else most)

    async def _receive(self, receive: Receive) -> bytes:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.receive_seconds
        body = bytearray()
        while True:
            try:
                message = await within(deadline - loop.time(), receive())
            except asyncio.TimeoutError:
                raise BodyTimeoutError from None
            if message["type"] != "http.request":
                # The client has gone; nobody reads the answer.
                raise BodyTimeoutError
            body += message.get("body", b"")
            if len(body) > self._max_request_bytes:
                raise resource_exhausted(
                    f"the request is larger than the {self._max_request_bytes:,} bytes that are taken; send it in parts"
                )
            if not message.get("more_body", False):
                return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was received already, and then what else comes: that the client has gone."""
    left = [body]

    async def replay() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return replay
