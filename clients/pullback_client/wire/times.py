"""Moments and spans of the wire, to and from Python's."""

from __future__ import annotations

from datetime import datetime, timezone

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp


def utc(time: Timestamp) -> datetime:
    """The moment in UTC, aware of its zone."""
    return time.ToDatetime(tzinfo=timezone.utc)


def duration(seconds: float) -> Duration:
    """The span of so many seconds."""
    span = Duration()
    span.FromNanoseconds(int(seconds * 1e9))
    return span
