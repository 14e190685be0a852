"""Errors over HTTP: Connect's own form, with what is packed in it also in plain JSON."""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from typing import Any

from connectrpc.code import Code
from connectrpc.errors import ConnectError, ErrorDetail
from google.rpc import error_details_pb2
from protobuf.wkt import Any as WireAny
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pullback_server.errors import ApiError

# When to ask again for what is not ready; a render or an optimizer's step takes less, as a rule.
RETRY_MS = 250
# Callers that get no bodies of errors (MATLAB's webread and webwrite) ask for status 200 and `{"error": {…}}` by it.
ERRORS_HEADER, ERRORS_IN_BODY = "pullback-errors", "body"
_BAD_REQUEST = error_details_pb2.BadRequest.DESCRIPTOR.full_name
_RETRY_INFO = error_details_pb2.RetryInfo.DESCRIPTOR.full_name
# gRPC spells it with two l.
_CODES = {"cancelled": "canceled"}
_STATUSES = {
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.UNAUTHENTICATED: 401,
    Code.PERMISSION_DENIED: 403,
    Code.NOT_FOUND: 404,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.UNAVAILABLE: 503,
}
# What is said where there is no method to say it: status → code and message.
_EMPTY = {
    408: ("deadline_exceeded", "the request did not come whole in time; send it again"),
    404: ("unimplemented", "no such method over HTTP; streams are offered by gRPC only"),
    405: ("unimplemented", "expected POST"),
    415: ("invalid_argument", "expected Content-Type: application/json (or application/proto)"),
}


def connect_error(error: ApiError) -> ConnectError:
    """The error in Connect's terms, with the same details as over gRPC."""
    status = error.to_status()
    name = error.code.name.lower()
    details = [ErrorDetail(WireAny(type_url=detail.type_url, value=detail.value)) for detail in status.details]
    return ConnectError(Code(_CODES.get(name, name)), status.message, details)


def error_response(error: ApiError) -> Response:
    """The error in the form that Connect gives it, for what is no method of a service."""
    wire = connect_error(error)
    details = [
        {"type": detail.type_name, "value": b64encode(detail.message_bytes).decode().rstrip("=")}
        for detail in wire.details
    ]
    content = {"code": wire.code.value, "message": wire.message, "details": details}
    return JSONResponse(content, status_code=_STATUSES.get(wire.code, 500))


def plain_error(status: int, *, close: bool = False) -> Response:
    """An answer of that status, which says why; after it the connection may be of no more use."""
    return Response(status_code=status, headers={"Connection": "close"} if close else None)


class PlainErrors:
    """Middleware that makes every error readable without a protobuf library.

    Adds to Connect's `code`, `message` and `details`: `fields`, a list of `{"field", "description"}`, and
    `retry_after_ms`, which is 0 where trying again does not help.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        in_body = scope["type"] == "http" and Headers(scope=scope).get(ERRORS_HEADER) == ERRORS_IN_BODY
        start: Message | None = None
        chunks: list[bytes] = []

        async def rewritten(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] >= 400:
                start = message
            elif start is None:
                await send(message)
            else:
                chunks.append(message.get("body", b""))
                if not message.get("more_body", False):
                    await _send_error(start, b"".join(chunks), send, in_body=in_body)

        await self._app(scope, receive, rewritten)


async def _send_error(start: Message, body: bytes, send: Send, *, in_body: bool) -> None:
    status = start["status"]
    error = _read(status, body)
    error["fields"] = _fields(error)
    wait_ms = _retry_ms(error) or (RETRY_MS if status == 503 else 0)
    error["retry_after_ms"] = wait_ms
    content = json.dumps({"error": error} if in_body else error, ensure_ascii=False).encode()
    # What described the old body does not fit the new one.
    kept = [pair for pair in start["headers"] if pair[0].lower() not in (b"content-type", b"content-length")]
    headers = [*kept, (b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    if wait_ms:
        headers.append((b"retry-after", b"%d" % math.ceil(wait_ms / 1000)))  # whole seconds
    await send({"type": "http.response.start", "status": 200 if in_body else status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _read(status: int, body: bytes) -> dict[str, Any]:
    if body:
        read: dict[str, Any] = json.loads(body)
        return read
    code, message = _EMPTY.get(status, ("unknown", f"status {status}"))
    return {"code": code, "message": message}


def _retry_ms(error: dict[str, Any]) -> int:
    """When to try again, as the server's error says; 0 where it does not."""
    for detail in error.get("details", ()):
        if detail["type"] == _RETRY_INFO:
            packed = b64decode(detail["value"] + "==")
            return int(error_details_pb2.RetryInfo.FromString(packed).retry_delay.ToMilliseconds())
    return 0


def _fields(error: dict[str, Any]) -> list[dict[str, str]]:
    """The field violations that Connect packs as protobuf in unpadded base64."""
    fields = []
    for detail in error.get("details", ()):
        if detail["type"] == _BAD_REQUEST:
            packed = b64decode(detail["value"] + "==")
            for violation in error_details_pb2.BadRequest.FromString(packed).field_violations:
                fields.append({"field": violation.field, "description": violation.description})
    return fields
