"""Errors on their way to the caller: a canonical code, a message, and the fields that are at fault."""

from __future__ import annotations

import asyncio
import contextlib
import copyreg
import logging
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from pullback.errors import InvalidInputError
from pullback_server.deadlines import within
from pullback_server.error_texts import unforeseen, without_folders

# A status travels in HTTP/2 trailers, of which clients take 8 KiB: the message percent-encoded, then all of it again
# in base64. What is longer would not arrive at all.
MAX_MESSAGE_BYTES = 1_000
MAX_DESCRIPTION_BYTES = 500
MAX_VIOLATION_BYTES = 2_500
# How long a client may leave a stream unread; then it is ended.
UNREAD_SECONDS = 600.0
# Violations of a request that are kept.
MAX_KEPT = 500

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FieldViolation:
    """One field that cannot be used.

    Attributes:
        field: Path of the field in the request, such as `settings.steps` or `targets[2].image`.
        description: What came, what was expected, what to do.
    """

    field: str
    description: str


class ApiError(Exception):
    """An error that the caller is told about as it is.

    Attributes:
        code: The canonical code.
        message: What came, what was expected, what to do.
        violations: The fields that are at fault.
        retry_seconds: When it is worth to try again, where that is known.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        violations: tuple[FieldViolation, ...] = (),
        *,
        retry_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = _shorten(message, MAX_MESSAGE_BYTES)
        self.violations = violations
        self.retry_seconds = retry_seconds

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies and pickles do without the constructor: it takes more than `args`, and that of subclasses other things.
        return copyreg.__newobj__, (type(self),), {"args": self.args, **vars(self)}  # type: ignore[attr-defined]

    def to_status(self, most: int = MAX_VIOLATION_BYTES) -> status_pb2.Status:
        """The error as a `google.rpc.Status`, with a `BadRequest` where fields are at fault: as many as fit.

        Args:
            most: Bytes that the violations may take; those of trailers where nothing else is said.
        """
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        bad_request = error_details_pb2.BadRequest()
        for violation in self.violations:
            description = _shorten(violation.description, MAX_DESCRIPTION_BYTES)
            bad_request.field_violations.add(field=violation.field, description=description)
            if bad_request.ByteSize() > most:
                bad_request.field_violations.pop()
                break
        if self.violations:
            status.details.add().Pack(bad_request)
        if self.retry_seconds is not None:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromMilliseconds(round(1000 * self.retry_seconds))
            status.details.add().Pack(retry)
        return status


def _shorten(text: str, most: int) -> str:
    """The text, cut to at most that many bytes of UTF-8."""
    data = text.encode()
    if len(data) <= most:
        return text
    return data[: most - len("…".encode())].decode(errors="ignore") + "…"


class Violations:
    """Collects everything that is wrong with a request, so that the caller hears of all of it at once.

    Of very many violations the first are kept, more than an error can carry; the others are counted.
    """

    def __init__(self) -> None:
        self._found: list[FieldViolation] = []
        self._more = 0

    def add(self, field: str, description: str) -> None:
        """Notes one violation."""
        if len(self._found) < MAX_KEPT:
            self._found.append(FieldViolation(field, description))
        else:
            self._more += 1

    def extend(self, others: Violations) -> None:
        """Notes all that another one has collected."""
        for violation in others._found:
            self.add(violation.field, violation.description)
        self._more += others._more

    def __bool__(self) -> bool:
        return bool(self._found)

    def error(self) -> ApiError:
        """INVALID_ARGUMENT with all that was noted."""
        message = "; ".join(f"{v.field}: {v.description}" for v in self._found)
        if len(self._found) > 1:
            message = f"{len(self._found) + self._more} fields cannot be used: {message}"
        return ApiError(grpc.StatusCode.INVALID_ARGUMENT, message, tuple(self._found))

    def raise_if_any(self) -> None:
        """Raises `error` where something was noted."""
        if self._found:
            raise self.error()


def invalid(field: str, description: str) -> ApiError:
    """INVALID_ARGUMENT for one field."""
    return ApiError(grpc.StatusCode.INVALID_ARGUMENT, f"{field}: {description}", (FieldViolation(field, description),))


def not_found(message: str) -> ApiError:
    """NOT_FOUND."""
    return ApiError(grpc.StatusCode.NOT_FOUND, message)


def unauthenticated(message: str) -> ApiError:
    """UNAUTHENTICATED: the caller has not shown that it may call; the message says how."""
    return ApiError(grpc.StatusCode.UNAUTHENTICATED, message)


def failed_precondition(message: str) -> ApiError:
    """FAILED_PRECONDITION: the caller must do something first; the message says what."""
    return ApiError(grpc.StatusCode.FAILED_PRECONDITION, message)


def resource_exhausted(message: str, retry_seconds: float | None = None) -> ApiError:
    """RESOURCE_EXHAUSTED: disk, memory or queue are full; when to try again, where that is known."""
    return ApiError(grpc.StatusCode.RESOURCE_EXHAUSTED, message, retry_seconds=retry_seconds)


def unavailable(message: str, retry_seconds: float | None = None) -> ApiError:
    """UNAVAILABLE: trying again later helps, best after `retry_seconds` where that is known."""
    return ApiError(grpc.StatusCode.UNAVAILABLE, message, retry_seconds=retry_seconds)


def as_code(error: Exception) -> grpc.StatusCode:
    """The code of what the caller is told of anything that a servicer raises."""
    if isinstance(error, ApiError):
        return error.code
    failed = isinstance(error, InvalidInputError)
    return grpc.StatusCode.FAILED_PRECONDITION if failed else grpc.StatusCode.INTERNAL


def as_api_error(error: Exception) -> ApiError:
    """What the caller is told of anything that a servicer raises; whatever is not an `ApiError` is logged."""
    if isinstance(error, InvalidInputError):
        # Requests are checked before the library sees them: this is the operator's catalogue file.
        return failed_precondition(without_folders(str(error)))
    if isinstance(error, ApiError):
        return error
    message = unforeseen()
    _log.error("a call failed: %s", message, exc_info=error)
    return ApiError(grpc.StatusCode.INTERNAL, message)


async def _abort(context: grpc.aio.ServicerContext[Any, Any], error: Exception) -> None:
    status = as_api_error(error).to_status()
    # gRPC keeps what is raised here in a cycle, and by it every frame that the error went through: their requests, of
    # many megabytes, would stay until the garbage collector comes by.
    passed: BaseException | None = error
    while passed is not None:
        traceback.clear_frames(passed.__traceback__)
        passed = passed.__cause__ or passed.__context__
    # The stubs of grpc.aio do not know this method.
    await context.abort_with_status(rpc_status.to_status(status))  # type: ignore[attr-defined]


class ErrorInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Turns what a servicer raises into a status for the caller; whatever is not an `ApiError` is logged."""

    async def intercept_service(  # type: ignore[override]  # the stubs forget that there may be no handler
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wraps the method's handler; there is none for a method that nobody serves."""
        handler = await continuation(handler_call_details)
        for kind, guard in _GUARDS.items():
            behaviour = getattr(handler, kind, None)
            if handler is not None and behaviour is not None:
                made: grpc.RpcMethodHandler[Any, Any] = getattr(grpc, f"{kind}_rpc_method_handler")(
                    guard(behaviour),
                    request_deserializer=handler.request_deserializer,
                    response_serializer=handler.response_serializer,
                )
                return made
        return handler


def _guard_unary(behaviour: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    async def guarded(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        try:
            return await behaviour(request, context)
        except grpc.aio.AbortError:
            # It has said itself what the caller is told, as gRPC's own services do.
            raise
        except Exception as error:
            await _abort(context, error)

    return guarded


def _guard_stream(behaviour: Callable[..., Any]) -> Callable[..., Awaitable[None]]:
    async def guarded(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        try:
            async with contextlib.aclosing(behaviour(request, context)) as responses:
                async for response in responses:
                    await _write(response, context)
        except (grpc.aio.AbortError, grpc.aio.InternalError):
            # The latter says that the caller is gone, which gRPC deals with: nobody is left to be told.
            raise
        except Exception as error:
            # All that was kept for the call is let go: whoever does not read hears of it late.
            await _abort(context, error)

    return guarded


async def _write(response: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
    """Sends one message of a stream, as soon as there is room for it on the client's side."""
    try:
        await within(UNREAD_SECONDS, context.write(response))
    except asyncio.TimeoutError:
        message = f"nobody has read this stream for {UNREAD_SECONDS:g} s; ask again for what is left of it"
        raise ApiError(grpc.StatusCode.ABORTED, message) from None


# Whether the request is a stream makes no difference here.
_GUARDS: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "unary_unary": _guard_unary,
    "stream_unary": _guard_unary,
    "unary_stream": _guard_stream,
    "stream_stream": _guard_stream,
}
