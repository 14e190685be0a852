"""Codec of events on disk: JSON with a version."""

from __future__ import annotations

import json
from typing import Any, get_args

from cattrs import Converter

from pullback_server.errors import ApiError, failed_precondition
from pullback_server.sessions.state.events import Event

# Raised with every change of an event's form but a new field with a default, which earlier logs lack.
EVENT_VERSION = 1
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Event)}
# Between dataclasses and what JSON knows; the first fault is raised as it is.
_CONVERTER = Converter(detailed_validation=False)


class UnreadableEventError(ValueError):
    """An event of the log that is damaged."""


def _other_version(what: str) -> ApiError:
    return failed_precondition(f"the session's log holds {what}; use the server that wrote it")


def write_event(event: Event) -> tuple[str, bytes]:
    """The event's kind, and the rest of it as JSON."""
    payload = {"v": EVENT_VERSION, **_CONVERTER.unstructure(event)}
    return type(event).__name__, json.dumps(payload, allow_nan=False, separators=(",", ":")).encode()


def read_event(kind: str, payload: bytes) -> Event:
    """The event that `write_event` wrote.

    Raises:
        UnreadableEventError: Its payload is damaged.
        ApiError: FAILED_PRECONDITION for one of another version of the server.
    """
    if kind not in _KINDS:
        raise _other_version(f"an event of the unknown kind {kind!r}: a newer server's, or a damaged one")
    try:
        values = json.loads(payload)
        version = values.pop("v")
        if version != EVENT_VERSION:
            raise _other_version(f"a {kind} of version {version}, this server reads version {EVENT_VERSION}")
        return _CONVERTER.structure(values, _KINDS[kind])  # type: ignore[no-any-return]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableEventError(f"the session's log holds a damaged {kind}: {error}") from error
