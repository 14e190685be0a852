"""The JSON codec of the Connect application."""

from __future__ import annotations

from typing import TypeVar

from connectrpc.codec import Codec
from google.protobuf import json_format
from google.protobuf.message import Message

from pullback_server.errors import ApiError
from pullback_server.http.errors import connect_error
from pullback_server.http.lenient_json import parse

_M = TypeVar("_M", bound=Message)


def to_json(message: Message) -> bytes:
    """The message with the contract's own names and every field that is no message, so that structs are alike."""
    text = json_format.MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, indent=None
    )
    return text.encode()


class LenientJsonCodec(Codec[Message, _M]):
    """Reads what MATLAB writes, and writes what MATLAB reads well."""

    def name(self) -> str:
        """As in `application/json`."""
        return "json"

    def encode(self, message: Message) -> bytes:
        """See `to_json`."""
        return to_json(message)

    def decode(self, data: bytes | bytearray, message_class: type[_M]) -> _M:
        """See `parse`."""
        try:
            return parse(bytes(data), message_class)
        except ApiError as error:
            raise connect_error(error) from None
