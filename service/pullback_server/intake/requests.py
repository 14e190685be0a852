"""Requests read from their bytes, within the limits."""

from __future__ import annotations

import asyncio
from typing import TypeVar, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message

from pullback_server.intake.wire import check, unreadable

# From here on it takes long enough for others to notice.
LARGE_BYTES = 128 * 1024

_M = TypeVar("_M", bound=Message)


def parse(data: bytes, message_class: type[_M]) -> _M:
    """A request from its bytes.

    Raises:
        ApiError: INVALID_ARGUMENT where it holds more than its fields' limits, or the bytes are no such message.
    """
    # The stubs know two implementations of descriptors, which are alike.
    descriptor = cast(Descriptor, message_class.DESCRIPTOR)
    check(data, descriptor)
    try:
        return message_class.FromString(data)
    except DecodeError:
        raise unreadable(descriptor) from None


async def read(data: bytes, message_class: type[_M]) -> _M:
    """As `parse`; what is large is read in a thread, where others are not kept waiting."""
    if len(data) < LARGE_BYTES:
        return parse(data, message_class)
    return await asyncio.to_thread(parse, data, message_class)
