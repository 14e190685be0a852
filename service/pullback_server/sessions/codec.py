"""The form of events on disk: JSON with a version."""

from __future__ import annotations

import json
import types
from dataclasses import MISSING, asdict, fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from pullback_server.sessions.events import Event

# Raised with every change of an event's form but a new field with a default, which earlier logs lack.
EVENT_VERSION = 1
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Event)}


class UnreadableEventError(ValueError):
    """An event of the log that this version cannot read."""


def write_event(event: Event) -> tuple[str, bytes]:
    """The event's kind, and the rest of it as JSON."""
    payload = {"v": EVENT_VERSION, **asdict(event)}
    return type(event).__name__, json.dumps(payload, allow_nan=False, separators=(",", ":")).encode()


def read_event(kind: str, payload: bytes) -> Event:
    """The event that `write_event` wrote.

    Raises:
        UnreadableEventError: Unknown kind, a newer version, or a payload that is damaged.
    """
    if kind not in _KINDS:
        raise UnreadableEventError(f"the session's log holds an event of the unknown kind {kind!r}")
    try:
        values = json.loads(payload)
        version = values.pop("v")
        if version != EVENT_VERSION:
            raise UnreadableEventError(
                f"the session's log holds a {kind} of version {version}, this server reads version {EVENT_VERSION}: "
                "use the server that wrote it"
            )
        return _build(_KINDS[kind], values)  # type: ignore[no-any-return]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, UnreadableEventError):
            raise
        raise UnreadableEventError(f"the session's log holds a damaged {kind}: {error}") from error


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def _build(kind: Any, value: Any) -> Any:
    """A value of that type from what JSON made of it: arrays become tuples, objects become dataclasses."""
    if get_origin(kind) is types.UnionType:
        present = next(option for option in get_args(kind) if option is not types.NoneType)
        return None if value is None else _build(present, value)
    if get_origin(kind) is tuple:
        return tuple(_build(get_args(kind)[0], item) for item in value)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        there = [field.name for field in fields(kind) if field.name in value or field.default is MISSING]
        return kind(**{name: _build(hints[name], value[name]) for name in there})
    # JSON does not tell 1.0 from 1 in every writer.
    return float(value) if kind is float else value
