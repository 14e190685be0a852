import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pullback_api.v1 import specs_pb2 as _specs_pb2
from pullback_api.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MetricAnalysis(_message.Message):
    __slots__ = ("name", "spec", "generator_weights_hash", "distance_weights_hash", "version", "create_time", "job", "dim", "spectrum", "shuffled_spectrum", "apparent_speed", "homogeneity", "shuffled_homogeneity", "comparisons", "layers", "shuffled_layers", "axes", "method", "walks")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    GENERATOR_WEIGHTS_HASH_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_WEIGHTS_HASH_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    DIM_FIELD_NUMBER: _ClassVar[int]
    SPECTRUM_FIELD_NUMBER: _ClassVar[int]
    SHUFFLED_SPECTRUM_FIELD_NUMBER: _ClassVar[int]
    APPARENT_SPEED_FIELD_NUMBER: _ClassVar[int]
    HOMOGENEITY_FIELD_NUMBER: _ClassVar[int]
    SHUFFLED_HOMOGENEITY_FIELD_NUMBER: _ClassVar[int]
    COMPARISONS_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    SHUFFLED_LAYERS_FIELD_NUMBER: _ClassVar[int]
    AXES_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    WALKS_FIELD_NUMBER: _ClassVar[int]
    name: str
    spec: _specs_pb2.AnalysisSpec
    generator_weights_hash: str
    distance_weights_hash: str
    version: str
    create_time: _timestamp_pb2.Timestamp
    job: str
    dim: int
    spectrum: Spectrum
    shuffled_spectrum: Spectrum
    apparent_speed: ApparentSpeed
    homogeneity: Homogeneity
    shuffled_homogeneity: Homogeneity
    comparisons: _containers.RepeatedCompositeFieldContainer[DistanceComparison]
    layers: _containers.RepeatedCompositeFieldContainer[LayerAmplification]
    shuffled_layers: _containers.RepeatedCompositeFieldContainer[LayerAmplification]
    axes: _containers.RepeatedCompositeFieldContainer[AxisStrip]
    method: str
    walks: WalkStatistics
    def __init__(self, name: _Optional[str] = ..., spec: _Optional[_Union[_specs_pb2.AnalysisSpec, _Mapping]] = ..., generator_weights_hash: _Optional[str] = ..., distance_weights_hash: _Optional[str] = ..., version: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., job: _Optional[str] = ..., dim: _Optional[int] = ..., spectrum: _Optional[_Union[Spectrum, _Mapping]] = ..., shuffled_spectrum: _Optional[_Union[Spectrum, _Mapping]] = ..., apparent_speed: _Optional[_Union[ApparentSpeed, _Mapping]] = ..., homogeneity: _Optional[_Union[Homogeneity, _Mapping]] = ..., shuffled_homogeneity: _Optional[_Union[Homogeneity, _Mapping]] = ..., comparisons: _Optional[_Iterable[_Union[DistanceComparison, _Mapping]]] = ..., layers: _Optional[_Iterable[_Union[LayerAmplification, _Mapping]]] = ..., shuffled_layers: _Optional[_Iterable[_Union[LayerAmplification, _Mapping]]] = ..., axes: _Optional[_Iterable[_Union[AxisStrip, _Mapping]]] = ..., method: _Optional[str] = ..., walks: _Optional[_Union[WalkStatistics, _Mapping]] = ...) -> None: ...

class Spectrum(_message.Message):
    __slots__ = ("mean_metric_eigenvalues", "eigenvalues", "dims", "effective_rank", "condition_number")
    MEAN_METRIC_EIGENVALUES_FIELD_NUMBER: _ClassVar[int]
    EIGENVALUES_FIELD_NUMBER: _ClassVar[int]
    DIMS_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_RANK_FIELD_NUMBER: _ClassVar[int]
    CONDITION_NUMBER_FIELD_NUMBER: _ClassVar[int]
    mean_metric_eigenvalues: _values_pb2.Tensor
    eigenvalues: _values_pb2.Tensor
    dims: _containers.RepeatedCompositeFieldContainer[DimsFor]
    effective_rank: float
    condition_number: float
    def __init__(self, mean_metric_eigenvalues: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., eigenvalues: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., dims: _Optional[_Iterable[_Union[DimsFor, _Mapping]]] = ..., effective_rank: _Optional[float] = ..., condition_number: _Optional[float] = ...) -> None: ...

class DimsFor(_message.Message):
    __slots__ = ("fraction", "mean_metric", "mean", "deviation")
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    MEAN_METRIC_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    DEVIATION_FIELD_NUMBER: _ClassVar[int]
    fraction: float
    mean_metric: int
    mean: float
    deviation: float
    def __init__(self, fraction: _Optional[float] = ..., mean_metric: _Optional[int] = ..., mean: _Optional[float] = ..., deviation: _Optional[float] = ...) -> None: ...

