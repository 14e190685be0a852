import datetime

from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from pullback_api.v1 import jobs_pb2 as _jobs_pb2
from pullback_api.v1 import options_pb2 as _options_pb2
from pullback_api.v1 import specs_pb2 as _specs_pb2
from pullback_api.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ImportFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPORT_FORMAT_UNSPECIFIED: _ClassVar[ImportFormat]
    IMPORT_FORMAT_GANSPACE: _ClassVar[ImportFormat]
    IMPORT_FORMAT_SEFA: _ClassVar[ImportFormat]
    IMPORT_FORMAT_LOCAL_BASIS: _ClassVar[ImportFormat]
    IMPORT_FORMAT_STYLECLIP: _ClassVar[ImportFormat]
    IMPORT_FORMAT_DEFORMATOR: _ClassVar[ImportFormat]
    IMPORT_FORMAT_HESSIAN_PENALTY: _ClassVar[ImportFormat]
    IMPORT_FORMAT_PULLBACK: _ClassVar[ImportFormat]

class TraversalKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRAVERSAL_KIND_UNSPECIFIED: _ClassVar[TraversalKind]
    TRAVERSAL_KIND_LINEAR: _ClassVar[TraversalKind]
    TRAVERSAL_KIND_SPHERICAL: _ClassVar[TraversalKind]
    TRAVERSAL_KIND_DENSITY_PRESERVING: _ClassVar[TraversalKind]
    TRAVERSAL_KIND_CURVE: _ClassVar[TraversalKind]
    TRAVERSAL_KIND_SUBSPACE: _ClassVar[TraversalKind]
    TRAVERSAL_KIND_METRIC_UNIFORM: _ClassVar[TraversalKind]
    TRAVERSAL_KIND_GEODESIC: _ClassVar[TraversalKind]

class StepUnit(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STEP_UNIT_UNSPECIFIED: _ClassVar[StepUnit]
    STEP_UNIT_RATE: _ClassVar[StepUnit]
    STEP_UNIT_LATENT: _ClassVar[StepUnit]
IMPORT_FORMAT_UNSPECIFIED: ImportFormat
IMPORT_FORMAT_GANSPACE: ImportFormat
IMPORT_FORMAT_SEFA: ImportFormat
IMPORT_FORMAT_LOCAL_BASIS: ImportFormat
IMPORT_FORMAT_STYLECLIP: ImportFormat
IMPORT_FORMAT_DEFORMATOR: ImportFormat
IMPORT_FORMAT_HESSIAN_PENALTY: ImportFormat
IMPORT_FORMAT_PULLBACK: ImportFormat
TRAVERSAL_KIND_UNSPECIFIED: TraversalKind
TRAVERSAL_KIND_LINEAR: TraversalKind
TRAVERSAL_KIND_SPHERICAL: TraversalKind
TRAVERSAL_KIND_DENSITY_PRESERVING: TraversalKind
TRAVERSAL_KIND_CURVE: TraversalKind
TRAVERSAL_KIND_SUBSPACE: TraversalKind
TRAVERSAL_KIND_METRIC_UNIFORM: TraversalKind
TRAVERSAL_KIND_GEODESIC: TraversalKind
STEP_UNIT_UNSPECIFIED: StepUnit
STEP_UNIT_RATE: StepUnit
STEP_UNIT_LATENT: StepUnit

class DirectionSet(_message.Message):
    __slots__ = ("name", "spec", "generator_weights_hash", "version", "create_time", "job", "count", "dim", "space", "vectors", "values", "rates", "alignment", "aligned_axes", "axes", "annotations", "layers", "input_vectors", "import_format")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    GENERATOR_WEIGHTS_HASH_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    DIM_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    RATES_FIELD_NUMBER: _ClassVar[int]
    ALIGNMENT_FIELD_NUMBER: _ClassVar[int]
    ALIGNED_AXES_FIELD_NUMBER: _ClassVar[int]
    AXES_FIELD_NUMBER: _ClassVar[int]
    ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    INPUT_VECTORS_FIELD_NUMBER: _ClassVar[int]
    IMPORT_FORMAT_FIELD_NUMBER: _ClassVar[int]
    name: str
    spec: _specs_pb2.DirectionsSpec
    generator_weights_hash: str
    version: str
    create_time: _timestamp_pb2.Timestamp
    job: str
    count: int
    dim: int
    space: str
    vectors: _values_pb2.Tensor
    values: _values_pb2.Tensor
    rates: _values_pb2.Tensor
    alignment: _values_pb2.Tensor
    aligned_axes: int
    axes: _containers.RepeatedCompositeFieldContainer[EigenAxes]
    annotations: _containers.RepeatedCompositeFieldContainer[Annotation]
    layers: _containers.RepeatedScalarFieldContainer[int]
    input_vectors: _values_pb2.Tensor
    import_format: ImportFormat
    def __init__(self, name: _Optional[str] = ..., spec: _Optional[_Union[_specs_pb2.DirectionsSpec, _Mapping]] = ..., generator_weights_hash: _Optional[str] = ..., version: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., job: _Optional[str] = ..., count: _Optional[int] = ..., dim: _Optional[int] = ..., space: _Optional[str] = ..., vectors: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., values: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., rates: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., alignment: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., aligned_axes: _Optional[int] = ..., axes: _Optional[_Iterable[_Union[EigenAxes, _Mapping]]] = ..., annotations: _Optional[_Iterable[_Union[Annotation, _Mapping]]] = ..., layers: _Optional[_Iterable[int]] = ..., input_vectors: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., import_format: _Optional[_Union[ImportFormat, str]] = ...) -> None: ...

class EigenAxes(_message.Message):
    __slots__ = ("ranks", "shares")
    RANKS_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    ranks: _containers.RepeatedScalarFieldContainer[int]
    shares: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, ranks: _Optional[_Iterable[int]] = ..., shares: _Optional[_Iterable[float]] = ...) -> None: ...

