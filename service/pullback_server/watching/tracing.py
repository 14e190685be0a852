"""Traces as they are asked for: to an OTLP collector, or none."""

from __future__ import annotations

import os

from pullback_server.watching.spans import Tracing

ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
MISSING = (
    "traces were asked for (--traces or {variable}), but the extra for them is not installed: "
    "pip install 'pullback[tracing]', or ask for none ({error})"
)


class TracingError(Exception):
    """Traces were asked for and cannot be made; says why, and what to do."""


def make_tracing(process: str, endpoint: str | None = None) -> Tracing:
    """Traces to an OTLP collector; none where no endpoint is said, here or in OpenTelemetry's own variables.

    Args:
        process: What this process is called: `server`, `worker-0`, …
        endpoint: URL of the collector.

    Raises:
        TracingError: OpenTelemetry is not installed.
    """
    endpoint = endpoint or next((os.environ[name] for name in ENDPOINT_VARIABLES if os.environ.get(name)), None)
    if endpoint is None:
        return Tracing()
    try:
        from pullback_server.watching.open_telemetry import exported  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError as error:
        raise TracingError(MISSING.format(variable=ENDPOINT_VARIABLES[1], error=error)) from None
    return exported(process, endpoint)
