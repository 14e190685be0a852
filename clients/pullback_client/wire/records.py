"""Records of messages: dataclasses whose fields are those of a message, with arrays whose shapes fit together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from types import NoneType
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from google.protobuf.message import Message
from PIL import Image

from pullback_client.errors import BadResponseError
from pullback_client.wire.codec import image_from_wire, shaped_array

RecordT = TypeVar("RecordT")


@dataclass(frozen=True)
class Sized:
    """What is said of a field that has a size, in its annotation.

    Attributes:
        dims: Names of the dimensions of an array; of the one that a sequence of values has; or of those of the arrays
            in a sequence of records which do not say it themselves. The same name is the same number in a record and in
            the records within.
        some: Whether a sequence has at least one item.
    """

    dims: str
    some: bool = False


class _Field(NamedTuple):
    """A field of a record: `item` is the type of its items where it is a sequence, else None."""

    name: str
    kind: Any
    item: Any
    optional: bool
    sized: Sized | None

    @property
    def dims(self) -> tuple[str, ...]:
        return () if self.sized is None else tuple(self.sized.dims.split())


def read_record(record: type[RecordT], message: Message, what: str, sizes: dict[str, int] | None = None) -> RecordT:
    """The record of a message.

    Args:
        record: A dataclass of values, arrays, images, and of such dataclasses and sequences of them; None where the
            message lacks one that may be missing.
        message: From the wire.
        what: Name of the message, for errors.
        sizes: Numbers of dimensions that are known, to which those of the record are added.

    Raises:
        BadResponseError: An image or an array cannot be read, or has another shape than the others.
    """
    found: RecordT = _read(record, message, what, {} if sizes is None else sizes, ())
    return found


def _read(record: Any, message: Any, what: str, sizes: dict[str, int], dims: tuple[str, ...]) -> Any:
    known = _fields(record)
    # A sequence of values says how many there are, before arrays do.
    for each in known:
        if each.sized is not None and each.item is not None and not is_dataclass(each.item):
            sizes[each.sized.dims] = len(getattr(message, each.name))
    return record(**{each.name: _value(each, message, what, sizes, dims) for each in known})


def _value(each: _Field, message: Any, what: str, sizes: dict[str, int], dims: tuple[str, ...]) -> Any:
    value, where = getattr(message, each.name), f"{what}.{each.name}"
    if each.optional and not message.HasField(each.name):
        return None
    if each.item is not None:
        if each.sized is not None and each.sized.some and not value:
            raise BadResponseError(f"{where} are missing; do server and client fit together?")
        return tuple(_items(each, value, where, sizes))
    if is_dataclass(each.kind):
        return _read(each.kind, value, where, dict(sizes), ())
    return value if each.sized is None else _array(value, where, each.dims or dims, sizes)


def _items(each: _Field, values: Any, what: str, sizes: dict[str, int]) -> Iterator[Any]:
    for number, value in enumerate(values):
        if each.item is Image.Image:
            yield image_from_wire(value, f"{what}[{number}]")
        elif is_dataclass(each.item):
            # What is said of all of them holds among them; other sizes are each one's own.
            yield _read(each.item, value, f"{what}[{number}]", sizes if each.dims else dict(sizes), each.dims)
        else:
            yield value


def _array(tensor: Any, what: str, dims: tuple[str, ...], sizes: dict[str, int]) -> Any:
    # What is not known is as the array has it.
    has = [*tensor.shape, *[0] * len(dims)]
    expected = tuple(sizes.get(name, number) for name, number in zip(dims, has, strict=False))
    array = shaped_array(tensor, what, expected)
    sizes.update(zip(dims, expected, strict=True))
    return array


@cache
def _fields(record: Any) -> tuple[_Field, ...]:
    hints = get_type_hints(record, include_extras=True)
    return tuple(_field(each.name, hints[each.name]) for each in fields(record))


def _field(name: str, hint: Any) -> _Field:
    sized = None
    if get_origin(hint) is Annotated:
        hint, sized = get_args(hint)
    optional = NoneType in get_args(hint)
    if optional:
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
    return _Field(name, hint, get_args(hint)[0] if get_origin(hint) is tuple else None, optional, sized)
