"""Callers: who calls, which is what shares are counted by."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

from pullback_server.access.identity import identity

CALLER_HEADER = "pullback-client"
"""Metadata of a call, or header of a request, by which a program names itself; what has no name is its connection."""

_MAX_NAME = 200
_caller: ContextVar[str] = ContextVar("caller", default="")


def caller() -> str:
    """Who has made the call that is being answered; empty outside of calls."""
    return _caller.get()


def set_caller(address: str, headers: Mapping[str, object]) -> str:
    """Notes who makes the call that is about to be answered.

    Args:
        address: Of the connection.
        headers: Of the request, names in lower case.

    Returns:
        What `caller` says from now on, in this task and those that it starts.
    """
    name = headers.get(CALLER_HEADER, "")
    if key := identity().key:
        # All programs that have a key share what it has.
        _caller.set(f"key {key}")
        return _caller.get()
    found = f"client {name[:_MAX_NAME]}" if isinstance(name, str) and name else address
    _caller.set(found)
    return found
