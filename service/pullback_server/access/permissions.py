"""Permissions: which methods a role may call, before anything of a request is received."""

from __future__ import annotations

from typing import NoReturn

import grpc

from pullback_server.access.identity import Identity, Role
from pullback_server.contract import only_reads
from pullback_server.errors import ApiError

_OPERATORS = frozenset(
    {"CreateKey", "RevokeKey"}
    # What everybody has is not one's own to take away.
    | {"DeleteEigenbasis", "DeleteDirections", "DeleteAnalysis"}
)


def check_may(who: Identity, method: str) -> None:
    """Refuses a call that a role may not make.

    Args:
        who: Who calls.
        method: `/package.Service/Method`; what is none of the contract's is for everybody.

    Raises:
        ApiError: PERMISSION_DENIED.
    """
    service, _, name = method.rpartition("/")
    if who.role is Role.OPERATOR or not service.startswith("/pullback_api."):
        return
    if name in _OPERATORS:
        deny(f"{name} is for operators, and the key {who.key!r} is a {who.role.value}'s")
    if who.role is Role.VIEWER and not only_reads(name):
        deny(f"{name} changes something, and the key {who.key!r} is a viewer's")


def deny(message: str) -> NoReturn:
    """Raises PERMISSION_DENIED."""
    raise ApiError(grpc.StatusCode.PERMISSION_DENIED, message)
