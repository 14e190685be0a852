"""Damage: what is stored of a resource and cannot be read, as callers hear of it. It concerns that resource alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from pullback_api.v1 import values_pb2
from pullback_server.errors import ApiError
from pullback_server.store import UnreadableError, log_once, unreadable

_Record = TypeVar("_Record")
_Message = TypeVar("_Message")
_Stored = TypeVar("_Stored", bound=Message)


class DataLossError(ApiError):
    """DATA_LOSS, which names the resource and says what to do; the log has the rest, once.

    Attributes:
        resource: The resource's name; empty where only a file of it is known.
    """

    def __init__(self, error: UnreadableError) -> None:
        log_once(error)
        super().__init__(grpc.StatusCode.DATA_LOSS, error.told)
        self.resource = error.resource

    def to_message(self) -> values_pb2.UnreadableResource:
        """The resource as lists show it."""
        return values_pb2.UnreadableResource(name=self.resource, reason=self.message)


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Raises DATA_LOSS where what is stored of the resource of that name cannot be made sense of within."""
    try:
        yield
    except (ApiError, MemoryError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise DataLossError(unreadable(name, "what is stored of it is damaged", reason)) from error


def decoded(name: str, message_class: type[_Stored], data: bytes) -> _Stored:
    """The message that is stored of the resource of that name; raises DATA_LOSS as `decoding` does."""
    with decoding(name):
        return message_class.FromString(data)


def readable(
    records: Iterable[_Record | UnreadableError], make: Callable[[_Record], _Message]
) -> tuple[list[_Message], list[values_pb2.UnreadableResource]]:
    """The messages of a list, and those of its resources that cannot be read.

    Args:
        records: Records as the store gives them.
        make: A record's message; raises DATA_LOSS as `decoding` does.
    """
    messages, damaged = [], []
    for record in records:
        try:
            if isinstance(record, UnreadableError):
                raise DataLossError(record)
            messages.append(make(record))
        except DataLossError as error:
            damaged.append(error.to_message())
    return messages, damaged
