import datetime

from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pullback_api.v1 import analysis_pb2 as _analysis_pb2
from pullback_api.v1 import jobs_pb2 as _jobs_pb2
from pullback_api.v1 import specs_pb2 as _specs_pb2
from pullback_api.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Distance(_message.Message):
    __slots__ = ("name", "title", "weights_hash", "is_default", "takes", "licence", "citation", "weights_source", "weights_state", "min_side", "max_side", "is_inversion_default", "preconditioner")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_HASH_FIELD_NUMBER: _ClassVar[int]
    IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    TAKES_FIELD_NUMBER: _ClassVar[int]
    LICENCE_FIELD_NUMBER: _ClassVar[int]
    CITATION_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_SOURCE_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_STATE_FIELD_NUMBER: _ClassVar[int]
    MIN_SIDE_FIELD_NUMBER: _ClassVar[int]
    MAX_SIDE_FIELD_NUMBER: _ClassVar[int]
    IS_INVERSION_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    PRECONDITIONER_FIELD_NUMBER: _ClassVar[int]
    name: str
    title: str
    weights_hash: str
    is_default: bool
    takes: _containers.RepeatedScalarFieldContainer[str]
    licence: str
    citation: str
    weights_source: str
    weights_state: _values_pb2.WeightsState
    min_side: int
    max_side: int
    is_inversion_default: bool
    preconditioner: str
    def __init__(self, name: _Optional[str] = ..., title: _Optional[str] = ..., weights_hash: _Optional[str] = ..., is_default: bool = ..., takes: _Optional[_Iterable[str]] = ..., licence: _Optional[str] = ..., citation: _Optional[str] = ..., weights_source: _Optional[str] = ..., weights_state: _Optional[_Union[_values_pb2.WeightsState, str]] = ..., min_side: _Optional[int] = ..., max_side: _Optional[int] = ..., is_inversion_default: bool = ..., preconditioner: _Optional[str] = ...) -> None: ...

class Eigenbasis(_message.Message):
    __slots__ = ("name", "spec", "generator_weights_hash", "distance_weights_hash", "version", "create_time", "job", "dim", "eigenvalues", "eigenvectors", "metric", "samples", "agreement", "k", "floor", "first_row", "next_row")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    GENERATOR_WEIGHTS_HASH_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_WEIGHTS_HASH_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    DIM_FIELD_NUMBER: _ClassVar[int]
    EIGENVALUES_FIELD_NUMBER: _ClassVar[int]
    EIGENVECTORS_FIELD_NUMBER: _ClassVar[int]
    METRIC_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    FLOOR_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROW_FIELD_NUMBER: _ClassVar[int]
    NEXT_ROW_FIELD_NUMBER: _ClassVar[int]
    name: str
    spec: _specs_pb2.EigenbasisSpec
    generator_weights_hash: str
    distance_weights_hash: str
    version: str
    create_time: _timestamp_pb2.Timestamp
    job: str
    dim: int
    eigenvalues: _values_pb2.Tensor
    eigenvectors: _values_pb2.Tensor
    metric: _values_pb2.Tensor
    samples: int
    agreement: float
    k: int
    floor: float
    first_row: int
    next_row: int
    def __init__(self, name: _Optional[str] = ..., spec: _Optional[_Union[_specs_pb2.EigenbasisSpec, _Mapping]] = ..., generator_weights_hash: _Optional[str] = ..., distance_weights_hash: _Optional[str] = ..., version: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., job: _Optional[str] = ..., dim: _Optional[int] = ..., eigenvalues: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., eigenvectors: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., metric: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., samples: _Optional[int] = ..., agreement: _Optional[float] = ..., k: _Optional[int] = ..., floor: _Optional[float] = ..., first_row: _Optional[int] = ..., next_row: _Optional[int] = ...) -> None: ...

class ListDistancesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDistancesResponse(_message.Message):
    __slots__ = ("distances",)
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    distances: _containers.RepeatedCompositeFieldContainer[Distance]
    def __init__(self, distances: _Optional[_Iterable[_Union[Distance, _Mapping]]] = ...) -> None: ...

class ComputeEigenbasisRequest(_message.Message):
    __slots__ = ("request_id", "spec", "validate_only")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    spec: _specs_pb2.EigenbasisSpec
    validate_only: bool
    def __init__(self, request_id: _Optional[str] = ..., spec: _Optional[_Union[_specs_pb2.EigenbasisSpec, _Mapping]] = ..., validate_only: bool = ...) -> None: ...

class GetEigenbasisRequest(_message.Message):
    __slots__ = ("name", "k", "with_metric", "first_row")
    NAME_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    WITH_METRIC_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROW_FIELD_NUMBER: _ClassVar[int]
    name: str
    k: int
    with_metric: bool
    first_row: int
    def __init__(self, name: _Optional[str] = ..., k: _Optional[int] = ..., with_metric: bool = ..., first_row: _Optional[int] = ...) -> None: ...

class StreamEigenbasisRequest(_message.Message):
    __slots__ = ("name", "k", "with_metric")
    NAME_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    WITH_METRIC_FIELD_NUMBER: _ClassVar[int]
    name: str
    k: int
    with_metric: bool
    def __init__(self, name: _Optional[str] = ..., k: _Optional[int] = ..., with_metric: bool = ...) -> None: ...

class StreamEigenbasisResponse(_message.Message):
    __slots__ = ("eigenbasis",)
    EIGENBASIS_FIELD_NUMBER: _ClassVar[int]
    eigenbasis: Eigenbasis
    def __init__(self, eigenbasis: _Optional[_Union[Eigenbasis, _Mapping]] = ...) -> None: ...

class ListEigenbasesRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListEigenbasesResponse(_message.Message):
    __slots__ = ("eigenbases", "next_page_token", "unreadable")
    EIGENBASES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    UNREADABLE_FIELD_NUMBER: _ClassVar[int]
    eigenbases: _containers.RepeatedCompositeFieldContainer[Eigenbasis]
    next_page_token: str
    unreadable: _containers.RepeatedCompositeFieldContainer[_values_pb2.UnreadableResource]
    def __init__(self, eigenbases: _Optional[_Iterable[_Union[Eigenbasis, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., unreadable: _Optional[_Iterable[_Union[_values_pb2.UnreadableResource, _Mapping]]] = ...) -> None: ...

class DeleteEigenbasisRequest(_message.Message):
    __slots__ = ("name", "cascade")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CASCADE_FIELD_NUMBER: _ClassVar[int]
    name: str
    cascade: bool
    def __init__(self, name: _Optional[str] = ..., cascade: bool = ...) -> None: ...

class AnalyzeMetricRequest(_message.Message):
    __slots__ = ("request_id", "spec", "validate_only")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    spec: _specs_pb2.AnalysisSpec
    validate_only: bool
    def __init__(self, request_id: _Optional[str] = ..., spec: _Optional[_Union[_specs_pb2.AnalysisSpec, _Mapping]] = ..., validate_only: bool = ...) -> None: ...

class GetAnalysisRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListAnalysesRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListAnalysesResponse(_message.Message):
    __slots__ = ("analyses", "next_page_token", "unreadable")
    ANALYSES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    UNREADABLE_FIELD_NUMBER: _ClassVar[int]
    analyses: _containers.RepeatedCompositeFieldContainer[_analysis_pb2.MetricAnalysis]
    next_page_token: str
    unreadable: _containers.RepeatedCompositeFieldContainer[_values_pb2.UnreadableResource]
    def __init__(self, analyses: _Optional[_Iterable[_Union[_analysis_pb2.MetricAnalysis, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., unreadable: _Optional[_Iterable[_Union[_values_pb2.UnreadableResource, _Mapping]]] = ...) -> None: ...

class DeleteAnalysisRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
