"""Transport, the seam between the client and gRPC: one channel, its stubs, deadlines, retries and typed errors."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc

from pullback_api.v1 import (
    access_pb2_grpc,
    directions_pb2_grpc,
    generators_pb2_grpc,
    geometry_pb2_grpc,
    inversion_pb2_grpc,
    jobs_pb2_grpc,
    search_pb2_grpc,
    server_pb2_grpc,
    tunings_pb2_grpc,
)
from pullback_client.errors import (
    CallCancelledError,
    ClientError,
    DeadlineExceededError,
    FailedPreconditionError,
    from_rpc_error,
)
from pullback_client.wire.interruption import cancelling, interruption
from pullback_client.wire.tls import TlsFiles
from pullback_client.wire.tokens import Metadata, TokenFinder

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""Largest request that a server takes, in bytes. Its answers may be larger: pictures are."""

Response = TypeVar("Response")

# Sent twice, each of these does what it does once. ComputeEigenbasis, AnalyzeMetric, DiscoverDirections, Invert, Tune,
# CreateSession, Ask and ReclaimTrials are among them because this client always gives them a request id, Tell because
# trials have ids, and ImportDirections because a file is kept once. What deletes is not: the second one would answer
# NOT_FOUND.
IDEMPOTENT_METHODS: dict[str, tuple[str, ...]] = {
    "Access": ("ListKeys", "RevokeKey", "Share"),
    "Directions": (
        "DiscoverDirections",
        "GetDirections",
        "ListDirections",
        "ImportDirections",
        "AnnotateDirection",
        "Traverse",
    ),
    "Generators": ("ListGenerators", "GetGenerator", "SampleLatents", "Render"),
    "Geometry": (
        "ListDistances",
        "ComputeEigenbasis",
        "GetEigenbasis",
        "StreamEigenbasis",
        "ListEigenbases",
        "AnalyzeMetric",
        "GetAnalysis",
        "ListAnalyses",
    ),
    "Inversion": ("Invert", "GetInversion", "ListInversions"),
    "Jobs": ("GetJob", "ListJobs", "WatchJob", "WaitJob", "CancelJob"),
    "Search": (
        "CreateSession",
        "GetSession",
        "ListSessions",
        "Ask",
        "Tell",
        "ReclaimTrials",
        "PauseSession",
        "ResumeSession",
        "CloseSession",
        "GetSessionImage",
        "WatchSession",
        "ExportSession",
    ),
    "Server": ("GetServerStatus",),
    "Tunings": ("Tune", "GetTuning", "StreamTuning", "ListTunings"),
}


def service_config() -> str:
    """The service config: what is tried again where the server cannot be reached.

    gRPC itself never retries a stream of which something has arrived.
    """
    return json.dumps(
        {
            "methodConfig": [
                {
                    "name": [
                        {"service": f"pullback_api.v1.{service}", "method": method}
                        for service, methods in IDEMPOTENT_METHODS.items()
                        for method in methods
                    ],
                    "retryPolicy": {
                        "maxAttempts": 5,
                        "initialBackoff": "0.2s",
                        "maxBackoff": "2s",
                        "backoffMultiplier": 2,
                        "retryableStatusCodes": ["UNAVAILABLE"],
                    },
                }
            ]
        }
    )


class Deadline:
    """A moment in time until which several calls together may take."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left, 0 when it has passed."""
        return max(0.0, self._end - time.monotonic())

    def check(self, what: str) -> None:
        """Raises DeadlineExceededError with the message `what` once the moment has passed."""
        if self.remaining() == 0.0:
            raise DeadlineExceededError(what)


