from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MetricMethod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    METRIC_METHOD_UNSPECIFIED: _ClassVar[MetricMethod]
    METRIC_METHOD_SKETCH: _ClassVar[MetricMethod]
    METRIC_METHOD_GRAM: _ClassVar[MetricMethod]
    METRIC_METHOD_FULL_BACKPROP: _ClassVar[MetricMethod]
    METRIC_METHOD_BACKWARD_ITERATION: _ClassVar[MetricMethod]
    METRIC_METHOD_FORWARD_ITERATION: _ClassVar[MetricMethod]
    METRIC_METHOD_GRAM_ITERATION: _ClassVar[MetricMethod]

class InversionMethod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INVERSION_METHOD_UNSPECIFIED: _ClassVar[InversionMethod]
    INVERSION_METHOD_ADAM: _ClassVar[InversionMethod]
    INVERSION_METHOD_HESSIAN_ADAM: _ClassVar[InversionMethod]

class Schedule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCHEDULE_UNSPECIFIED: _ClassVar[Schedule]
    SCHEDULE_CONSTANT: _ClassVar[Schedule]
    SCHEDULE_COSINE: _ClassVar[Schedule]
METRIC_METHOD_UNSPECIFIED: MetricMethod
METRIC_METHOD_SKETCH: MetricMethod
METRIC_METHOD_GRAM: MetricMethod
METRIC_METHOD_FULL_BACKPROP: MetricMethod
METRIC_METHOD_BACKWARD_ITERATION: MetricMethod
METRIC_METHOD_FORWARD_ITERATION: MetricMethod
METRIC_METHOD_GRAM_ITERATION: MetricMethod
INVERSION_METHOD_UNSPECIFIED: InversionMethod
INVERSION_METHOD_ADAM: InversionMethod
INVERSION_METHOD_HESSIAN_ADAM: InversionMethod
SCHEDULE_UNSPECIFIED: Schedule
SCHEDULE_CONSTANT: Schedule
SCHEDULE_COSINE: Schedule

class EigenbasisSpec(_message.Message):
    __slots__ = ("generator", "space", "distance", "method", "samples", "seed", "automatic", "tolerance", "k", "separate")
    GENERATOR_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    AUTOMATIC_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    SEPARATE_FIELD_NUMBER: _ClassVar[int]
    generator: str
    space: str
    distance: str
    method: MetricMethod
    samples: int
    seed: int
    automatic: bool
    tolerance: float
    k: int
    separate: bool
    def __init__(self, generator: _Optional[str] = ..., space: _Optional[str] = ..., distance: _Optional[str] = ..., method: _Optional[_Union[MetricMethod, str]] = ..., samples: _Optional[int] = ..., seed: _Optional[int] = ..., automatic: bool = ..., tolerance: _Optional[float] = ..., k: _Optional[int] = ..., separate: bool = ...) -> None: ...

class AnalysisSpec(_message.Message):
    __slots__ = ("generator", "space", "distance", "positions", "control_positions", "compared_distances", "seed")
    GENERATOR_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    CONTROL_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    COMPARED_DISTANCES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    generator: str
    space: str
    distance: str
    positions: int
    control_positions: int
    compared_distances: _containers.RepeatedScalarFieldContainer[str]
    seed: int
    def __init__(self, generator: _Optional[str] = ..., space: _Optional[str] = ..., distance: _Optional[str] = ..., positions: _Optional[int] = ..., control_positions: _Optional[int] = ..., compared_distances: _Optional[_Iterable[str]] = ..., seed: _Optional[int] = ...) -> None: ...

class LossWeights(_message.Message):
    __slots__ = ("distance", "l1", "l2")
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    L1_FIELD_NUMBER: _ClassVar[int]
    L2_FIELD_NUMBER: _ClassVar[int]
    distance: float
    l1: float
    l2: float
    def __init__(self, distance: _Optional[float] = ..., l1: _Optional[float] = ..., l2: _Optional[float] = ...) -> None: ...

class InversionSettings(_message.Message):
    __slots__ = ("generator", "space", "distance", "method", "weights", "steps", "restarts", "seed", "learning_rate", "schedule", "eigenbasis", "exponent", "preview_every")
    GENERATOR_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    EIGENBASIS_FIELD_NUMBER: _ClassVar[int]
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_EVERY_FIELD_NUMBER: _ClassVar[int]
    generator: str
    space: str
    distance: str
    method: InversionMethod
    weights: LossWeights
    steps: int
    restarts: int
    seed: int
    learning_rate: float
    schedule: Schedule
    eigenbasis: str
    exponent: float
    preview_every: int
    def __init__(self, generator: _Optional[str] = ..., space: _Optional[str] = ..., distance: _Optional[str] = ..., method: _Optional[_Union[InversionMethod, str]] = ..., weights: _Optional[_Union[LossWeights, _Mapping]] = ..., steps: _Optional[int] = ..., restarts: _Optional[int] = ..., seed: _Optional[int] = ..., learning_rate: _Optional[float] = ..., schedule: _Optional[_Union[Schedule, str]] = ..., eigenbasis: _Optional[str] = ..., exponent: _Optional[float] = ..., preview_every: _Optional[int] = ...) -> None: ...
