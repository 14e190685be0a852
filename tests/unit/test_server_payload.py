"""What an inversion's job is given."""

from __future__ import annotations

from google.rpc import status_pb2

from pullback_api.v1 import inversion_pb2, values_pb2
from pullback_server.protocol.payload import PayloadItem, read_payload, write_payload


def test_targets_and_failures_come_back_in_their_order() -> None:
    items: list[PayloadItem] = [
        inversion_pb2.Target(label="first", image=values_pb2.Image(data=b"1"), class_label="blue"),
        inversion_pb2.InvertedTarget(label="second", error=status_pb2.Status(code=3, message="not an image")),
        inversion_pb2.Target(label="third", mask=values_pb2.Image(data=b"3")),
        inversion_pb2.Target(),
    ]
    assert read_payload(write_payload(items)) == items


def test_there_may_be_none() -> None:
    assert read_payload(write_payload([])) == []
