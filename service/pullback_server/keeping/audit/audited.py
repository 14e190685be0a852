"""Audited servicers: each call that changes something, or hands out what is somebody's, is noted with how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from pullback_server.contract import only_reads
from pullback_server.errors import as_code
from pullback_server.keeping.audit.trail import Trail

HANDING_OUT = frozenset({"GetInversion", "GetTuning", "StreamTuning", "GetSessionImage", "ExportSession"})
"""Methods that change nothing, but hand out what is somebody's. The others that change nothing are not noted: they look
at what is everybody's, or at how far something is, or are asked again and again."""
# A resource's name, and nothing that somebody wrote in its place.
_NAME = re.compile(r"[a-z]+/[a-z0-9._/-]{1,300}")
_OF = ("name", "session", "parent", "generator", "resource")

_Servicer = TypeVar("_Servicer")


def audited(servicer: _Servicer, service: ServiceDescriptor, trail: Trail, who: Callable[[], str]) -> _Servicer:
    """Has a servicer note its calls.

    Args:
        servicer: Serves gRPC, HTTP or both.
        service: The service that it serves.
        trail: Where calls are noted.
        who: Tells who makes the call that is being answered.
    """
    for method in service.methods:
        if method.name in HANDING_OUT or not only_reads(method.name):
            behaviour = getattr(servicer, method.name)
            wrap = _stream if method.server_streaming else _unary
            setattr(servicer, method.name, functools.wraps(behaviour)(wrap(behaviour, method, trail, who)))
    return servicer


def _unary(
    behaviour: Callable[..., Awaitable[Any]], method: MethodDescriptor, trail: Trail, who: Callable[[], str]
) -> Callable[..., Awaitable[Any]]:
    async def answer(request: Any, context: Any) -> Any:
        if getattr(request, "validate_only", False):
            return await behaviour(request, context)
        with _noted(request, method, trail, who) as entry:
            answered = await behaviour(request, context)
            if not isinstance(answered, bytes):
                _put_name(entry, "made", getattr(answered, "name", ""))
                # Of the answer that holds a new key.
                _put_name(entry, "made", getattr(getattr(answered, "key", None), "name", ""))
            return answered

    return answer


def _stream(
    behaviour: Callable[..., AsyncIterator[Any]], method: MethodDescriptor, trail: Trail, who: Callable[[], str]
) -> Callable[..., AsyncIterator[Any]]:
    async def answer(request: Any, context: Any) -> AsyncIterator[Any]:
        with _noted(request, method, trail, who):
            async with contextlib.aclosing(behaviour(request, context)) as responses:  # type: ignore[type-var]
                async for response in responses:
                    yield response

    return answer


@contextlib.contextmanager
def _noted(request: Any, method: MethodDescriptor, trail: Trail, who: Callable[[], str]) -> Iterator[dict[str, str]]:
    entry = {"who": who(), "what": f"{method.containing_service.name}/{method.name}"}
    for field in _OF:
        _put_name(entry, "of", getattr(request, field, ""))
    # Of what is shared: whom with, or from whom it is taken back.
    _put_name(entry, "withdrawn" if getattr(request, "withdraw", False) else "with", getattr(request, "key", ""))
    code = grpc.StatusCode.OK
    try:
        yield entry
    except (asyncio.CancelledError, GeneratorExit):
        code = grpc.StatusCode.CANCELLED
        raise
    except Exception as error:
        code = as_code(error)
        raise
    finally:
        trail.note({**entry, "ended": code.name})


def _put_name(entry: dict[str, str], key: str, name: Any) -> None:
    if isinstance(name, str) and key not in entry and name != entry.get("of") and _NAME.fullmatch(name):
        entry[key] = name