class ApparentSpeed(_message.Message):
    __slots__ = ("samples", "mean", "deviation", "expected_mean", "expected_deviation")
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    DEVIATION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_MEAN_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_DEVIATION_FIELD_NUMBER: _ClassVar[int]
    samples: _values_pb2.Tensor
    mean: float
    deviation: float
    expected_mean: float
    expected_deviation: float
    def __init__(self, samples: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., mean: _Optional[float] = ..., deviation: _Optional[float] = ..., expected_mean: _Optional[float] = ..., expected_deviation: _Optional[float] = ...) -> None: ...

class Homogeneity(_message.Message):
    __slots__ = ("linear", "log", "linear_mean", "linear_deviation", "log_mean", "log_deviation")
    LINEAR_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    LINEAR_MEAN_FIELD_NUMBER: _ClassVar[int]
    LINEAR_DEVIATION_FIELD_NUMBER: _ClassVar[int]
    LOG_MEAN_FIELD_NUMBER: _ClassVar[int]
    LOG_DEVIATION_FIELD_NUMBER: _ClassVar[int]
    linear: _values_pb2.Tensor
    log: _values_pb2.Tensor
    linear_mean: float
    linear_deviation: float
    log_mean: float
    log_deviation: float
    def __init__(self, linear: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., log: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., linear_mean: _Optional[float] = ..., linear_deviation: _Optional[float] = ..., log_mean: _Optional[float] = ..., log_deviation: _Optional[float] = ...) -> None: ...

class DistanceComparison(_message.Message):
    __slots__ = ("distance", "method", "positions", "entry_correlation", "spectrum_correlation", "linear_agreement", "log_agreement", "log_slope", "log_intercept", "linear_agreement_back", "log_agreement_back", "reference", "log_slope_back", "log_intercept_back", "deviations")
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    ENTRY_CORRELATION_FIELD_NUMBER: _ClassVar[int]
    SPECTRUM_CORRELATION_FIELD_NUMBER: _ClassVar[int]
    LINEAR_AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    LOG_AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    LOG_SLOPE_FIELD_NUMBER: _ClassVar[int]
    LOG_INTERCEPT_FIELD_NUMBER: _ClassVar[int]
    LINEAR_AGREEMENT_BACK_FIELD_NUMBER: _ClassVar[int]
    LOG_AGREEMENT_BACK_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    LOG_SLOPE_BACK_FIELD_NUMBER: _ClassVar[int]
    LOG_INTERCEPT_BACK_FIELD_NUMBER: _ClassVar[int]
    DEVIATIONS_FIELD_NUMBER: _ClassVar[int]
    distance: str
    method: str
    positions: int
    entry_correlation: float
    spectrum_correlation: float
    linear_agreement: float
    log_agreement: float
    log_slope: float
    log_intercept: float
    linear_agreement_back: float
    log_agreement_back: float
    reference: str
    log_slope_back: float
    log_intercept_back: float
    deviations: ComparisonDeviations
    def __init__(self, distance: _Optional[str] = ..., method: _Optional[str] = ..., positions: _Optional[int] = ..., entry_correlation: _Optional[float] = ..., spectrum_correlation: _Optional[float] = ..., linear_agreement: _Optional[float] = ..., log_agreement: _Optional[float] = ..., log_slope: _Optional[float] = ..., log_intercept: _Optional[float] = ..., linear_agreement_back: _Optional[float] = ..., log_agreement_back: _Optional[float] = ..., reference: _Optional[str] = ..., log_slope_back: _Optional[float] = ..., log_intercept_back: _Optional[float] = ..., deviations: _Optional[_Union[ComparisonDeviations, _Mapping]] = ...) -> None: ...

