from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JobKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_KIND_UNSPECIFIED: _ClassVar[JobKind]
    JOB_KIND_EIGENBASIS: _ClassVar[JobKind]
    JOB_KIND_INVERSION: _ClassVar[JobKind]
    JOB_KIND_ANALYSIS: _ClassVar[JobKind]
    JOB_KIND_DIRECTIONS: _ClassVar[JobKind]
    JOB_KIND_TUNING: _ClassVar[JobKind]
JOB_KIND_UNSPECIFIED: JobKind
JOB_KIND_EIGENBASIS: JobKind
JOB_KIND_INVERSION: JobKind
JOB_KIND_ANALYSIS: JobKind
JOB_KIND_DIRECTIONS: JobKind
JOB_KIND_TUNING: JobKind

class GetServerStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ServerStatus(_message.Message):
    __slots__ = ("version", "uptime_seconds", "draining", "troubles", "queued_jobs", "running_jobs", "workers")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    UPTIME_SECONDS_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    TROUBLES_FIELD_NUMBER: _ClassVar[int]
    QUEUED_JOBS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_JOBS_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    version: str
    uptime_seconds: float
    draining: bool
    troubles: _containers.RepeatedCompositeFieldContainer[PartTrouble]
    queued_jobs: int
    running_jobs: int
    workers: _containers.RepeatedCompositeFieldContainer[WorkerStatus]
    def __init__(self, version: _Optional[str] = ..., uptime_seconds: _Optional[float] = ..., draining: bool = ..., troubles: _Optional[_Iterable[_Union[PartTrouble, _Mapping]]] = ..., queued_jobs: _Optional[int] = ..., running_jobs: _Optional[int] = ..., workers: _Optional[_Iterable[_Union[WorkerStatus, _Mapping]]] = ...) -> None: ...

class PartTrouble(_message.Message):
    __slots__ = ("part", "trouble")
    PART_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    part: str
    trouble: str
    def __init__(self, part: _Optional[str] = ..., trouble: _Optional[str] = ...) -> None: ...

class WorkerStatus(_message.Message):
    __slots__ = ("name", "device", "trouble", "restarts", "resident_bytes", "jobs", "other_jobs", "open_calls")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    RESIDENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    OTHER_JOBS_FIELD_NUMBER: _ClassVar[int]
    OPEN_CALLS_FIELD_NUMBER: _ClassVar[int]
    name: str
    device: Device
    trouble: str
    restarts: int
    resident_bytes: float
    jobs: _containers.RepeatedCompositeFieldContainer[WorkerJob]
    other_jobs: int
    open_calls: int
    def __init__(self, name: _Optional[str] = ..., device: _Optional[_Union[Device, _Mapping]] = ..., trouble: _Optional[str] = ..., restarts: _Optional[int] = ..., resident_bytes: _Optional[float] = ..., jobs: _Optional[_Iterable[_Union[WorkerJob, _Mapping]]] = ..., other_jobs: _Optional[int] = ..., open_calls: _Optional[int] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ("name", "model", "memory_limit_bytes", "memory_used_bytes", "memory_total_bytes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MEMORY_LIMIT_BYTES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_USED_BYTES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    model: str
    memory_limit_bytes: float
    memory_used_bytes: float
    memory_total_bytes: float
    def __init__(self, name: _Optional[str] = ..., model: _Optional[str] = ..., memory_limit_bytes: _Optional[float] = ..., memory_used_bytes: _Optional[float] = ..., memory_total_bytes: _Optional[float] = ...) -> None: ...

class WorkerJob(_message.Message):
    __slots__ = ("name", "kind", "generator", "seconds", "helping")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    GENERATOR_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    HELPING_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: JobKind
    generator: str
    seconds: float
    helping: bool
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[JobKind, str]] = ..., generator: _Optional[str] = ..., seconds: _Optional[float] = ..., helping: bool = ...) -> None: ...
