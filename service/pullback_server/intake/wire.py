"""Limits of a request's fields, held to on its bytes: nothing is made of what is too much.

Protobuf's parser makes an object of eighty bytes from an entry of two, so that a message of 64 MiB may become
gigabytes. What is looked at here grows with the limits, not with what came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from pullback_server.errors import ApiError, invalid
from pullback_server.intake.field_limits import FIELD_LIMITS, MAX_REQUEST_BYTES, UNNAMED, Limit

PACKAGE = "pullback_api.v1."
MAX_FIELDS = 1_000_000
"""Fields of a request, those of all its messages together; packed numbers count as one."""
# Entries beyond a limit that are still counted, to say how many came.
_COUNTED_ON = 20_000
# What a request of another package may hold: names of services, for health and reflection.
_FOREIGN_BYTES = 64 * 1024
# Of a request, beside its fields: what a newer client's fields may take.
_ROOM_BYTES = 64 * 1024

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {
    FieldDescriptor.TYPE_DOUBLE: 8,
    FieldDescriptor.TYPE_FIXED64: 8,
    FieldDescriptor.TYPE_SFIXED64: 8,
    FieldDescriptor.TYPE_FLOAT: 4,
    FieldDescriptor.TYPE_FIXED32: 4,
    FieldDescriptor.TYPE_SFIXED32: 4,
}
_LONG = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)
# Bytes that do not end a number.
_CONTINUED = bytes(range(128, 256))


@dataclass(frozen=True)
class _Field:
    """A field as its bytes are looked at.

    Attributes:
        name: Its name.
        limit: Its limit.
        is_text: Whether its length is that of a text.
        width: Bytes of each of its numbers where they are packed, 0 where these differ.
        fields: Those of the message that it holds, by number; None of other fields.
    """

    name: str
    limit: Limit
    is_text: bool
    width: int
    fields: Mapping[int, _Field] | None


class _TooMuchError(Exception):
    """A field that is too long, its path read from the end."""

    def __init__(self, path: str, description: str) -> None:
        super().__init__(path, description)
        self.path = path
        self.description = description


# What was counted of a message: of a repeated field its entries, of a message that may come in parts what it holds.
_Counts = dict[int, "int | _Counts"]


def check(data: bytes, descriptor: Descriptor) -> None:
    """Refuses a request that holds more than the limits of its fields.

    Args:
        data: The serialised request.
        descriptor: Of its message.

    Raises:
        ApiError: INVALID_ARGUMENT, with the path of the field that is too long; or the bytes are no message.
    """
    try:
        _Scan(data).message(0, len(data), fields_of(descriptor), {})
    except _TooMuchError as error:
        raise invalid(error.path, error.description) from None
    except (IndexError, ValueError):
        raise unreadable(descriptor) from None
    if len(data) > (most := largest(descriptor)):
        # In fields that this version does not know.
        raise invalid("request", f"expected at most {most:,} bytes, but {len(data):,} came")


def unreadable(descriptor: Descriptor) -> ApiError:
    """INVALID_ARGUMENT for bytes that are no message of that kind."""
    return invalid("request", f"expected a serialised {descriptor.full_name}, but the bytes cannot be read as one")


def limit_of(field: FieldDescriptor) -> Limit:
    """The limit of a field of the contract; a field of other packages has none."""
    owner = cast(Descriptor, field.containing_type).full_name
    repeated, long = bool(field.is_repeated), field.type in _LONG
    if not owner.startswith(PACKAGE) or not (repeated or long):
        return Limit()
    found = FIELD_LIMITS.get(owner.removeprefix(PACKAGE), {}).get(field.name, UNNAMED)
    return Limit(found.count if repeated else None, found.length if long else None)


@cache
def fields_of(descriptor: Descriptor) -> Mapping[int, _Field]:
    """Fields of a message by their numbers."""
    return {field.number: _field(field) for field in descriptor.fields}


@cache
def largest(descriptor: Descriptor) -> int:
    """Most bytes of a request, as its fields' limits add up."""
    if not descriptor.full_name.startswith(PACKAGE):
        return _FOREIGN_BYTES
    return min(MAX_REQUEST_BYTES, _ROOM_BYTES + _sum(fields_of(descriptor)))


def _sum(fields: Mapping[int, _Field]) -> int:
    total = 0
    for field in fields.values():
        characters = 4 if field.is_text else 1
        each = 16 + characters * (field.limit.length or 0) + (_sum(field.fields) if field.fields is not None else 0)
        total += (1 if field.limit.count is None else field.limit.count) * each
    return total