class ComparisonDeviations(_message.Message):
    __slots__ = ("entry_correlation", "spectrum_correlation", "linear_agreement", "log_agreement", "linear_agreement_back", "log_agreement_back", "log_slope", "log_intercept", "log_slope_back", "log_intercept_back")
    ENTRY_CORRELATION_FIELD_NUMBER: _ClassVar[int]
    SPECTRUM_CORRELATION_FIELD_NUMBER: _ClassVar[int]
    LINEAR_AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    LOG_AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    LINEAR_AGREEMENT_BACK_FIELD_NUMBER: _ClassVar[int]
    LOG_AGREEMENT_BACK_FIELD_NUMBER: _ClassVar[int]
    LOG_SLOPE_FIELD_NUMBER: _ClassVar[int]
    LOG_INTERCEPT_FIELD_NUMBER: _ClassVar[int]
    LOG_SLOPE_BACK_FIELD_NUMBER: _ClassVar[int]
    LOG_INTERCEPT_BACK_FIELD_NUMBER: _ClassVar[int]
    entry_correlation: float
    spectrum_correlation: float
    linear_agreement: float
    log_agreement: float
    linear_agreement_back: float
    log_agreement_back: float
    log_slope: float
    log_intercept: float
    log_slope_back: float
    log_intercept_back: float
    def __init__(self, entry_correlation: _Optional[float] = ..., spectrum_correlation: _Optional[float] = ..., linear_agreement: _Optional[float] = ..., log_agreement: _Optional[float] = ..., linear_agreement_back: _Optional[float] = ..., log_agreement_back: _Optional[float] = ..., log_slope: _Optional[float] = ..., log_intercept: _Optional[float] = ..., log_slope_back: _Optional[float] = ..., log_intercept_back: _Optional[float] = ...) -> None: ...

class LayerAmplification(_message.Message):
    __slots__ = ("layer", "amplification")
    LAYER_FIELD_NUMBER: _ClassVar[int]
    AMPLIFICATION_FIELD_NUMBER: _ClassVar[int]
    layer: str
    amplification: _values_pb2.Tensor
    def __init__(self, layer: _Optional[str] = ..., amplification: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ...) -> None: ...

class AxisStrip(_message.Message):
    __slots__ = ("rank", "eigenvalue", "steps", "distances", "frames")
    RANK_FIELD_NUMBER: _ClassVar[int]
    EIGENVALUE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    rank: int
    eigenvalue: float
    steps: _values_pb2.Tensor
    distances: _values_pb2.Tensor
    frames: _containers.RepeatedCompositeFieldContainer[_values_pb2.Image]
    def __init__(self, rank: _Optional[int] = ..., eigenvalue: _Optional[float] = ..., steps: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., distances: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., frames: _Optional[_Iterable[_Union[_values_pb2.Image, _Mapping]]] = ...) -> None: ...

class WalkStatistics(_message.Message):
    __slots__ = ("distance_curves", "density_drifts", "warpage", "robustness", "variations", "walk_distances", "walk_quality")
    DISTANCE_CURVES_FIELD_NUMBER: _ClassVar[int]
    DENSITY_DRIFTS_FIELD_NUMBER: _ClassVar[int]
    WARPAGE_FIELD_NUMBER: _ClassVar[int]
    ROBUSTNESS_FIELD_NUMBER: _ClassVar[int]
    VARIATIONS_FIELD_NUMBER: _ClassVar[int]
    WALK_DISTANCES_FIELD_NUMBER: _ClassVar[int]
    WALK_QUALITY_FIELD_NUMBER: _ClassVar[int]
    distance_curves: DistanceCurves
    density_drifts: _containers.RepeatedCompositeFieldContainer[DensityDrift]
    warpage: Warpage
    robustness: Robustness
    variations: Variations
    walk_distances: WalkDistances
    walk_quality: WalkQuality
    def __init__(self, distance_curves: _Optional[_Union[DistanceCurves, _Mapping]] = ..., density_drifts: _Optional[_Iterable[_Union[DensityDrift, _Mapping]]] = ..., warpage: _Optional[_Union[Warpage, _Mapping]] = ..., robustness: _Optional[_Union[Robustness, _Mapping]] = ..., variations: _Optional[_Union[Variations, _Mapping]] = ..., walk_distances: _Optional[_Union[WalkDistances, _Mapping]] = ..., walk_quality: _Optional[_Union[WalkQuality, _Mapping]] = ...) -> None: ...

class DistanceCurves(_message.Message):
    __slots__ = ("steps", "top", "random", "bottom")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    RANDOM_FIELD_NUMBER: _ClassVar[int]
    BOTTOM_FIELD_NUMBER: _ClassVar[int]
    steps: _values_pb2.Tensor
    top: _values_pb2.Tensor
    random: _values_pb2.Tensor
    bottom: _values_pb2.Tensor
    def __init__(self, steps: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., top: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., random: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., bottom: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ...) -> None: ...

class DensityDrift(_message.Message):
    __slots__ = ("traversal", "steps", "norms", "log_densities")
    TRAVERSAL_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    NORMS_FIELD_NUMBER: _ClassVar[int]
    LOG_DENSITIES_FIELD_NUMBER: _ClassVar[int]
    traversal: str
    steps: _values_pb2.Tensor
    norms: _values_pb2.Tensor
    log_densities: _values_pb2.Tensor
    def __init__(self, traversal: _Optional[str] = ..., steps: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., norms: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., log_densities: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ...) -> None: ...

