"""Errors that the client raises.

    ClientError
    ├── InvalidArgumentError (ValueError)      a value that cannot be used; `field_violations` say which and why
    ├── NotFoundError (LookupError)            no such generator, distance, eigenbasis, direction, job …
    ├── AlreadyExistsError                     the name or the request id is taken
    ├── FailedPreconditionError                something has to be done first; the message says what
    ├── ResourceExhaustedError                 too large a message, or the server has no room left
    ├── UnauthenticatedError (PermissionError) the server lets in its own user only, or who has its token or a key
    ├── PermissionDeniedError (PermissionError) the key that it came with may not do that
    ├── UnavailableError (ConnectionError)     no server at the target, or it went away
    ├── DeadlineExceededError (TimeoutError)   not done in time; a job goes on all the same
    ├── CallCancelledError                     the call was cancelled, for instance by closing the client
    ├── InternalError                          the server failed, or has a method less than this client
    │   └── BadResponseError                   an answer that this client cannot read
    ├── JobError                               a job that ended without a result
    │   ├── JobFailedError
    │   └── JobCancelledError
    └── ServerStartError                       a server process of our own that did not come up

All carry `code` (the canonical gRPC status), `message` and `field_violations`. The base is not called
`PullbackError`, because that is the base of the numerical library's errors, which may stand in the same program.
"""

from __future__ import annotations

import copyreg
from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status


class FieldViolation(NamedTuple):
    """One field of a request that the server refused."""

    field: str
    """Path of the field in the request, such as `settings.steps`."""
    description: str
    """What came and what was expected."""
    reason: str = ""
    """A short constant in capitals, where the server gives one."""


class ClientError(Exception):
    """Base of everything that the client raises on purpose.

    Attributes:
        code: The canonical gRPC status; for an error found before anything was sent, the status that the server
            would have answered with.
        message: What went wrong and what to do.
        field_violations: The refused fields, empty where the error is not about fields.
    """

    default_code: ClassVar[grpc.StatusCode] = grpc.StatusCode.UNKNOWN

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode | None = None,
        field_violations: Iterable[FieldViolation] = (),
    ) -> None:
        self.message = message
        self.code = self.default_code if code is None else code
        self.field_violations = tuple(field_violations)
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        # Copies and pickles, such as those of a process pool, do without the constructor: it takes more than `args`.
        return copyreg.__newobj__, (type(self),), {"args": self.args, **vars(self)}  # type: ignore[attr-defined]

    def __str__(self) -> str:
        """The message, then one line per refused field that the message does not describe already."""
        violations = [v for v in self.field_violations if v.description not in self.message]
        return "\n".join([self.message, *(f"  {v.field}: {v.description}" for v in violations)])


class InvalidArgumentError(ClientError, ValueError):
    """A value that cannot be used."""

    default_code = grpc.StatusCode.INVALID_ARGUMENT


class NotFoundError(ClientError, LookupError):
    """No resource of that name."""

    default_code = grpc.StatusCode.NOT_FOUND


class AlreadyExistsError(ClientError):
    """The name or the request id is taken."""

    default_code = grpc.StatusCode.ALREADY_EXISTS


class FailedPreconditionError(ClientError):
    """Something has to be done first."""

    default_code = grpc.StatusCode.FAILED_PRECONDITION


class ResourceExhaustedError(ClientError):
    """Too large a message, or no room left on the server."""

    default_code = grpc.StatusCode.RESOURCE_EXHAUSTED


class UnauthenticatedError(ClientError, PermissionError):
    """The server lets in programs of its own user, and whoever has its token."""

    default_code = grpc.StatusCode.UNAUTHENTICATED


class PermissionDeniedError(ClientError, PermissionError):
    """A key that may not do that: the message says who may."""

    default_code = grpc.StatusCode.PERMISSION_DENIED


class UnavailableError(ClientError, ConnectionError):
    """No server at the target, or it went away."""

    default_code = grpc.StatusCode.UNAVAILABLE


class DeadlineExceededError(ClientError, TimeoutError):
    """Not done in time."""

    default_code = grpc.StatusCode.DEADLINE_EXCEEDED


class CallCancelledError(ClientError):
    """The call was cancelled."""

    default_code = grpc.StatusCode.CANCELLED


class InternalError(ClientError):
    """The server failed in a way that the request did not cause."""

    default_code = grpc.StatusCode.INTERNAL


class BadResponseError(InternalError):
    """An answer that this client cannot read."""

    default_code = grpc.StatusCode.DATA_LOSS


class JobError(ClientError):
    """A job that ended without a result.

    Attributes:
        job: Its resource name.
    """

    def __init__(
        self,
        message: str,
        *,
        job: str,
        code: grpc.StatusCode | None = None,
        field_violations: Iterable[FieldViolation] = (),
    ) -> None:
        super().__init__(message, code=code, field_violations=field_violations)
        self.job = job


