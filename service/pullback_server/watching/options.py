"""Options of a server that say how it is watched and how it ends."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from pullback_server.watching.logs import FORMATS

# From SIGTERM to the end at the latest. What is not written down by then is in checkpoints, and in the sessions' logs.
DRAIN_SECONDS = 45.0
LEAST_DRAIN_SECONDS, MOST_DRAIN_SECONDS = 5.0, 86_400.0


@dataclass(frozen=True)
class Watching:
    """How a server is watched, and how it ends.

    Attributes:
        metrics: `PORT` or `HOST:PORT` of the metrics; None for none.
        traces: Where traces are sent: the URL of an OTLP collector, such as `http://127.0.0.1:4317`; None for nowhere.
        drain: Seconds from SIGTERM to the end at the latest.
    """

    metrics: str | None = None
    traces: str | None = None
    drain: float = DRAIN_SECONDS

    @classmethod
    def of(cls, options: argparse.Namespace) -> Watching:
        """What the options of `add_options` say."""
        return cls(options.metrics, options.traces, options.drain)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options to those of the server's program."""
    group = parser.add_argument_group("being watched")
    group.add_argument(
        "--metrics",
        metavar="ADDR",
        help="expose Prometheus' metrics, and /livez and /readyz, on this PORT, for this machine alone, or HOST:PORT; "
        "they need no key (default: off)",
    )
    group.add_argument(
        "--traces",
        metavar="URL",
        help="send OpenTelemetry's traces to this OTLP collector, such as http://127.0.0.1:4317 (default: "
        "OTEL_EXPORTER_OTLP_ENDPOINT, else off); needs the extra `tracing`",
    )
    group.add_argument(
        "--log-format", default="text", choices=FORMATS, help="json: one object a line (default: %(default)s)"
    )
    group.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    group.add_argument(
        "--drain",
        type=_drain,
        default=DRAIN_SECONDS,
        metavar="SECONDS",
        help="from SIGTERM to the end at the latest; of what is more than 45 s, jobs that run may have the rest to end "
        "by themselves (default: %(default)s)",
    )


def _drain(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = float("nan")
    if not LEAST_DRAIN_SECONDS <= seconds <= MOST_DRAIN_SECONDS:
        raise argparse.ArgumentTypeError(
            f"expected {LEAST_DRAIN_SECONDS:g} to {MOST_DRAIN_SECONDS:,.0f} seconds, but {text!r} came"
        )
    return seconds
