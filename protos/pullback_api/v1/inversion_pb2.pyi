import datetime

from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from pullback_api.v1 import jobs_pb2 as _jobs_pb2
from pullback_api.v1 import specs_pb2 as _specs_pb2
from pullback_api.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Fit(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FIT_UNSPECIFIED: _ClassVar[Fit]
    FIT_CENTER_CROP: _ClassVar[Fit]
    FIT_CONVERT: _ClassVar[Fit]
FIT_UNSPECIFIED: Fit
FIT_CENTER_CROP: Fit
FIT_CONVERT: Fit

class Box(_message.Message):
    __slots__ = ("left", "top", "width", "height")
    LEFT_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    left: int
    top: int
    width: int
    height: int
    def __init__(self, left: _Optional[int] = ..., top: _Optional[int] = ..., width: _Optional[int] = ..., height: _Optional[int] = ...) -> None: ...

class Alignment(_message.Message):
    __slots__ = ("scale", "shift_x", "shift_y")
    SCALE_FIELD_NUMBER: _ClassVar[int]
    SHIFT_X_FIELD_NUMBER: _ClassVar[int]
    SHIFT_Y_FIELD_NUMBER: _ClassVar[int]
    scale: float
    shift_x: float
    shift_y: float
    def __init__(self, scale: _Optional[float] = ..., shift_x: _Optional[float] = ..., shift_y: _Optional[float] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("image", "fit", "mask", "label", "ignore", "class_label", "start")
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    FIT_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    IGNORE_FIELD_NUMBER: _ClassVar[int]
    CLASS_LABEL_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    image: _values_pb2.Image
    fit: Fit
    mask: _values_pb2.Image
    label: str
    ignore: _containers.RepeatedCompositeFieldContainer[Box]
    class_label: str
    start: _values_pb2.Tensor
    def __init__(self, image: _Optional[_Union[_values_pb2.Image, _Mapping]] = ..., fit: _Optional[_Union[Fit, str]] = ..., mask: _Optional[_Union[_values_pb2.Image, _Mapping]] = ..., label: _Optional[str] = ..., ignore: _Optional[_Iterable[_Union[Box, _Mapping]]] = ..., class_label: _Optional[str] = ..., start: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ...) -> None: ...

class InvertRequest(_message.Message):
    __slots__ = ("request_id", "settings", "targets", "validate_only")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    settings: _specs_pb2.InversionSettings
    targets: _containers.RepeatedCompositeFieldContainer[Target]
    validate_only: bool
    def __init__(self, request_id: _Optional[str] = ..., settings: _Optional[_Union[_specs_pb2.InversionSettings, _Mapping]] = ..., targets: _Optional[_Iterable[_Union[Target, _Mapping]]] = ..., validate_only: bool = ...) -> None: ...

class Solution(_message.Message):
    __slots__ = ("latent", "image", "distance", "loss", "restart", "step", "alignment", "class_label", "noise_maps")
    LATENT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    RESTART_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    ALIGNMENT_FIELD_NUMBER: _ClassVar[int]
    CLASS_LABEL_FIELD_NUMBER: _ClassVar[int]
    NOISE_MAPS_FIELD_NUMBER: _ClassVar[int]
    latent: _values_pb2.Tensor
    image: _values_pb2.Image
    distance: float
    loss: float
    restart: int
    step: int
    alignment: Alignment
    class_label: str
    noise_maps: _containers.RepeatedCompositeFieldContainer[_values_pb2.Tensor]
    def __init__(self, latent: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., image: _Optional[_Union[_values_pb2.Image, _Mapping]] = ..., distance: _Optional[float] = ..., loss: _Optional[float] = ..., restart: _Optional[int] = ..., step: _Optional[int] = ..., alignment: _Optional[_Union[Alignment, _Mapping]] = ..., class_label: _Optional[str] = ..., noise_maps: _Optional[_Iterable[_Union[_values_pb2.Tensor, _Mapping]]] = ...) -> None: ...

class InvertedTarget(_message.Message):
    __slots__ = ("label", "latent", "image", "target", "distance", "loss", "best_restart", "best_step", "distance_trace", "loss_trace", "restart_latents", "error", "solutions", "evaluations", "aligned_target")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    LATENT_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    BEST_RESTART_FIELD_NUMBER: _ClassVar[int]
    BEST_STEP_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_TRACE_FIELD_NUMBER: _ClassVar[int]
    LOSS_TRACE_FIELD_NUMBER: _ClassVar[int]
    RESTART_LATENTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    SOLUTIONS_FIELD_NUMBER: _ClassVar[int]
    EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    ALIGNED_TARGET_FIELD_NUMBER: _ClassVar[int]
    label: str
    latent: _values_pb2.Tensor
    image: _values_pb2.Image
    target: _values_pb2.Image
    distance: float
    loss: float
    best_restart: int
    best_step: int
    distance_trace: _values_pb2.Tensor
    loss_trace: _values_pb2.Tensor
    restart_latents: _values_pb2.Tensor
    error: _status_pb2.Status
    solutions: _containers.RepeatedCompositeFieldContainer[Solution]
    evaluations: int
    aligned_target: _values_pb2.Image
    def __init__(self, label: _Optional[str] = ..., latent: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., image: _Optional[_Union[_values_pb2.Image, _Mapping]] = ..., target: _Optional[_Union[_values_pb2.Image, _Mapping]] = ..., distance: _Optional[float] = ..., loss: _Optional[float] = ..., best_restart: _Optional[int] = ..., best_step: _Optional[int] = ..., distance_trace: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., loss_trace: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., restart_latents: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., solutions: _Optional[_Iterable[_Union[Solution, _Mapping]]] = ..., evaluations: _Optional[int] = ..., aligned_target: _Optional[_Union[_values_pb2.Image, _Mapping]] = ...) -> None: ...

class InversionResult(_message.Message):
    __slots__ = ("name", "settings", "generator_weights_hash", "distance_weights_hash", "version", "create_time", "job", "compute_seconds", "results")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    GENERATOR_WEIGHTS_HASH_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_WEIGHTS_HASH_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    settings: _specs_pb2.InversionSettings
    generator_weights_hash: str
    distance_weights_hash: str
    version: str
    create_time: _timestamp_pb2.Timestamp
    job: str
    compute_seconds: float
    results: _containers.RepeatedCompositeFieldContainer[InvertedTarget]
    def __init__(self, name: _Optional[str] = ..., settings: _Optional[_Union[_specs_pb2.InversionSettings, _Mapping]] = ..., generator_weights_hash: _Optional[str] = ..., distance_weights_hash: _Optional[str] = ..., version: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., job: _Optional[str] = ..., compute_seconds: _Optional[float] = ..., results: _Optional[_Iterable[_Union[InvertedTarget, _Mapping]]] = ...) -> None: ...

class GetInversionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListInversionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListInversionsResponse(_message.Message):
    __slots__ = ("inversions", "next_page_token", "unreadable")
    INVERSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    UNREADABLE_FIELD_NUMBER: _ClassVar[int]
    inversions: _containers.RepeatedCompositeFieldContainer[InversionResult]
    next_page_token: str
    unreadable: _containers.RepeatedCompositeFieldContainer[_values_pb2.UnreadableResource]
    def __init__(self, inversions: _Optional[_Iterable[_Union[InversionResult, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., unreadable: _Optional[_Iterable[_Union[_values_pb2.UnreadableResource, _Mapping]]] = ...) -> None: ...

class DeleteInversionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