class JobFailedError(JobError):
    """A job that failed; `code` is that of its error."""


class JobCancelledError(JobError):
    """A job that was cancelled before it had a result."""

    default_code = grpc.StatusCode.CANCELLED


class ServerStartError(ClientError):
    """A server process of our own that did not come up."""

    default_code = grpc.StatusCode.UNAVAILABLE


_BY_CODE: dict[grpc.StatusCode, type[ClientError]] = {
    grpc.StatusCode.OUT_OF_RANGE: InvalidArgumentError,
    **{
        error.default_code: error
        for error in (
            InvalidArgumentError,
            NotFoundError,
            AlreadyExistsError,
            FailedPreconditionError,
            ResourceExhaustedError,
            UnauthenticatedError,
            PermissionDeniedError,
            UnavailableError,
            DeadlineExceededError,
            CallCancelledError,
        )
    },
}
_CODE_BY_NUMBER: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


def from_rpc_error(error: grpc.RpcError, *, target: str, method: str, sent: str, ca: str | None = None) -> ClientError:
    """The typed form of what gRPC raised.

    Args:
        error: What gRPC raised; it is also the call.
        target: The address that was called, for the message.
        method: Name of the method, for the message.
        sent: Which token the call carried, for the message.
        ca: Where the authority is from that the server's certificate was to be of; None without TLS.
    """
    call: Any = error
    code: grpc.StatusCode = call.code()
    detail = call.details() or code.name
    match code:
        case grpc.StatusCode.UNAVAILABLE:
            detail = (
                f"no answer from a Pullback server at {target} ({detail}); "
                "start one with `pullback serve`, or name another with Client(target), --target or $PULLBACK_TARGET"
                f"{_advice_on_tls(detail, ca)}"
            )
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            detail = f"{method} at {target} did not answer in time; allow more with timeout="
        case grpc.StatusCode.UNAUTHENTICATED:
            detail = f"not let in by the server at {target}: {detail} (this client sent {sent})"
        case grpc.StatusCode.UNIMPLEMENTED:
            detail = f"the server at {target} has no method {method}: is it a Pullback server of this version?"
        case _:
            pass
    return _BY_CODE.get(code, InternalError)(detail, code=code, field_violations=_violations_of_call(call))


def _advice_on_tls(detail: str, ca: str | None) -> str:
    """What may be wrong with TLS where there is no answer; nothing where that cannot be."""
    if ca is None:
        # What a server with TLS makes of one that begins without.
        closed = "Socket closed" in detail or "reset" in detail
        return ". If it has TLS, ca= or $PULLBACK_CA must name its authority's certificate" if closed else ""
    if "CERTIFICATE_VERIFY_FAILED" in detail or "Peer name" in detail:
        return f". Its certificate is not one of {ca}, has expired, or does not name that address"
    if "handshake" in detail.lower() or "Socket closed" in detail:
        return ". If it asks for a client's certificate, cert= and key=, or $PULLBACK_CERT and $PULLBACK_KEY, name one"
    return ""


def from_status(status: status_pb2.Status) -> ClientError:
    """The typed form of what went wrong with a part of a request.

    Args:
        status: The error that the answer has in place of that part's result.
    """
    code = _CODE_BY_NUMBER.get(status.code, grpc.StatusCode.UNKNOWN)
    violations = _violations(status)
    message = status.message or "the server gave no reason"
    if len(violations) == 1:
        # Without the field's path, whose index is that of a request which the caller may not know.
        message = violations[0].description
    return _BY_CODE.get(code, InternalError)(message, code=code, field_violations=violations)


def from_job_status(job: str, status: status_pb2.Status) -> JobFailedError:
    """The error of a failed job.

    Args:
        job: Resource name of the job.
        status: Its `error`.
    """
    return JobFailedError(
        f"{job} failed: {status.message or 'the server gave no reason'}",
        job=job,
        code=_CODE_BY_NUMBER.get(status.code, grpc.StatusCode.UNKNOWN),
        field_violations=_violations(status),
    )


def _violations_of_call(call: grpc.Call) -> tuple[FieldViolation, ...]:
    """Refused fields in the trailing status of a call; none where it carries no readable one."""
    try:
        status = rpc_status.from_call(call)
    except ValueError:  # the trailing status contradicts the call's: trust the call
        return ()
    return () if status is None else _violations(status)


def _violations(status: status_pb2.Status) -> tuple[FieldViolation, ...]:
    found: list[FieldViolation] = []
    for detail in status.details:
        request = error_details_pb2.BadRequest()
        if detail.Unpack(request):  # false for a detail of another type
            found += [FieldViolation(v.field, v.description, v.reason) for v in request.field_violations]
    return tuple(found)