def _field(field: FieldDescriptor) -> _Field:
    kind = field.message_type
    return _Field(
        name=field.name,
        limit=limit_of(field),
        is_text=field.type == FieldDescriptor.TYPE_STRING,
        width=_FIXED.get(field.type, 0),
        fields=None if kind is None else fields_of(kind),
    )


class _Scan:
    """One look at the bytes of a request."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = MAX_FIELDS

    def message(self, at: int, end: int, fields: Mapping[int, _Field], counts: _Counts) -> None:
        """Looks at the fields of one message.

        Args:
            at: Where it begins.
            end: Where it ends.
            fields: Its fields.
            counts: What earlier parts of it held; added to.

        Raises:
            _TooMuchError: A field is too long.
            ValueError, IndexError: The bytes are no message.
        """
        while at < end:
            number, start, at = self._next(at, end)
            field = fields.get(number)
            if field is None:
                continue
            index = 0
            if field.limit.count is not None:
                index = self._count(field, number, start, at, end, counts)
            if start < 0:
                continue
            if field.limit.length is not None and at - start > field.limit.length:
                self._check_length(field, start, at, index)
            if field.fields is not None:
                # A single message may come in parts, which belong together.
                inner = counts.setdefault(number, {}) if field.limit.count is None else {}
                assert isinstance(inner, dict)  # noqa: S101  (counts of messages)
                try:
                    self.message(start, at, field.fields, inner)
                except _TooMuchError as error:
                    place = field.name if field.limit.count is None else f"{field.name}[{index}]"
                    raise _TooMuchError(f"{place}.{error.path}", error.description) from None

    def _next(self, at: int, end: int) -> tuple[int, int, int]:
        """The next field: its number, where its bytes begin (-1: it has none), and where the one after it begins."""
        self._left -= 1
        if self._left < 0:
            raise _TooMuchError("request", f"expected at most {MAX_FIELDS:,} fields in all; send it in parts")
        tag, at = self._varint(at)
        kind, start = tag & 7, -1
        if kind == _VARINT:
            _, at = self._varint(at)
        elif kind == _BYTES:
            length, start = self._varint(at)
            at = start + length
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError("no kind of field")
        if at > end or tag < 8:
            raise ValueError("not a field")
        return tag >> 3, start, at

    def _varint(self, at: int) -> tuple[int, int]:
        byte = self._data[at]
        if byte < 128:
            return byte, at + 1
        value, shift = byte & 127, 7
        while byte >= 128:
            at += 1
            byte = self._data[at]
            value |= (byte & 127) << shift
            shift += 7
            if shift > 70:
                raise ValueError("not a number")
        return value, at + 1

    def _count(self, field: _Field, number: int, start: int, stop: int, end: int, counts: _Counts) -> int:
        """Counts the entries of a repeated field that stand at a place; the index of the last of them."""
        most = field.limit.count
        assert most is not None  # noqa: S101  (repeated)
        count = counts.get(number, 0)
        assert isinstance(count, int)  # noqa: S101  (counts of entries)
        count += self._entries(field, start, stop)
        counts[number] = count
        if count > most:
            more, whole = self._count_on(field, number, stop, end)
            came = f"{count + more:,}" if whole else f"more than {count + more:,}"
            raise _TooMuchError(field.name, f"expected at most {most:,} entries, but {came} came")
        return count - 1

    def _entries(self, field: _Field, start: int, stop: int) -> int:
        """How many entries a field's bytes are: packed numbers are several."""
        if start < 0 or field.limit.length is not None or field.fields is not None:
            return 1
        if field.width:
            return (stop - start) // field.width
        return len(self._data[start:stop].translate(None, _CONTINUED))

    def _count_on(self, field: _Field, number: int, at: int, end: int) -> tuple[int, bool]:
        """How many further entries there are, and whether these are all."""
        more = 0
        for _ in range(_COUNTED_ON):
            if at >= end:
                return more, True
            following, start, at = self._next(at, end)
            if following == number:
                more += self._entries(field, start, at)
        return more, False

    def _check_length(self, field: _Field, start: int, stop: int, index: int) -> None:
        most = field.limit.length
        assert most is not None  # noqa: S101  (texts and bytes)
        came, allowed, unit = stop - start, "bytes", ""
        if field.is_text:
            allowed = "characters"
            if came <= 4 * most:
                # Of each character, the bytes after its first begin with 10.
                came = sum(byte & 0xC0 != 0x80 for byte in self._data[start:stop])
            else:
                unit = " bytes"
        if came > most:
            path = field.name if field.limit.count is None else f"{field.name}[{index}]"
            raise _TooMuchError(path, f"expected at most {most:,} {allowed}, but {came:,}{unit} came")
