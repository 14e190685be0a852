"""The seam between the client and gRPC: one channel, six stubs, deadlines, retries and typed errors."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc

from pullback_api.v1 import (
    directions_pb2_grpc,
    generators_pb2_grpc,
    geometry_pb2_grpc,
    inversion_pb2_grpc,
    jobs_pb2_grpc,
    search_pb2_grpc,
)
from pullback_client.errors import CallCancelledError, DeadlineExceededError, FailedPreconditionError, from_rpc_error
from pullback_client.interrupting import cancelling, interruption

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""Largest request that a server takes, in bytes. Its answers may be larger: an eigenbasis of 4,096 dimensions is."""

Response = TypeVar("Response")

# Sent twice, each of these does what it does once. ComputeEigenbasis, AnalyzeMetric, DiscoverDirections, Invert,
# CreateSession, Ask and ReclaimTrials are among them because this client always gives them a request id, Tell because
# trials have ids, and ImportDirections because a file is kept once. DeleteEigenbasis and DeleteDirections are not: the
# second one would answer NOT_FOUND.
IDEMPOTENT_METHODS: dict[str, tuple[str, ...]] = {
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
    """An insecure channel to a server on this machine.

    Args:
        target: Address in gRPC's form, such as `127.0.0.1:50051` or `unix:/run/pullback.sock`.
        timeout: Seconds that a call may take where it does not say otherwise.
    """

    def __init__(self, target: str, timeout: float) -> None:
        self.target = target
        self.timeout = timeout
        self.closed = False
        self._channel = grpc.insecure_channel(
            target,
            options=[
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
            ],
        )
        self.directions = directions_pb2_grpc.DirectionsStub(self._channel)
        self.generators = generators_pb2_grpc.GeneratorsStub(self._channel)
        self.geometry = geometry_pb2_grpc.GeometryStub(self._channel)
        self.inversion = inversion_pb2_grpc.InversionStub(self._channel)
        self.jobs = jobs_pb2_grpc.JobsStub(self._channel)
        self.search = search_pb2_grpc.SearchStub(self._channel)

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
        stub: Any = method
        seconds = self.timeout if timeout is None else timeout
        try:
            if interruption() is None:
                return method(request, timeout=seconds)
            future = stub.future(request, timeout=seconds)
            with cancelling(future):
                answer: Response = future.result()
            return answer
        except grpc.FutureCancelledError as error:
            raise CallCancelledError(f"{_name(request)} at {self.target} was cancelled") from error
        except grpc.RpcError as error:
            raise from_rpc_error(error, target=self.target, method=_name(request)) from error

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
        call: Any = method(request, timeout=timeout)
        try:
            while True:
                with cancelling(call):
                    answer: Response | None = next(call, None)
                if answer is None:
                    return
                yield answer
        except grpc.RpcError as error:
            raise from_rpc_error(error, target=self.target, method=_name(request)) from error
        finally:
            call.cancel()

    def check_open(self) -> None:
        """Raises FailedPreconditionError once the channel is closed."""
        if self.closed:
            raise FailedPreconditionError(f"this client of {self.target} is closed: make another one")

    def close(self) -> None:
        """Closes the channel; calls under way end with CallCancelledError."""
        self.closed = True
        self._channel.close()


def _name(request: Any) -> str:
    return type(request).__name__.removesuffix("Request")
