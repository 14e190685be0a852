"""Every field of every request that can be long has a limit, and what is over it is refused by name, and at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st

from pullback_api.v1 import search_pb2
from pullback_server.contract import DESCRIPTORS
from pullback_server.errors import ApiError
from pullback_server.intake.field_limits import FIELD_LIMITS, MAX_REQUEST_BYTES
from pullback_server.intake.requests import parse
from pullback_server.intake.wire import MAX_FIELDS, PACKAGE, check, limit_of

REQUESTS: dict[str, Descriptor] = {
    method.input_type.name: method.input_type for service in DESCRIPTORS for method in service.methods
}
# Every place in a request where something long can stand: the request, and the fields that lead there.
Place = tuple[FieldDescriptor, ...]


def places(descriptor: Descriptor, before: Place = ()) -> Iterator[Place]:
    for field in descriptor.fields:
        if field.is_repeated or field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
            yield (*before, field)
        if field.message_type is not None:
            yield from places(field.message_type, (*before, field))


PLACES = {
    f"{name}.{'.'.join(field.name for field in place)}": (descriptor, place)
    for name, descriptor in REQUESTS.items()
    for place in places(descriptor)
}
LONGEST = {place[-1].name: limit_of(place[-1]).length for _, place in PLACES.values()}


def number(value: int) -> bytes:
    """A number as protobuf writes it."""
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])


def tagged(field: FieldDescriptor, content: bytes) -> bytes:
    """A field of bytes, written by hand."""
    return number(field.number << 3 | 2) + number(len(content)) + content


def entries(field: FieldDescriptor, count: int) -> bytes:
    """So many entries of a repeated field, each as short as can be."""
    wire = {FieldDescriptor.TYPE_DOUBLE: b"\x01" + bytes(8), FieldDescriptor.TYPE_FLOAT: b"\x05" + bytes(4)}
    if field.message_type is not None or field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
        return tagged(field, b"") * count
    width = len(wire.get(field.type, b"\0")) - 1
    return tagged(field, bytes(max(width, 1) * count))


def within(place: Place, content: bytes) -> bytes:
    """A request that holds the content at that place, and nothing else."""
    for field in reversed(place):
        content = tagged(field, content)
    return content


def path_of(place: Place) -> str:
    return ".".join(f"{field.name}[0]" if field.is_repeated else field.name for field in place)


def test_every_request_is_looked_at() -> None:
    assert len(REQUESTS) >= 39
    assert len(PLACES) > 100


def test_every_field_that_can_be_long_is_named_in_the_table_and_nothing_else_is() -> None:
    long = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)
    expected = {
        (place[-1].containing_type.full_name.removeprefix(PACKAGE), place[-1].name): (
            bool(place[-1].is_repeated),
            place[-1].type in long,
        )
        for _, place in PLACES.values()
    }
    named = {
        (message, field): (limit.count is not None, limit.length is not None)
        for message, fields in FIELD_LIMITS.items()
        for field, limit in fields.items()
    }
    assert named == expected


def refusal(data: bytes, descriptor: Descriptor) -> ApiError:
    began = time.process_time()
    with pytest.raises(ApiError) as caught:
        parse(data, GetMessageClass(descriptor))
    # Of what came, only so much is looked at as may come.
    assert time.process_time() - began < 10
    assert caught.value.code.name == "INVALID_ARGUMENT"
    return caught.value


@pytest.mark.parametrize("place", [name for name, (_, place) in PLACES.items() if place[-1].is_repeated])
def test_one_entry_too_many_is_refused_by_name(place: str) -> None:
    descriptor, fields = PLACES[place]
    most = limit_of(fields[-1]).count
    assert most is not None
    assert most < MAX_FIELDS
    check(within(fields[:-1], entries(fields[-1], most)), descriptor)
    error = refusal(within(fields[:-1], entries(fields[-1], most + 1)), descriptor)
    path = ".".join(filter(None, [path_of(fields[:-1]), fields[-1].name]))
    assert [violation.field for violation in error.violations] == [path]
    assert f"expected at most {most:,} entries, but {most + 1:,} came" in error.message


@pytest.mark.parametrize(
    "place",
    [
        name
        for name, (_, place) in PLACES.items()
        if LONGEST[place[-1].name] is not None and (limit_of(place[-1]).length or MAX_REQUEST_BYTES) < MAX_REQUEST_BYTES
    ],
)
def test_a_text_that_is_one_character_too_long_is_refused_by_name(place: str) -> None:
    descriptor, fields = PLACES[place]
    most = limit_of(fields[-1]).length
    assert most is not None
    # Characters are counted, not their bytes.
    check(within(fields, ("€" * most).encode()), descriptor)
    for letter in "aé€😀":
        error = refusal(within(fields, (letter * (most + 1)).encode()), descriptor)
        assert [violation.field for violation in error.violations] == [path_of(fields)]
        assert f"expected at most {most:,} characters, but " in error.message


@pytest.mark.parametrize("place", PLACES)
def test_a_million_entries_or_a_text_of_megabytes_are_refused_at_once(place: str) -> None:
    descriptor, fields = PLACES[place]
    limit = limit_of(fields[-1])
    if limit.count is not None:
        data = within(fields[:-1], entries(fields[-1], 1_000_000))
    elif limit.length == MAX_REQUEST_BYTES:
        data = within(fields, bytes(MAX_REQUEST_BYTES + 1))
    else:
        data = within(fields, b"a" * 4_000_000)
    error = refusal(data, descriptor)
    assert fields[-1].name in error.violations[0].field
    assert len(error.to_status().SerializeToString()) < 4_000


def test_parts_of_a_message_that_belong_together_are_counted_together() -> None:
    columns = search_pb2.TellRequest.DESCRIPTOR.fields_by_name["columns"]
    half = search_pb2.TrialColumns(trial_ids=["a"] * 50_001).SerializeToString()
    check(tagged(columns, half), search_pb2.TellRequest.DESCRIPTOR)
    error = refusal(tagged(columns, half) * 2, search_pb2.TellRequest.DESCRIPTOR)
    assert error.violations[0].field == "columns.trial_ids"


def test_fields_that_nobody_knows_are_bounded_too() -> None:
    unknown = b"\xf8\x7f\x00"
    error = refusal(unknown * (MAX_FIELDS + 1), search_pb2.TellRequest.DESCRIPTOR)
    assert "1,000,000 fields" in error.message
    error = refusal(b"\xfa\x7f" + number(2_000_000) + bytes(2_000_000), search_pb2.AskRequest.DESCRIPTOR)
    assert "bytes" in error.message


def example(descriptor: Descriptor, draw: Any, depth: int = 0) -> Message:
    """A message with some of its fields set, within the limits."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if not draw(st.booleans()) or depth > 4:
            continue
        if field.message_type is not None and not field.message_type.GetOptions().map_entry:
            if field.is_repeated:
                getattr(message, field.name).append(example(field.message_type, draw, depth + 1))
            else:
                getattr(message, field.name).CopyFrom(example(field.message_type, draw, depth + 1))
        elif field.type == FieldDescriptor.TYPE_STRING:
            text = draw(st.text(max_size=20))
            getattr(message, field.name).append(text) if field.is_repeated else setattr(message, field.name, text)
        elif field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_INT32):
            value = draw(st.integers(-(2**31), 2**31 - 1))
            getattr(message, field.name).append(value) if field.is_repeated else setattr(message, field.name, value)
    return message


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(sorted(REQUESTS)))
def test_what_is_within_the_limits_is_read_as_it_was_written(data: st.DataObject, name: str) -> None:
    message = example(REQUESTS[name], data.draw)
    assert parse(message.SerializeToString(), type(message)) == message


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(sorted(REQUESTS)))
def test_any_bytes_are_a_message_or_one_kind_of_error(data: bytes, name: str) -> None:
    code = "OK"
    try:
        parse(data, GetMessageClass(REQUESTS[name]))
    except ApiError as error:
        code = error.code.name
    assert code in ("OK", "INVALID_ARGUMENT")
