"""Calls as they are watched: each is counted, timed and traced, and named in the log's lines while it is answered."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from typing import Any

import grpc

from pullback_server.watching.context import about, traced
from pullback_server.watching.metrics import Metrics, from_zero
from pullback_server.watching.spans import Tracing

TRACE_HEADER, REQUEST_HEADER = "traceparent", "x-request-id"
GRPC, HTTP = "grpc", "http"
OTHER = "other"
"""Label of methods that there are none of: whoever calls must not choose how many labels there are."""
_FAULTS = (grpc.StatusCode.INTERNAL.name, grpc.StatusCode.UNKNOWN.name)
"""Codes of a fault of the server, of which not even the first may be missed."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KINDS = ("unary_unary", "stream_unary", "unary_stream", "stream_stream")

_log = logging.getLogger(__name__)


class Outcome:
    """How a call has ended.

    Attributes:
        code: Name of its canonical code.
    """

    code = grpc.StatusCode.OK.name


class CallWatch:
    """Watches calls, over gRPC and over HTTP alike.

    Args:
        metrics: Where they are counted.
        tracing: Where they are traced.
        methods: `package.Service/Method` of every method that there is.
    """

    def __init__(self, metrics: Metrics, tracing: Tracing, methods: Collection[str]) -> None:
        self._metrics = metrics
        self._tracing = tracing
        self._methods = frozenset(methods)
        from_zero(metrics.calls, (GRPC, HTTP), methods, _FAULTS)

    @contextlib.contextmanager
    def watching(self, transport: str, method: str, headers: Mapping[str, object]) -> Iterator[Outcome]:
        """Watches one call until the end of the block.

        Args:
            transport: `grpc` or `http`.
            method: `package.Service/Method`, as the caller says it.
            headers: Of the request, names in lower case.

        Yields:
            What the caller is told of its end is to be noted there.
        """
        label = method if method in self._methods else OTHER
        parent, request = headers.get(TRACE_HEADER), headers.get(REQUEST_HEADER)
        span = self._tracing.begin(
            label,
            parent=parent if isinstance(parent, str) else "",
            serving=True,
            attributes={
                "rpc.system": transport,
                "rpc.service": label.partition("/")[0],
                "rpc.method": label.rpartition("/")[2],
            },
        )
        given = isinstance(request, str) and _REQUEST_ID.fullmatch(request)
        outcome, began = Outcome(), time.monotonic()
        opened = self._metrics.open_calls.labels(transport, label)
        opened.inc()
        with about(request=str(request) if given else secrets.token_hex(8), method=label), traced(span.header):
            try:
                yield outcome
            except asyncio.CancelledError:
                # The caller has gone away, or waits no longer.
                outcome.code = grpc.StatusCode.CANCELLED.name
                raise
            except BaseException:
                if outcome.code == grpc.StatusCode.OK.name:
                    outcome.code = grpc.StatusCode.UNKNOWN.name
                raise
            finally:
                seconds = time.monotonic() - began
                opened.dec()
                self._metrics.calls.labels(transport, label, outcome.code).inc()
                self._metrics.call_seconds.labels(transport, label).observe(seconds)
                failed = "" if outcome.code == grpc.StatusCode.OK.name else outcome.code
                span.end({"rpc.response.status_code": outcome.code}, failed=failed)
                _log.debug("%s over %s: %s after %.3f s", label, transport, outcome.code, seconds)


class WatchingInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Watches every call over gRPC; stands before all others, so that it sees what callers are told.

    Args:
        watch: Watches.
    """

    def __init__(self, watch: CallWatch) -> None:
        self._watch = watch

    async def intercept_service(  # type: ignore[override]  # the stubs forget that there may be no handler
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wraps the method's handler; there is none for a method that nobody serves."""
        headers = {str(name): value for name, value in handler_call_details.invocation_metadata or ()}
        method = handler_call_details.method.removeprefix("/")
        handler: Any = await continuation(handler_call_details)
        if handler is None:
            with self._watch.watching(GRPC, method, headers) as outcome:
                outcome.code = grpc.StatusCode.UNIMPLEMENTED.name
            return None
        (kind,) = (kind for kind in _KINDS if getattr(handler, kind) is not None)
        behaviour = getattr(handler, kind)

        async def watched(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            with self._watch.watching(GRPC, method, headers) as outcome:
                try:
                    return await behaviour(request, context)
                finally:
                    outcome.code = _code(context)

        made: grpc.RpcMethodHandler[Any, Any] = getattr(grpc, f"{kind}_rpc_method_handler")(
            watched,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
        return made


def _code(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """Name of the code with which a call ends, as far as its context knows."""
    # The number, whatever the stubs say.
    found: object = context.code()
    if isinstance(found, grpc.StatusCode):
        return found.name
    return next((code.name for code in grpc.StatusCode if code.value[0] == found), grpc.StatusCode.OK.name)