class Annotation(_message.Message):
    __slots__ = ("index", "title", "notes")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    index: int
    title: str
    notes: str
    def __init__(self, index: _Optional[int] = ..., title: _Optional[str] = ..., notes: _Optional[str] = ...) -> None: ...

class DiscoverDirectionsRequest(_message.Message):
    __slots__ = ("request_id", "spec", "validate_only")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    spec: _specs_pb2.DirectionsSpec
    validate_only: bool
    def __init__(self, request_id: _Optional[str] = ..., spec: _Optional[_Union[_specs_pb2.DirectionsSpec, _Mapping]] = ..., validate_only: bool = ...) -> None: ...

class GetDirectionsRequest(_message.Message):
    __slots__ = ("name", "purify")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PURIFY_FIELD_NUMBER: _ClassVar[int]
    name: str
    purify: int
    def __init__(self, name: _Optional[str] = ..., purify: _Optional[int] = ...) -> None: ...

class ListDirectionsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDirectionsResponse(_message.Message):
    __slots__ = ("directions", "next_page_token", "unreadable")
    DIRECTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    UNREADABLE_FIELD_NUMBER: _ClassVar[int]
    directions: _containers.RepeatedCompositeFieldContainer[DirectionSet]
    next_page_token: str
    unreadable: _containers.RepeatedCompositeFieldContainer[_values_pb2.UnreadableResource]
    def __init__(self, directions: _Optional[_Iterable[_Union[DirectionSet, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., unreadable: _Optional[_Iterable[_Union[_values_pb2.UnreadableResource, _Mapping]]] = ...) -> None: ...

class ImportDirectionsRequest(_message.Message):
    __slots__ = ("generator", "space", "format", "content", "eigenbasis", "layers")
    GENERATOR_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    EIGENBASIS_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    generator: str
    space: str
    format: ImportFormat
    content: bytes
    eigenbasis: str
    layers: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, generator: _Optional[str] = ..., space: _Optional[str] = ..., format: _Optional[_Union[ImportFormat, str]] = ..., content: _Optional[bytes] = ..., eigenbasis: _Optional[str] = ..., layers: _Optional[_Iterable[int]] = ...) -> None: ...

class AnnotateDirectionRequest(_message.Message):
    __slots__ = ("name", "annotation")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ANNOTATION_FIELD_NUMBER: _ClassVar[int]
    name: str
    annotation: Annotation
    def __init__(self, name: _Optional[str] = ..., annotation: _Optional[_Union[Annotation, _Mapping]] = ...) -> None: ...

class DeleteDirectionsRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DirectionRef(_message.Message):
    __slots__ = ("directions", "index", "title", "purify", "space")
    DIRECTIONS_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PURIFY_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    directions: str
    index: int
    title: str
    purify: int
    space: str
    def __init__(self, directions: _Optional[str] = ..., index: _Optional[int] = ..., title: _Optional[str] = ..., purify: _Optional[int] = ..., space: _Optional[str] = ...) -> None: ...

class CurveSettings(_message.Message):
    __slots__ = ("pieces", "guided", "rank", "jitter", "seed")
    PIECES_FIELD_NUMBER: _ClassVar[int]
    GUIDED_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    pieces: int
    guided: bool
    rank: int
    jitter: float
    seed: int
    def __init__(self, pieces: _Optional[int] = ..., guided: bool = ..., rank: _Optional[int] = ..., jitter: _Optional[float] = ..., seed: _Optional[int] = ...) -> None: ...

class MaskSettings(_message.Message):
    __slots__ = ("subset", "subsets", "layer", "samples", "reach", "seed")
    SUBSET_FIELD_NUMBER: _ClassVar[int]
    SUBSETS_FIELD_NUMBER: _ClassVar[int]
    LAYER_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    REACH_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    subset: int
    subsets: int
    layer: str
    samples: int
    reach: float
    seed: int
    def __init__(self, subset: _Optional[int] = ..., subsets: _Optional[int] = ..., layer: _Optional[str] = ..., samples: _Optional[int] = ..., reach: _Optional[float] = ..., seed: _Optional[int] = ...) -> None: ...

class TraverseRequest(_message.Message):
    __slots__ = ("generator", "space", "latent", "direction", "second", "kind", "frames", "first_step", "last_step", "unit", "layers", "distance", "curve", "format", "strip", "animation", "mask", "validate_only", "end", "noise_maps")
    GENERATOR_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    LATENT_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    FIRST_STEP_FIELD_NUMBER: _ClassVar[int]
    LAST_STEP_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    CURVE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    STRIP_FIELD_NUMBER: _ClassVar[int]
    ANIMATION_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    NOISE_MAPS_FIELD_NUMBER: _ClassVar[int]
    generator: str
    space: str
    latent: _values_pb2.Tensor
    direction: DirectionRef
    second: DirectionRef
    kind: TraversalKind
    frames: int
    first_step: float
    last_step: float
    unit: StepUnit
    layers: _containers.RepeatedScalarFieldContainer[int]
    distance: str
    curve: CurveSettings
    format: _values_pb2.ImageFormat
    strip: bool
    animation: bool
    mask: MaskSettings
    validate_only: bool
    end: _values_pb2.Tensor
    noise_maps: _containers.RepeatedCompositeFieldContainer[_values_pb2.Tensor]
    def __init__(self, generator: _Optional[str] = ..., space: _Optional[str] = ..., latent: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., direction: _Optional[_Union[DirectionRef, _Mapping]] = ..., second: _Optional[_Union[DirectionRef, _Mapping]] = ..., kind: _Optional[_Union[TraversalKind, str]] = ..., frames: _Optional[int] = ..., first_step: _Optional[float] = ..., last_step: _Optional[float] = ..., unit: _Optional[_Union[StepUnit, str]] = ..., layers: _Optional[_Iterable[int]] = ..., distance: _Optional[str] = ..., curve: _Optional[_Union[CurveSettings, _Mapping]] = ..., format: _Optional[_Union[_values_pb2.ImageFormat, str]] = ..., strip: bool = ..., animation: bool = ..., mask: _Optional[_Union[MaskSettings, _Mapping]] = ..., validate_only: bool = ..., end: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., noise_maps: _Optional[_Iterable[_Union[_values_pb2.Tensor, _Mapping]]] = ...) -> None: ...

class TraversalFrame(_message.Message):
    __slots__ = ("index", "step", "second_step", "latent", "distance", "image")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    SECOND_STEP_FIELD_NUMBER: _ClassVar[int]
    LATENT_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    index: int
    step: float
    second_step: float
    latent: _values_pb2.Tensor
    distance: float
    image: _values_pb2.Image
    def __init__(self, index: _Optional[int] = ..., step: _Optional[float] = ..., second_step: _Optional[float] = ..., latent: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., distance: _Optional[float] = ..., image: _Optional[_Union[_values_pb2.Image, _Mapping]] = ...) -> None: ...

class TraversalEnd(_message.Message):
    __slots__ = ("frames", "space", "strip", "animation")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    STRIP_FIELD_NUMBER: _ClassVar[int]
    ANIMATION_FIELD_NUMBER: _ClassVar[int]
    frames: int
    space: str
    strip: _values_pb2.Image
    animation: bytes
    def __init__(self, frames: _Optional[int] = ..., space: _Optional[str] = ..., strip: _Optional[_Union[_values_pb2.Image, _Mapping]] = ..., animation: _Optional[bytes] = ...) -> None: ...

class TraverseResponse(_message.Message):
    __slots__ = ("frame", "end")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    frame: TraversalFrame
    end: TraversalEnd
    def __init__(self, frame: _Optional[_Union[TraversalFrame, _Mapping]] = ..., end: _Optional[_Union[TraversalEnd, _Mapping]] = ...) -> None: ...