class Warpage(_message.Message):
    __slots__ = ("ks", "epsilon", "kinds")
    KS_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    ks: _containers.RepeatedScalarFieldContainer[int]
    epsilon: float
    kinds: _containers.RepeatedCompositeFieldContainer[SubspaceDistances]
    def __init__(self, ks: _Optional[_Iterable[int]] = ..., epsilon: _Optional[float] = ..., kinds: _Optional[_Iterable[_Union[SubspaceDistances, _Mapping]]] = ...) -> None: ...

class SubspaceDistances(_message.Message):
    __slots__ = ("kind", "geodesic", "projection")
    KIND_FIELD_NUMBER: _ClassVar[int]
    GEODESIC_FIELD_NUMBER: _ClassVar[int]
    PROJECTION_FIELD_NUMBER: _ClassVar[int]
    kind: str
    geodesic: _values_pb2.Tensor
    projection: _values_pb2.Tensor
    def __init__(self, kind: _Optional[str] = ..., geodesic: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., projection: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ...) -> None: ...

class Robustness(_message.Message):
    __slots__ = ("embedding", "images", "strengths", "curves")
    EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    STRENGTHS_FIELD_NUMBER: _ClassVar[int]
    CURVES_FIELD_NUMBER: _ClassVar[int]
    embedding: str
    images: int
    strengths: _values_pb2.Tensor
    curves: _containers.RepeatedCompositeFieldContainer[PerturbationCurve]
    def __init__(self, embedding: _Optional[str] = ..., images: _Optional[int] = ..., strengths: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., curves: _Optional[_Iterable[_Union[PerturbationCurve, _Mapping]]] = ...) -> None: ...

class PerturbationCurve(_message.Message):
    __slots__ = ("way", "unmoved", "distances")
    WAY_FIELD_NUMBER: _ClassVar[int]
    UNMOVED_FIELD_NUMBER: _ClassVar[int]
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    way: str
    unmoved: float
    distances: _values_pb2.Tensor
    def __init__(self, way: _Optional[str] = ..., unmoved: _Optional[float] = ..., distances: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ...) -> None: ...

class Variations(_message.Message):
    __slots__ = ("embedding", "images", "directions", "strengths", "sets")
    EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    DIRECTIONS_FIELD_NUMBER: _ClassVar[int]
    STRENGTHS_FIELD_NUMBER: _ClassVar[int]
    SETS_FIELD_NUMBER: _ClassVar[int]
    embedding: str
    images: int
    directions: int
    strengths: _values_pb2.Tensor
    sets: _containers.RepeatedCompositeFieldContainer[VariationDistances]
    def __init__(self, embedding: _Optional[str] = ..., images: _Optional[int] = ..., directions: _Optional[int] = ..., strengths: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., sets: _Optional[_Iterable[_Union[VariationDistances, _Mapping]]] = ...) -> None: ...

class VariationDistances(_message.Message):
    __slots__ = ("kind", "space", "distances")
    KIND_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    kind: str
    space: str
    distances: _values_pb2.Tensor
    def __init__(self, kind: _Optional[str] = ..., space: _Optional[str] = ..., distances: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ...) -> None: ...

class WalkDistances(_message.Message):
    __slots__ = ("steps", "traversals")
    STEPS_FIELD_NUMBER: _ClassVar[int]
    TRAVERSALS_FIELD_NUMBER: _ClassVar[int]
    steps: _values_pb2.Tensor
    traversals: _containers.RepeatedCompositeFieldContainer[TraversalDistances]
    def __init__(self, steps: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., traversals: _Optional[_Iterable[_Union[TraversalDistances, _Mapping]]] = ...) -> None: ...

class WalkQuality(_message.Message):
    __slots__ = ("embedding", "images", "strides", "unmoved", "traversals")
    EMBEDDING_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    STRIDES_FIELD_NUMBER: _ClassVar[int]
    UNMOVED_FIELD_NUMBER: _ClassVar[int]
    TRAVERSALS_FIELD_NUMBER: _ClassVar[int]
    embedding: str
    images: int
    strides: _values_pb2.Tensor
    unmoved: float
    traversals: _containers.RepeatedCompositeFieldContainer[TraversalDistances]
    def __init__(self, embedding: _Optional[str] = ..., images: _Optional[int] = ..., strides: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., unmoved: _Optional[float] = ..., traversals: _Optional[_Iterable[_Union[TraversalDistances, _Mapping]]] = ...) -> None: ...

class TraversalDistances(_message.Message):
    __slots__ = ("traversal", "distances")
    TRAVERSAL_FIELD_NUMBER: _ClassVar[int]
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    traversal: str
    distances: _values_pb2.Tensor
    def __init__(self, traversal: _Optional[str] = ..., distances: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ...) -> None: ...
