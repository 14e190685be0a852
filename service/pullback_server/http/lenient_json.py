"""JSON as MATLAB writes it, read into the contract's messages.

`jsonencode` writes an array of one as a scalar, a 1 × 1 struct as an object where a list was meant, `[]` for nothing at
all, and null for NaN. A message's descriptor says what was meant, so it is read without guessing. What a field cannot
mean is an error that names the field; so is a field that the message does not have.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from pullback_server.errors import Violations, invalid
from pullback_server.http.columns import TRIAL_COLUMNS, nulls_as_invalid
from pullback_server.intake.wire import limit_of

_M = TypeVar("_M", bound=Message)

_WHOLE = "a whole number of 32 bits"
_EXPECTED: Mapping[int, str] = {
    FieldDescriptor.TYPE_DOUBLE: "a number",
    FieldDescriptor.TYPE_FLOAT: "a number",
    FieldDescriptor.TYPE_INT32: _WHOLE,
    FieldDescriptor.TYPE_UINT32: _WHOLE,
    FieldDescriptor.TYPE_BOOL: "true or false",
    FieldDescriptor.TYPE_STRING: "a text",
    FieldDescriptor.TYPE_BYTES: "bytes in base64",
}
_EXPECTED_OF: Mapping[str, str] = {
    "google.protobuf.Duration": 'a number of seconds, or a text such as "3.5s"',
    "google.protobuf.Timestamp": 'a text such as "2026-01-31T12:00:00Z"',
}
_FLOATS = (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT)
MAX_OBJECTS = 300_000
"""Objects of a body, and lists: reports of trials are the most that is sent, each with a list of channels."""
MAX_VALUES = 4_000_000
"""Values of a body, as its commas tell."""
_SHOWN = 80  # characters of what came


def parse(data: bytes, message_class: type[_M]) -> _M:
    """Reads a message; its fields may be named in snake_case or camelCase.

    Raises:
        ApiError: INVALID_ARGUMENT, with all that is wrong.
    """
    _check_parts(data)
    try:
        value = json.loads(data, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise invalid("body", f"expected JSON, but it cannot be read: {error}") from None
    message, wrong = message_class(), Violations()
    _read_message(value, message, "", wrong)
    wrong.raise_if_any()
    return message


def _check_parts(data: bytes) -> None:
    """Refuses what would become too many objects, before any is made."""
    for sign, most, what in (
        (b"{", MAX_OBJECTS, "objects"),
        (b"[", MAX_OBJECTS, "lists"),
        (b",", MAX_VALUES, "values"),
    ):
        if (came := data.count(sign)) > most:
            raise invalid("body", f"expected at most {most:,} {what} in all, but {came:,} came; send it in parts")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON; write null where a score is missing")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise ValueError(f"field {twice[:_SHOWN]!r} comes twice")
    return found


def _absent(value: Any) -> bool:
    """MATLAB's `[]` is nothing, as null is."""
    return value is None or value == []


def _read_message(value: Any, message: Message, path: str, wrong: Violations) -> None:
    if _absent(value):
        return
    if not isinstance(value, dict):
        wrong.add(path or "body", f"expected an object, but {_shown(value)} came")
        return
    prefix = f"{path}." if path else ""
    if message.DESCRIPTOR.full_name == TRIAL_COLUMNS:
        value = nulls_as_invalid(value, prefix, wrong)
    # The stubs know two implementations of descriptors, which are alike.
    fields = cast(Sequence[FieldDescriptor], message.DESCRIPTOR.fields)
    known = {name: field for field in fields for name in (field.name, field.json_name)}
    seen: dict[str, str] = {}
    for name, item in value.items():
        field = known.get(name)
        if field is None:
            names = ", ".join(each.name for each in fields) or "none"
            wrong.add(prefix + name[:_SHOWN], f"no such field; {message.DESCRIPTOR.name} has {names}")
            continue
        # Both spellings of a field, or two members of a oneof.
        slot = field.name if field.containing_oneof is None else field.containing_oneof.name
        if slot in seen:
            wrong.add(prefix + name, f"came as {seen[slot]!r} already; send one of them")
            continue
        if not _absent(item):
            seen[slot] = name
            _read_field(item, message, field, prefix + field.name, wrong)


def _read_field(item: Any, message: Message, field: FieldDescriptor, path: str, wrong: Violations) -> None:
    items = item if isinstance(item, list) else [item]
    if not _within(item, field, path, wrong):
        return
    if _is_ours(field) and field.is_repeated:
        for number, element in enumerate(items):
            if _absent(element):
                wrong.add(f"{path}[{number}]", f"expected an object, but {_shown(element)} came")
            else:
                _read_message(element, getattr(message, field.name).add(), f"{path}[{number}]", wrong)
    elif _is_ours(field):
        part = getattr(message, field.name)
        part.SetInParent()
        _read_message(item, part, path, wrong)
    elif field.is_repeated and not _is_map(field):
        _read_values(items, message, field, path, wrong)
    elif not _put(_meant(item, field), message, field):
        wrong.add(path, _description(item, field))


def _within(item: Any, field: FieldDescriptor, path: str, wrong: Violations) -> bool:
    """Whether what came is within the field's limit, by its number alone; a violation otherwise."""
    most = limit_of(field).count
    came = len(item) if isinstance(item, list | dict) and not (_is_ours(field) and isinstance(item, dict)) else 1
    if most is None or came <= most:
        return True
    wrong.add(path, f"expected at most {most:,} entries, but {came:,} came")
    return False


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _is_ours(field: FieldDescriptor) -> bool:
    """Whether the field holds messages of the contract; durations, times and maps are read as a whole."""
    kind = field.message_type
    return kind is not None and kind.file.package.startswith("pullback_api.") and not _is_map(field)


def _read_values(items: list[Any], message: Message, field: FieldDescriptor, path: str, wrong: Violations) -> None:
    if _put([_meant(item, field) for item in items], message, field):
        return
    # Only now, to say which: lists can be long.
    for number, item in enumerate(items):
        if not _put([_meant(item, field)], type(message)(), field):
            wrong.add(f"{path}[{number}]", _description(item, field))


def _put(value: Any, message: Message, field: FieldDescriptor) -> bool:
    """Sets a field that is not set yet; false where the value does not fit."""
    try:
        json_format.ParseDict({field.name: value}, message)
    except json_format.ParseError:
        message.ClearField(field.name)
        return False
    return True


def _meant(item: Any, field: FieldDescriptor) -> Any:
    """The value in protobuf's own JSON."""
    number = isinstance(item, int | float) and not isinstance(item, bool)
    if field.type in _FLOATS and item is None:
        return "NaN"
    if field.type == FieldDescriptor.TYPE_BOOL and number and item in (0, 1):
        return bool(item)
    if _type_name(field) == "google.protobuf.Duration" and number and math.isfinite(item):
        return f"{item:.9f}s"
    return item


def _description(item: Any, field: FieldDescriptor) -> str:
    if field.enum_type is not None:
        expected = "one of " + ", ".join(value.name for value in field.enum_type.values)
    elif _is_map(field):
        expected = "an object of texts"
    else:
        expected = _EXPECTED_OF.get(_type_name(field)) or _EXPECTED.get(field.type, f"a {_type_name(field)}")
    return f"expected {expected}, but {_shown(item)} came"


def _type_name(field: FieldDescriptor) -> str:
    return "" if field.message_type is None else field.message_type.full_name


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
