from pullback_api.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LatentSpace(_message.Message):
    __slots__ = ("name", "dim", "prior", "labels", "bounds", "system", "start")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIM_FIELD_NUMBER: _ClassVar[int]
    PRIOR_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    BOUNDS_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    name: str
    dim: int
    prior: str
    labels: _containers.RepeatedScalarFieldContainer[str]
    bounds: _containers.RepeatedScalarFieldContainer[float]
    system: str
    start: int
    def __init__(self, name: _Optional[str] = ..., dim: _Optional[int] = ..., prior: _Optional[str] = ..., labels: _Optional[_Iterable[str]] = ..., bounds: _Optional[_Iterable[float]] = ..., system: _Optional[str] = ..., start: _Optional[int] = ...) -> None: ...

class Generator(_message.Message):
    __slots__ = ("name", "title", "family", "spaces", "channels", "height", "width", "licence", "citation", "weights_hash", "weights_source", "weights_state", "sample_rate")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    SPACES_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    LICENCE_FIELD_NUMBER: _ClassVar[int]
    CITATION_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_HASH_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_SOURCE_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_STATE_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
    name: str
    title: str
    family: str
    spaces: _containers.RepeatedCompositeFieldContainer[LatentSpace]
    channels: int
    height: int
    width: int
    licence: str
    citation: str
    weights_hash: str
    weights_source: str
    weights_state: _values_pb2.WeightsState
    sample_rate: int
    def __init__(self, name: _Optional[str] = ..., title: _Optional[str] = ..., family: _Optional[str] = ..., spaces: _Optional[_Iterable[_Union[LatentSpace, _Mapping]]] = ..., channels: _Optional[int] = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., licence: _Optional[str] = ..., citation: _Optional[str] = ..., weights_hash: _Optional[str] = ..., weights_source: _Optional[str] = ..., weights_state: _Optional[_Union[_values_pb2.WeightsState, str]] = ..., sample_rate: _Optional[int] = ...) -> None: ...

class CatalogueFault(_message.Message):
    __slots__ = ("generator", "reason")
    GENERATOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    generator: str
    reason: str
    def __init__(self, generator: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ListGeneratorsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListGeneratorsResponse(_message.Message):
    __slots__ = ("generators", "next_page_token", "faults")
    GENERATORS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    generators: _containers.RepeatedCompositeFieldContainer[Generator]
    next_page_token: str
    faults: _containers.RepeatedCompositeFieldContainer[CatalogueFault]
    def __init__(self, generators: _Optional[_Iterable[_Union[Generator, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., faults: _Optional[_Iterable[_Union[CatalogueFault, _Mapping]]] = ...) -> None: ...

class GetGeneratorRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class SampleLatentsRequest(_message.Message):
    __slots__ = ("generator", "space", "count", "seed")
    GENERATOR_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    generator: str
    space: str
    count: int
    seed: int
    def __init__(self, generator: _Optional[str] = ..., space: _Optional[str] = ..., count: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...

class SampleLatentsResponse(_message.Message):
    __slots__ = ("latents", "space")
    LATENTS_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    latents: _values_pb2.Tensor
    space: str
    def __init__(self, latents: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., space: _Optional[str] = ...) -> None: ...

class RenderRequest(_message.Message):
    __slots__ = ("generator", "space", "latents", "format", "noise_maps")
    GENERATOR_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    LATENTS_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    NOISE_MAPS_FIELD_NUMBER: _ClassVar[int]
    generator: str
    space: str
    latents: _values_pb2.Tensor
    format: _values_pb2.ImageFormat
    noise_maps: _containers.RepeatedCompositeFieldContainer[_values_pb2.Tensor]
    def __init__(self, generator: _Optional[str] = ..., space: _Optional[str] = ..., latents: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., format: _Optional[_Union[_values_pb2.ImageFormat, str]] = ..., noise_maps: _Optional[_Iterable[_Union[_values_pb2.Tensor, _Mapping]]] = ...) -> None: ...

class RenderResponse(_message.Message):
    __slots__ = ("index", "image")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    index: int
    image: _values_pb2.Image
    def __init__(self, index: _Optional[int] = ..., image: _Optional[_Union[_values_pb2.Image, _Mapping]] = ...) -> None: ...
