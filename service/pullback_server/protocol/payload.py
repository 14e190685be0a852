"""Payload of an inversion's job: its targets, each prepared, or with the reason why it cannot be used."""

from __future__ import annotations

import io
from collections.abc import Sequence

from google.protobuf import any_pb2, proto

from pullback_api.v1 import inversion_pb2

# A target that is to be inverted, or the result of one that cannot be: its label and its error.
PayloadItem = inversion_pb2.Target | inversion_pb2.InvertedTarget


def write_payload(items: Sequence[PayloadItem]) -> bytes:
    """The targets of a request, in its order, as bytes."""
    buffer = io.BytesIO()
    for item in items:
        packed = any_pb2.Any()
        packed.Pack(item)
        proto.serialize_length_prefixed(packed, buffer)
    return buffer.getvalue()


def read_payload(data: bytes) -> list[PayloadItem]:
    """What `write_payload` wrote."""
    buffer = io.BytesIO(data)
    items: list[PayloadItem] = []
    while buffer.tell() < len(data):
        packed = proto.parse_length_prefixed(any_pb2.Any, buffer)
        usable = packed.TypeName() == inversion_pb2.Target.DESCRIPTOR.full_name
        item: PayloadItem = inversion_pb2.Target() if usable else inversion_pb2.InvertedTarget()
        packed.Unpack(item)
        items.append(item)
    return items
