"""Traces as OpenTelemetry makes them, by a provider of the process's own; the extra `tracing`."""

from __future__ import annotations

import os
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span as OpenSpan
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pullback_server.watching.spans import NONE, Attributes, Span, Tracing

EXPORT_SECONDS = 5
# Spans wait so long for others that go with them.
_BATCH_MS = 1000


class TracedSpan(Span):
    """A span that is open."""

    def __init__(self, span: OpenSpan) -> None:
        self._span = span
        context = span.get_span_context()
        self.header = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def end(self, attributes: Attributes = NONE, *, failed: str = "") -> None:
        """Ends it."""
        self._span.set_attributes(dict(attributes))
        if failed:
            self._span.set_status(Status(StatusCode.ERROR, failed))
        self._span.end()


class OpenTelemetryTracing(Tracing):
    """Spans that a processor gets.

    Args:
        process: What this process is called.
        processor: Gets them.
    """

    def __init__(self, process: str, processor: SpanProcessor) -> None:
        resource = Resource.create(
            {
                "service.name": os.environ.get("OTEL_SERVICE_NAME", "pullback"),
                "service.version": version("pullback"),
                "service.instance.id": process,
                "process.pid": os.getpid(),
            }
        )
        # Not the global one: whoever uses this package in a program of theirs has traces of their own.
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("pullback_server", version("pullback"))
        self._propagator = TraceContextTextMapPropagator()

    @property
    def on(self) -> bool:
        """Whether spans go anywhere."""
        return True

    def begin(
        self,
        name: str,
        *,
        parent: str = "",
        serving: bool = False,
        began: int | None = None,
        attributes: Attributes = NONE,
    ) -> Span:
        """Begins a span; a parent that is no `traceparent` is none."""
        return TracedSpan(
            self._tracer.start_span(
                name,
                context=self._propagator.extract({"traceparent": parent}),
                kind=SpanKind.SERVER if serving else SpanKind.INTERNAL,
                attributes=dict(attributes),
                start_time=began,
            )
        )

    def close(self) -> None:
        """Sends what has not been sent."""
        self._provider.force_flush(EXPORT_SECONDS * 1000)
        self._provider.shutdown()


def exported(process: str, endpoint: str) -> OpenTelemetryTracing:
    """Traces that go to an OTLP collector over gRPC."""
    insecure = endpoint.startswith("http://")
    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=insecure, timeout=EXPORT_SECONDS)
    return OpenTelemetryTracing(process, BatchSpanProcessor(exporter, schedule_delay_millis=_BATCH_MS))
