"""Any message survives the ways in which MATLAB may write it, and no body breaks the reader."""

from __future__ import annotations

import json
from typing import Any

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pullback_api.v1 import search_pb2
from pullback_server.contract import DESCRIPTORS
from pullback_server.errors import ApiError
from pullback_server.http.lenient_json import parse

REQUESTS = [GetMessageClass(method.input_type) for service in DESCRIPTORS for method in service.methods]
# Of these, JSON has a text.
TIMES = ("google.protobuf.Duration", "google.protobuf.Timestamp")
LONG = (
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
)
TEXT = st.text(max_size=5)
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_STRING: TEXT,
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=5),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def element(draw: st.DrawFn, field: FieldDescriptor, depth: int) -> Any:
    if field.message_type is not None:
        return draw(messages(GetMessageClass(field.message_type), depth - 1))
    if field.enum_type is not None:
        return draw(st.sampled_from([value.number for value in field.enum_type.values]))
    return draw(SCALARS[field.type])


@st.composite
def messages(draw: st.DrawFn, message_class: type[Message], depth: int = 3) -> Message:
    """Any message of a class, with some of its fields."""
    message = message_class()
    full_name = message_class.DESCRIPTOR.full_name
    if full_name in TIMES:
        # Parts of a microsecond do not survive as a number of seconds.
        message.FromMicroseconds(draw(st.integers(0, 10**9)))  # type: ignore[attr-defined]
        return message
    for field in message_class.DESCRIPTOR.fields:
        if not draw(st.booleans()) or (field.message_type is not None and depth == 0):
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            getattr(message, field.name).update(draw(st.dictionaries(TEXT, TEXT, max_size=2)))
        elif field.is_repeated:
            count = draw(st.integers(0, 3))
            getattr(message, field.name).extend([element(draw, field, depth) for _ in range(count)])
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(element(draw, field, depth))
        else:
            setattr(message, field.name, element(draw, field, depth))
    return message


def mangle(draw: st.DrawFn, value: Any, message: Message) -> dict[str, Any]:
    """The JSON of a message as `jsonencode` may write it."""
    mangled: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        name = draw(st.sampled_from([field.name, field.json_name]))
        if field.name not in value:
            if draw(st.booleans()):
                # Beside one trial, null is its score.
                only = field.name == "scores" and len(getattr(message, "trial_ids", ())) == 1
                mangled[name] = draw(st.sampled_from([[]] if only else [None, []]))
            continue
        item, own = value[field.name], getattr(message, field.name)
        kind = field.message_type
        if kind is not None and kind.full_name == "google.protobuf.Duration":
            item = draw(st.sampled_from([item, float(item.removesuffix("s"))]))
        elif kind is not None and not kind.GetOptions().map_entry and kind.full_name not in TIMES:
            whole = zip(item, own, strict=True) if field.is_repeated else [(item, own)]
            parts = [mangle(draw, *pair) for pair in whole]
            item = parts if field.is_repeated else parts[0]
        if field.is_repeated and isinstance(item, list) and len(item) == 1 and draw(st.booleans()):
            item = item[0]
        mangled[name] = item
    return mangled


def outcome(data: bytes, request: type[Message]) -> tuple[grpc.StatusCode, list[str]]:
    """What becomes of a body: OK, or the error's code and the fields at fault."""
    try:
        parse(data, request)
    except ApiError as error:
        return error.code, [violation.field for violation in error.violations]
    return grpc.StatusCode.OK, []


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_request_survives_what_jsonencode_makes_of_it(data: st.DataObject) -> None:
    request = data.draw(st.sampled_from(REQUESTS).flatmap(messages))
    plain = json_format.MessageToDict(request, preserving_proto_field_name=True)
    body = data.draw(st.composite(mangle)(plain, request))
    assert parse(json.dumps(body).encode(), type(request)) == request


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6), st.booleans())
def test_null_scores_are_the_ones_that_are_not_valid(scores: list[float | None], scalar: bool) -> None:
    column: Any = scores[0] if scalar and len(scores) == 1 else scores
    body = {"columns": {"trial_ids": [f"trial{i}" for i in range(len(scores))], "scores": column}}
    columns = parse(json.dumps(body).encode(), search_pb2.TellRequest).columns
    valid = list(columns.valid) or [True] * len(scores)
    assert valid == [score is not None for score in scores]
    assert len(columns.scores) == len(scores)
    assert [kept for kept, ok in zip(columns.scores, valid, strict=True) if ok] == [s for s in scores if s is not None]


@given(st.sampled_from(REQUESTS), JSON)
def test_any_json_is_read_or_refused_by_name(request: type[Message], body: Any) -> None:
    code, violations = outcome(json.dumps(body).encode(), request)
    assert code in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT)
    assert (code == grpc.StatusCode.OK) == (not violations)


@given(st.sampled_from(REQUESTS), st.data())
def test_any_value_of_a_field_is_read_or_refused_under_its_name(request: type[Message], data: st.DataObject) -> None:
    if not request.DESCRIPTOR.fields:
        return
    field = data.draw(st.sampled_from(list(request.DESCRIPTOR.fields)))
    _, violations = outcome(json.dumps({field.name: data.draw(JSON)}).encode(), request)
    assert all(violation.startswith((field.name, "body")) for violation in violations)


@given(st.binary(max_size=30))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    code, _ = outcome(data, search_pb2.TellRequest)
    assert code in (grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT)


def test_no_number_of_the_contract_is_of_64_bits() -> None:
    # In JSON they would be texts.
    long = [
        f"{message.full_name}.{field.name}"
        for file in {service.file.name: service.file for service in DESCRIPTORS}.values()
        for message in file.message_types_by_name.values()
        for field in message.fields
        if field.type in LONG
    ]
    assert not long
