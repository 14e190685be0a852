"""The codecs of the Connect application: they read nothing yet, so that reading can take its time elsewhere."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Generic, TypeVar

from connectrpc.codec import Codec
from google.protobuf import json_format
from google.protobuf.message import Message

from pullback_server.http.lenient_json import parse as parse_json
from pullback_server.intake.requests import LARGE_BYTES, parse

_M = TypeVar("_M", bound=Message)


@dataclass(frozen=True)
class Body(Generic[_M]):
    """A request's body as it came.

    Attributes:
        data: Its bytes, unpacked.
        message_class: What it is to be.
        is_json: Whether it is JSON; protobuf otherwise.
    """

    data: bytes
    message_class: type[_M]
    is_json: bool

    async def read(self) -> _M:
        """The request.

        Raises:
            ApiError: INVALID_ARGUMENT, with all that is wrong.
        """
        if len(self.data) < LARGE_BYTES:
            return self._parse()
        return await asyncio.to_thread(self._parse)

    def _parse(self) -> _M:
        if not self.is_json:
            return parse(self.data, self.message_class)
        message = parse_json(self.data, self.message_class)
        # The reader of JSON looks at the fields that are costly; the limits are said in one place.
        return parse(message.SerializeToString(), self.message_class)


def to_json(message: Message) -> bytes:
    """The message with the contract's own names and every field that is no message, so that structs are alike."""
    text = json_format.MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, indent=None
    )
    return text.encode()


class LenientJsonCodec(Codec[Message, Body[_M]]):
    """Reads what MATLAB writes, and writes what MATLAB reads well."""

    def name(self) -> str:
        """As in `application/json`."""
        return "json"

    def encode(self, message: Message) -> bytes:
        """See `to_json`."""
        return to_json(message)

    def decode(self, data: bytes | bytearray, message_class: type[_M]) -> Body[_M]:  # type: ignore[override]
        """See `Body`."""
        return Body(bytes(data), message_class, is_json=True)


class BinaryCodec(Codec[Message, Body[_M]]):
    """Protobuf."""

    def name(self) -> str:
        """As in `application/proto`."""
        return "proto"

    def encode(self, message: Message) -> bytes:
        """The message, serialised."""
        return message.SerializeToString()

    def decode(self, data: bytes | bytearray, message_class: type[_M]) -> Body[_M]:  # type: ignore[override]
        """See `Body`."""
        return Body(bytes(data), message_class, is_json=False)