class Transport:
    """A channel to a server, and the token that lets its calls in.

    Args:
        target: Address in gRPC's form, such as `127.0.0.1:50051` or `unix:/run/pullback.sock`.
        timeout: Seconds that a call may take where it does not say otherwise.
        token: What lets calls in; None = what `TokenFinder` finds.
        tls: By what the channel has TLS; None for none, as to a server on this machine.

    Raises:
        InvalidArgumentError: `token` cannot be one.
        FailedPreconditionError: A file of `tls` cannot be used.
    """

    def __init__(self, target: str, timeout: float, token: str | None = None, tls: TlsFiles | None = None) -> None:
        self.target = target
        self._tls = tls
        self._tokens = TokenFinder(target, token)
        # By it the server tells its clients apart, which share its queue, over a restart and a new connection too.
        self._name: Metadata = (("pullback-client", uuid.uuid4().hex),)
        self.timeout = timeout
        self.closed = False
        options = [
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_receive_message_length", -1),
            ("grpc.service_config", service_config()),
            # A call larger than the retry buffer is never retried; photographs are larger than its default.
            ("grpc.per_rpc_retry_buffer_size", MAX_MESSAGE_BYTES),
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 20_000),
            # After a restart of the server, connect again within seconds rather than minutes.
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 2_000),
            # A company's web proxy does not know the way to this machine's loopback address.
            ("grpc.enable_http_proxy", 0),
        ]
        self._channel = (
            grpc.insecure_channel(target, options)
            if tls is None
            else grpc.secure_channel(target, tls.credentials(), options)
        )
        self.access = access_pb2_grpc.AccessStub(self._channel)
        self.directions = directions_pb2_grpc.DirectionsStub(self._channel)
        self.generators = generators_pb2_grpc.GeneratorsStub(self._channel)
        self.geometry = geometry_pb2_grpc.GeometryStub(self._channel)
        self.inversion = inversion_pb2_grpc.InversionStub(self._channel)
        self.jobs = jobs_pb2_grpc.JobsStub(self._channel)
        self.search = search_pb2_grpc.SearchStub(self._channel)
        self.server = server_pb2_grpc.ServerStub(self._channel)
        self.tunings = tunings_pb2_grpc.TuningsStub(self._channel)

    def call(self, method: Callable[..., Response], request: Any, *, timeout: float | None = None) -> Response:
        """One answer to one request.

        Args:
            method: A method of one of the stubs.
            request: Its request message.
            timeout: Seconds it may take; None = the transport's own.

        Raises:
            ClientError: The typed form of any gRPC status but OK.
        """
        self.check_open()
        seconds = self.timeout if timeout is None else timeout
        sent = self._tokens.metadata()
        try:
            try:
                return _call(method, request, seconds, sent + self._name)
            except grpc.RpcError as error:
                if not self._may_repeat(error, sent):
                    raise
            return _call(method, request, seconds, self._tokens.metadata() + self._name)
        except grpc.FutureCancelledError as error:
            raise CallCancelledError(f"{_name(request)} at {self.target} was cancelled") from error
        except grpc.RpcError as error:
            raise self._typed(error, request) from error

    def stream(self, method: Callable[..., Iterator[Response]], request: Any, *, timeout: float) -> Iterator[Response]:
        """The answers to one request, as they arrive. Leaving the loop cancels the call.

        Args:
            method: A streaming method of one of the stubs.
            request: Its request message.
            timeout: Seconds that the whole stream may take.

        Raises:
            ClientError: The typed form of any gRPC status but OK.
        """
        self.check_open()
        stub: Any = method
        sent = self._tokens.metadata()
        call = stub(request, timeout=timeout, metadata=sent + self._name)
        try:
            while True:
                try:
                    with cancelling(call):
                        answer: Response | None = next(call, None)
                except grpc.RpcError as error:
                    # Who is refused has received nothing.
                    if not self._may_repeat(error, sent):
                        raise
                    sent = self._tokens.metadata()
                    call = stub(request, timeout=timeout, metadata=sent + self._name)
                    continue
                if answer is None:
                    return
                yield answer
        except grpc.RpcError as error:
            raise self._typed(error, request) from error
        finally:
            call.cancel()

    def _may_repeat(self, error: grpc.RpcError, sent: Metadata) -> bool:
        """Whether a call that carried this was refused, and there is another token to try."""
        call: Any = error
        return call.code() is grpc.StatusCode.UNAUTHENTICATED and self._tokens.renew(sent)

    def _typed(self, error: grpc.RpcError, request: Any) -> ClientError:
        return from_rpc_error(
            error,
            target=self.target,
            method=_name(request),
            sent=self._tokens.origin,
            ca=None if self._tls is None else self._tls.ca,
        )

    def check_open(self) -> None:
        """Raises FailedPreconditionError once the channel is closed."""
        if self.closed:
            raise FailedPreconditionError(f"this client of {self.target} is closed: make another one")

    def close(self) -> None:
        """Closes the channel; calls under way end with CallCancelledError."""
        self.closed = True
        self._channel.close()


def _call(method: Callable[..., Response], request: Any, seconds: float, metadata: Metadata) -> Response:
    if interruption() is None:
        return method(request, timeout=seconds, metadata=metadata)
    stub: Any = method
    future = stub.future(request, timeout=seconds, metadata=metadata)
    with cancelling(future):
        answer: Response = future.result()
    return answer


def _name(request: Any) -> str:
    return type(request).__name__.removesuffix("Request")
