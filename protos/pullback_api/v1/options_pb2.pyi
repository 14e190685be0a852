from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor
OPTION_FIELD_NUMBER: _ClassVar[int]
option: _descriptor.FieldDescriptor
TOLD_ONLY_FIELD_NUMBER: _ClassVar[int]
told_only: _descriptor.FieldDescriptor

class OptionInfo(_message.Message):
    __slots__ = ("help", "minimum", "above_minimum", "maximum", "below_maximum", "unit", "default", "group", "name")
    HELP_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    ABOVE_MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    BELOW_MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    help: str
    minimum: float
    above_minimum: bool
    maximum: float
    below_maximum: bool
    unit: str
    default: str
    group: str
    name: str
    def __init__(self, help: _Optional[str] = ..., minimum: _Optional[float] = ..., above_minimum: bool = ..., maximum: _Optional[float] = ..., below_maximum: bool = ..., unit: _Optional[str] = ..., default: _Optional[str] = ..., group: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...
