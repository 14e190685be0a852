from pullback_api.v1 import options_pb2 as _options_pb2
from pullback_api.v1 import values_pb2 as _values_pb2
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
    METRIC_METHOD_GAUSS_NEWTON: _ClassVar[MetricMethod]

class InversionMethod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INVERSION_METHOD_UNSPECIFIED: _ClassVar[InversionMethod]
    INVERSION_METHOD_ADAM: _ClassVar[InversionMethod]
    INVERSION_METHOD_HESSIAN_ADAM: _ClassVar[InversionMethod]
    INVERSION_METHOD_LBFGS: _ClassVar[InversionMethod]
    INVERSION_METHOD_BASIN_CMA: _ClassVar[InversionMethod]
    INVERSION_METHOD_BASIN_CMA_HESSIAN_ADAM: _ClassVar[InversionMethod]
    INVERSION_METHOD_HESSIAN_BASIN_CMA: _ClassVar[InversionMethod]
    INVERSION_METHOD_LEVENBERG_MARQUARDT: _ClassVar[InversionMethod]

class InversionPreset(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INVERSION_PRESET_UNSPECIFIED: _ClassVar[InversionPreset]
    INVERSION_PRESET_PROJECTOR: _ClassVar[InversionPreset]

class InversionBasis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INVERSION_BASIS_UNSPECIFIED: _ClassVar[InversionBasis]
    INVERSION_BASIS_NONE: _ClassVar[InversionBasis]
    INVERSION_BASIS_GLOBAL: _ClassVar[InversionBasis]
    INVERSION_BASIS_SEPARATE: _ClassVar[InversionBasis]
    INVERSION_BASIS_LOCAL: _ClassVar[InversionBasis]

class Schedule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCHEDULE_UNSPECIFIED: _ClassVar[Schedule]
    SCHEDULE_CONSTANT: _ClassVar[Schedule]
    SCHEDULE_COSINE: _ClassVar[Schedule]

class Start(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    START_UNSPECIFIED: _ClassVar[Start]
    START_PRIOR: _ClassVar[Start]
    START_MEAN: _ClassVar[Start]
    START_BANK: _ClassVar[Start]

class ClassMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLASS_MODE_UNSPECIFIED: _ClassVar[ClassMode]
    CLASS_MODE_GIVEN: _ClassVar[ClassMode]
    CLASS_MODE_FREE: _ClassVar[ClassMode]
    CLASS_MODE_SEARCHED: _ClassVar[ClassMode]

class DirectionMethod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIRECTION_METHOD_UNSPECIFIED: _ClassVar[DirectionMethod]
    DIRECTION_METHOD_HESSIAN: _ClassVar[DirectionMethod]
    DIRECTION_METHOD_LOCAL_HESSIAN: _ClassVar[DirectionMethod]
    DIRECTION_METHOD_LOCAL_BASIS: _ClassVar[DirectionMethod]
    DIRECTION_METHOD_JACOBIAN: _ClassVar[DirectionMethod]
    DIRECTION_METHOD_GANSPACE_PCA: _ClassVar[DirectionMethod]
    DIRECTION_METHOD_GANSPACE_ICA: _ClassVar[DirectionMethod]
    DIRECTION_METHOD_SEFA: _ClassVar[DirectionMethod]
    DIRECTION_METHOD_DP_LASE: _ClassVar[DirectionMethod]
    DIRECTION_METHOD_IMPORTED: _ClassVar[DirectionMethod]

class IcaVectors(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ICA_VECTORS_UNSPECIFIED: _ClassVar[IcaVectors]
    ICA_VECTORS_MIXING: _ClassVar[IcaVectors]
    ICA_VECTORS_UNMIXING: _ClassVar[IcaVectors]
METRIC_METHOD_UNSPECIFIED: MetricMethod
METRIC_METHOD_SKETCH: MetricMethod
METRIC_METHOD_GRAM: MetricMethod
METRIC_METHOD_FULL_BACKPROP: MetricMethod
METRIC_METHOD_BACKWARD_ITERATION: MetricMethod
METRIC_METHOD_FORWARD_ITERATION: MetricMethod
METRIC_METHOD_GRAM_ITERATION: MetricMethod
METRIC_METHOD_GAUSS_NEWTON: MetricMethod
INVERSION_METHOD_UNSPECIFIED: InversionMethod
INVERSION_METHOD_ADAM: InversionMethod
INVERSION_METHOD_HESSIAN_ADAM: InversionMethod
INVERSION_METHOD_LBFGS: InversionMethod
INVERSION_METHOD_BASIN_CMA: InversionMethod
INVERSION_METHOD_BASIN_CMA_HESSIAN_ADAM: InversionMethod
INVERSION_METHOD_HESSIAN_BASIN_CMA: InversionMethod
INVERSION_METHOD_LEVENBERG_MARQUARDT: InversionMethod
INVERSION_PRESET_UNSPECIFIED: InversionPreset
INVERSION_PRESET_PROJECTOR: InversionPreset
INVERSION_BASIS_UNSPECIFIED: InversionBasis
INVERSION_BASIS_NONE: InversionBasis
INVERSION_BASIS_GLOBAL: InversionBasis
INVERSION_BASIS_SEPARATE: InversionBasis
INVERSION_BASIS_LOCAL: InversionBasis
SCHEDULE_UNSPECIFIED: Schedule
SCHEDULE_CONSTANT: Schedule
SCHEDULE_COSINE: Schedule
START_UNSPECIFIED: Start
START_PRIOR: Start
START_MEAN: Start
START_BANK: Start
CLASS_MODE_UNSPECIFIED: ClassMode
CLASS_MODE_GIVEN: ClassMode
CLASS_MODE_FREE: ClassMode
CLASS_MODE_SEARCHED: ClassMode
DIRECTION_METHOD_UNSPECIFIED: DirectionMethod
DIRECTION_METHOD_HESSIAN: DirectionMethod
DIRECTION_METHOD_LOCAL_HESSIAN: DirectionMethod
DIRECTION_METHOD_LOCAL_BASIS: DirectionMethod
DIRECTION_METHOD_JACOBIAN: DirectionMethod
DIRECTION_METHOD_GANSPACE_PCA: DirectionMethod
DIRECTION_METHOD_GANSPACE_ICA: DirectionMethod
DIRECTION_METHOD_SEFA: DirectionMethod
DIRECTION_METHOD_DP_LASE: DirectionMethod
DIRECTION_METHOD_IMPORTED: DirectionMethod
ICA_VECTORS_UNSPECIFIED: IcaVectors
ICA_VECTORS_MIXING: IcaVectors
ICA_VECTORS_UNMIXING: IcaVectors

class EigenbasisSpec(_message.Message):
    __slots__ = ("generator", "space", "distance", "method", "samples", "seed", "automatic", "tolerance", "k", "separate", "max_memory_mib")
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
    MAX_MEMORY_MIB_FIELD_NUMBER: _ClassVar[int]
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
    max_memory_mib: int
    def __init__(self, generator: _Optional[str] = ..., space: _Optional[str] = ..., distance: _Optional[str] = ..., method: _Optional[_Union[MetricMethod, str]] = ..., samples: _Optional[int] = ..., seed: _Optional[int] = ..., automatic: bool = ..., tolerance: _Optional[float] = ..., k: _Optional[int] = ..., separate: bool = ..., max_memory_mib: _Optional[int] = ...) -> None: ...

class AnalysisSpec(_message.Message):
    __slots__ = ("generator", "space", "distance", "positions", "control_positions", "compared_distances", "seed", "max_memory_mib", "compared_positions")
    GENERATOR_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    CONTROL_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    COMPARED_DISTANCES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    MAX_MEMORY_MIB_FIELD_NUMBER: _ClassVar[int]
    COMPARED_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    generator: str
    space: str
    distance: str
    positions: int
    control_positions: int
    compared_distances: _containers.RepeatedScalarFieldContainer[str]
    seed: int
    max_memory_mib: int
    compared_positions: int
    def __init__(self, generator: _Optional[str] = ..., space: _Optional[str] = ..., distance: _Optional[str] = ..., positions: _Optional[int] = ..., control_positions: _Optional[int] = ..., compared_distances: _Optional[_Iterable[str]] = ..., seed: _Optional[int] = ..., max_memory_mib: _Optional[int] = ..., compared_positions: _Optional[int] = ...) -> None: ...

class LossWeights(_message.Message):
    __slots__ = ("distance", "l1", "l2", "prior", "delta", "noise")
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    L1_FIELD_NUMBER: _ClassVar[int]
    L2_FIELD_NUMBER: _ClassVar[int]
    PRIOR_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    distance: float
    l1: float
    l2: float
    prior: float
    delta: float
    noise: float
    def __init__(self, distance: _Optional[float] = ..., l1: _Optional[float] = ..., l2: _Optional[float] = ..., prior: _Optional[float] = ..., delta: _Optional[float] = ..., noise: _Optional[float] = ...) -> None: ...

class AlignmentSettings(_message.Message):
    __slots__ = ("scale", "shift")
    SCALE_FIELD_NUMBER: _ClassVar[int]
    SHIFT_FIELD_NUMBER: _ClassVar[int]
    scale: float
    shift: float
    def __init__(self, scale: _Optional[float] = ..., shift: _Optional[float] = ...) -> None: ...

class Betas(_message.Message):
    __slots__ = ("mean", "square")
    MEAN_FIELD_NUMBER: _ClassVar[int]
    SQUARE_FIELD_NUMBER: _ClassVar[int]
    mean: float
    square: float
    def __init__(self, mean: _Optional[float] = ..., square: _Optional[float] = ...) -> None: ...

class InversionSettings(_message.Message):
    __slots__ = ("generator", "space", "distance", "method", "weights", "steps", "restarts", "seed", "learning_rate", "schedule", "eigenbasis", "exponent", "preview_every", "basis", "local_every", "start", "thin", "evaluations", "seconds", "patience", "truncation", "class_mode", "alignment", "top_k", "betas", "preset", "noise_maps", "ramp_up", "ramp_down", "latent_noise", "noise_ramp", "start_space")
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
    BASIS_FIELD_NUMBER: _ClassVar[int]
    LOCAL_EVERY_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    THIN_FIELD_NUMBER: _ClassVar[int]
    EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    PATIENCE_FIELD_NUMBER: _ClassVar[int]
    TRUNCATION_FIELD_NUMBER: _ClassVar[int]
    CLASS_MODE_FIELD_NUMBER: _ClassVar[int]
    ALIGNMENT_FIELD_NUMBER: _ClassVar[int]
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    BETAS_FIELD_NUMBER: _ClassVar[int]
    PRESET_FIELD_NUMBER: _ClassVar[int]
    NOISE_MAPS_FIELD_NUMBER: _ClassVar[int]
    RAMP_UP_FIELD_NUMBER: _ClassVar[int]
    RAMP_DOWN_FIELD_NUMBER: _ClassVar[int]
    LATENT_NOISE_FIELD_NUMBER: _ClassVar[int]
    NOISE_RAMP_FIELD_NUMBER: _ClassVar[int]
    START_SPACE_FIELD_NUMBER: _ClassVar[int]
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
    basis: InversionBasis
    local_every: int
    start: Start
    thin: bool
    evaluations: int
    seconds: float
    patience: int
    truncation: float
    class_mode: ClassMode
    alignment: AlignmentSettings
    top_k: int
    betas: Betas
    preset: InversionPreset
    noise_maps: bool
    ramp_up: float
    ramp_down: float
    latent_noise: float
    noise_ramp: float
    start_space: str
    def __init__(self, generator: _Optional[str] = ..., space: _Optional[str] = ..., distance: _Optional[str] = ..., method: _Optional[_Union[InversionMethod, str]] = ..., weights: _Optional[_Union[LossWeights, _Mapping]] = ..., steps: _Optional[int] = ..., restarts: _Optional[int] = ..., seed: _Optional[int] = ..., learning_rate: _Optional[float] = ..., schedule: _Optional[_Union[Schedule, str]] = ..., eigenbasis: _Optional[str] = ..., exponent: _Optional[float] = ..., preview_every: _Optional[int] = ..., basis: _Optional[_Union[InversionBasis, str]] = ..., local_every: _Optional[int] = ..., start: _Optional[_Union[Start, str]] = ..., thin: bool = ..., evaluations: _Optional[int] = ..., seconds: _Optional[float] = ..., patience: _Optional[int] = ..., truncation: _Optional[float] = ..., class_mode: _Optional[_Union[ClassMode, str]] = ..., alignment: _Optional[_Union[AlignmentSettings, _Mapping]] = ..., top_k: _Optional[int] = ..., betas: _Optional[_Union[Betas, _Mapping]] = ..., preset: _Optional[_Union[InversionPreset, str]] = ..., noise_maps: bool = ..., ramp_up: _Optional[float] = ..., ramp_down: _Optional[float] = ..., latent_noise: _Optional[float] = ..., noise_ramp: _Optional[float] = ..., start_space: _Optional[str] = ...) -> None: ...

class TuningSettings(_message.Message):
    __slots__ = ("generator", "space", "distance", "steps", "learning_rate", "l2", "threshold", "locality", "locality_reach", "seed", "preview_every")
    GENERATOR_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    L2_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    LOCALITY_FIELD_NUMBER: _ClassVar[int]
    LOCALITY_REACH_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_EVERY_FIELD_NUMBER: _ClassVar[int]
    generator: str
    space: str
    distance: str
    steps: int
    learning_rate: float
    l2: float
    threshold: float
    locality: float
    locality_reach: float
    seed: int
    preview_every: int
    def __init__(self, generator: _Optional[str] = ..., space: _Optional[str] = ..., distance: _Optional[str] = ..., steps: _Optional[int] = ..., learning_rate: _Optional[float] = ..., l2: _Optional[float] = ..., threshold: _Optional[float] = ..., locality: _Optional[float] = ..., locality_reach: _Optional[float] = ..., seed: _Optional[int] = ..., preview_every: _Optional[int] = ...) -> None: ...

class DirectionsSpec(_message.Message):
    __slots__ = ("generator", "space", "method", "k", "eigenbasis", "seed", "latent", "distance", "samples", "layer", "layers", "ica_vectors", "iterations", "learn_density")
    GENERATOR_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    K_FIELD_NUMBER: _ClassVar[int]
    EIGENBASIS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    LATENT_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    LAYER_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    ICA_VECTORS_FIELD_NUMBER: _ClassVar[int]
    ITERATIONS_FIELD_NUMBER: _ClassVar[int]
    LEARN_DENSITY_FIELD_NUMBER: _ClassVar[int]
    generator: str
    space: str
    method: DirectionMethod
    k: int
    eigenbasis: str
    seed: int
    latent: _values_pb2.Tensor
    distance: str
    samples: int
    layer: str
    layers: _containers.RepeatedScalarFieldContainer[int]
    ica_vectors: IcaVectors
    iterations: int
    learn_density: bool
    def __init__(self, generator: _Optional[str] = ..., space: _Optional[str] = ..., method: _Optional[_Union[DirectionMethod, str]] = ..., k: _Optional[int] = ..., eigenbasis: _Optional[str] = ..., seed: _Optional[int] = ..., latent: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., distance: _Optional[str] = ..., samples: _Optional[int] = ..., layer: _Optional[str] = ..., layers: _Optional[_Iterable[int]] = ..., ica_vectors: _Optional[_Union[IcaVectors, str]] = ..., iterations: _Optional[int] = ..., learn_density: bool = ...) -> None: ...
