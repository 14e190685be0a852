"""Frames between the server and a process of its own: a header in JSON, and bytes beside it.

Nothing is unpickled: what a process says that was taken over by a malformed file must not be obeyed.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from typing import Any

Header = dict[str, Any]
_LENGTH = struct.Struct(">I")
_MAX_HEADER = 1024 * 1024
_SIZES = "sizes"


class BrokenFrameError(Exception):
    """What came is no frame, or nothing came any more."""


def pack(header: Header, parts: Sequence[bytes] = ()) -> list[bytes]:
    """A frame, in pieces that are to be written one after the other."""
    text = json.dumps({**header, _SIZES: [len(part) for part in parts]}).encode()
    return [_LENGTH.pack(len(text)), text, *parts]


def length_of_header(data: bytes) -> int:
    """How long the header is, by a frame's first four bytes.

    Raises:
        BrokenFrameError: Longer than any of ours, or cut off.
    """
    if len(data) < _LENGTH.size:
        raise BrokenFrameError("the other side has closed")
    length: int = _LENGTH.unpack(data)[0]
    if length > _MAX_HEADER:
        raise BrokenFrameError("no frame")
    return length


def read_header(text: bytes, max_bytes: int) -> tuple[Header, list[int]]:
    """The header, and the sizes of the parts that follow it.

    Raises:
        BrokenFrameError: It is no header, or the parts are larger than `max_bytes` together.
    """
    try:
        header = json.loads(text)
        sizes = header.pop(_SIZES)
        total = sum(sizes)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BrokenFrameError(f"no header: {error}") from None
    if any(type(size) is not int or size < 0 for size in sizes) or total > max_bytes:
        raise BrokenFrameError("parts of no size that is expected")
    return header, sizes


def read_frame(read: Callable[[int], bytes], max_bytes: int) -> tuple[Header, list[bytes]]:
    """A frame from something that is read like a file.

    Raises:
        BrokenFrameError: There is none.
    """
    header, sizes = read_header(read(length_of_header(read(_LENGTH.size))), max_bytes)
    return header, [read(size) for size in sizes]


LENGTH_BYTES = _LENGTH.size
