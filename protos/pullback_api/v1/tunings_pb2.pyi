import datetime

from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pullback_api.v1 import inversion_pb2 as _inversion_pb2
from pullback_api.v1 import jobs_pb2 as _jobs_pb2
from pullback_api.v1 import specs_pb2 as _specs_pb2
from pullback_api.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TuneRequest(_message.Message):
    __slots__ = ("request_id", "settings", "targets", "pivot_space", "validate_only")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    PIVOT_SPACE_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    settings: _specs_pb2.TuningSettings
    targets: _containers.RepeatedCompositeFieldContainer[_inversion_pb2.Target]
    pivot_space: str
    validate_only: bool
    def __init__(self, request_id: _Optional[str] = ..., settings: _Optional[_Union[_specs_pb2.TuningSettings, _Mapping]] = ..., targets: _Optional[_Iterable[_Union[_inversion_pb2.Target, _Mapping]]] = ..., pivot_space: _Optional[str] = ..., validate_only: bool = ...) -> None: ...

class TunedPhotograph(_message.Message):
    __slots__ = ("label", "pivot", "distance_before", "distance", "squared_error_before", "squared_error")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PIVOT_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_BEFORE_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    SQUARED_ERROR_BEFORE_FIELD_NUMBER: _ClassVar[int]
    SQUARED_ERROR_FIELD_NUMBER: _ClassVar[int]
    label: str
    pivot: _values_pb2.Tensor
    distance_before: float
    distance: float
    squared_error_before: float
    squared_error: float
    def __init__(self, label: _Optional[str] = ..., pivot: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., distance_before: _Optional[float] = ..., distance: _Optional[float] = ..., squared_error_before: _Optional[float] = ..., squared_error: _Optional[float] = ...) -> None: ...

class Tuning(_message.Message):
    __slots__ = ("name", "settings", "generator_weights_hash", "distance_weights_hash", "version", "create_time", "job", "compute_seconds", "photographs", "trace", "updates", "tensors", "size", "sha256")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    GENERATOR_WEIGHTS_HASH_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_WEIGHTS_HASH_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    PHOTOGRAPHS_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    name: str
    settings: _specs_pb2.TuningSettings
    generator_weights_hash: str
    distance_weights_hash: str
    version: str
    create_time: _timestamp_pb2.Timestamp
    job: str
    compute_seconds: float
    photographs: _containers.RepeatedCompositeFieldContainer[TunedPhotograph]
    trace: _values_pb2.Tensor
    updates: int
    tensors: int
    size: int
    sha256: str
    def __init__(self, name: _Optional[str] = ..., settings: _Optional[_Union[_specs_pb2.TuningSettings, _Mapping]] = ..., generator_weights_hash: _Optional[str] = ..., distance_weights_hash: _Optional[str] = ..., version: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., job: _Optional[str] = ..., compute_seconds: _Optional[float] = ..., photographs: _Optional[_Iterable[_Union[TunedPhotograph, _Mapping]]] = ..., trace: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., updates: _Optional[int] = ..., tensors: _Optional[int] = ..., size: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...

class GetTuningRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class StreamTuningRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class StreamTuningResponse(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class ListTuningsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTuningsResponse(_message.Message):
    __slots__ = ("tunings", "next_page_token", "unreadable")
    TUNINGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    UNREADABLE_FIELD_NUMBER: _ClassVar[int]
    tunings: _containers.RepeatedCompositeFieldContainer[Tuning]
    next_page_token: str
    unreadable: _containers.RepeatedCompositeFieldContainer[_values_pb2.UnreadableResource]
    def __init__(self, tunings: _Optional[_Iterable[_Union[Tuning, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., unreadable: _Optional[_Iterable[_Union[_values_pb2.UnreadableResource, _Mapping]]] = ...) -> None: ...

class DeleteTuningRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
