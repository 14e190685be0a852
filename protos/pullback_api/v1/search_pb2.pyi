import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from pullback_api.v1 import options_pb2 as _options_pb2
from pullback_api.v1 import values_pb2 as _values_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SearchMethod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEARCH_METHOD_UNSPECIFIED: _ClassVar[SearchMethod]
    SEARCH_METHOD_CMA: _ClassVar[SearchMethod]
    SEARCH_METHOD_HESSIAN_CMA: _ClassVar[SearchMethod]
    SEARCH_METHOD_CHOLESKY_CMA: _ClassVar[SearchMethod]
    SEARCH_METHOD_SPHERE_CMA: _ClassVar[SearchMethod]
    SEARCH_METHOD_GENETIC: _ClassVar[SearchMethod]
    SEARCH_METHOD_RANDOM: _ClassVar[SearchMethod]
    SEARCH_METHOD_HESSIAN_GP: _ClassVar[SearchMethod]

class MissingPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MISSING_POLICY_UNSPECIFIED: _ClassVar[MissingPolicy]
    MISSING_POLICY_SHOW_AGAIN: _ClassVar[MissingPolicy]
    MISSING_POLICY_CARRY_OVER: _ClassVar[MissingPolicy]
    MISSING_POLICY_DROP: _ClassVar[MissingPolicy]

class Aggregation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AGGREGATION_UNSPECIFIED: _ClassVar[Aggregation]
    AGGREGATION_MEAN: _ClassVar[Aggregation]
    AGGREGATION_MEDIAN: _ClassVar[Aggregation]

class Balance(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BALANCE_UNSPECIFIED: _ClassVar[Balance]
    BALANCE_NONE: _ClassVar[Balance]
    BALANCE_BLOCK: _ClassVar[Balance]

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_SCORED: _ClassVar[Outcome]
    OUTCOME_FAILED: _ClassVar[Outcome]
    OUTCOME_ABANDONED: _ClassVar[Outcome]

class SessionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SESSION_STATE_UNSPECIFIED: _ClassVar[SessionState]
    SESSION_STATE_ACTIVE: _ClassVar[SessionState]
    SESSION_STATE_PAUSED: _ClassVar[SessionState]
    SESSION_STATE_CLOSED: _ClassVar[SessionState]

class ThreadState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    THREAD_STATE_UNSPECIFIED: _ClassVar[ThreadState]
    THREAD_STATE_EVOLVING: _ClassVar[ThreadState]
    THREAD_STATE_OPEN: _ClassVar[ThreadState]
    THREAD_STATE_FINISHED: _ClassVar[ThreadState]
    THREAD_STATE_FAILED: _ClassVar[ThreadState]
SEARCH_METHOD_UNSPECIFIED: SearchMethod
SEARCH_METHOD_CMA: SearchMethod
SEARCH_METHOD_HESSIAN_CMA: SearchMethod
SEARCH_METHOD_CHOLESKY_CMA: SearchMethod
SEARCH_METHOD_SPHERE_CMA: SearchMethod
SEARCH_METHOD_GENETIC: SearchMethod
SEARCH_METHOD_RANDOM: SearchMethod
SEARCH_METHOD_HESSIAN_GP: SearchMethod
MISSING_POLICY_UNSPECIFIED: MissingPolicy
MISSING_POLICY_SHOW_AGAIN: MissingPolicy
MISSING_POLICY_CARRY_OVER: MissingPolicy
MISSING_POLICY_DROP: MissingPolicy
AGGREGATION_UNSPECIFIED: Aggregation
AGGREGATION_MEAN: Aggregation
AGGREGATION_MEDIAN: Aggregation
BALANCE_UNSPECIFIED: Balance
BALANCE_NONE: Balance
BALANCE_BLOCK: Balance
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_SCORED: Outcome
OUTCOME_FAILED: Outcome
OUTCOME_ABANDONED: Outcome
SESSION_STATE_UNSPECIFIED: SessionState
SESSION_STATE_ACTIVE: SessionState
SESSION_STATE_PAUSED: SessionState
SESSION_STATE_CLOSED: SessionState
THREAD_STATE_UNSPECIFIED: ThreadState
THREAD_STATE_EVOLVING: ThreadState
THREAD_STATE_OPEN: ThreadState
THREAD_STATE_FINISHED: ThreadState
THREAD_STATE_FAILED: ThreadState

class SearchOptions(_message.Message):
    __slots__ = ("method", "population", "sigma", "exponent", "axes", "adapt_covariance", "radius", "first_angle", "last_angle", "decay_generations", "learning_rate", "parents", "mutation_rate", "mutation_size", "selectivity", "last_sigma", "negative_weights")
    METHOD_FIELD_NUMBER: _ClassVar[int]
    POPULATION_FIELD_NUMBER: _ClassVar[int]
    SIGMA_FIELD_NUMBER: _ClassVar[int]
    EXPONENT_FIELD_NUMBER: _ClassVar[int]
    AXES_FIELD_NUMBER: _ClassVar[int]
    ADAPT_COVARIANCE_FIELD_NUMBER: _ClassVar[int]
    RADIUS_FIELD_NUMBER: _ClassVar[int]
    FIRST_ANGLE_FIELD_NUMBER: _ClassVar[int]
    LAST_ANGLE_FIELD_NUMBER: _ClassVar[int]
    DECAY_GENERATIONS_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    MUTATION_RATE_FIELD_NUMBER: _ClassVar[int]
    MUTATION_SIZE_FIELD_NUMBER: _ClassVar[int]
    SELECTIVITY_FIELD_NUMBER: _ClassVar[int]
    LAST_SIGMA_FIELD_NUMBER: _ClassVar[int]
    NEGATIVE_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    method: SearchMethod
    population: int
    sigma: float
    exponent: float
    axes: int
    adapt_covariance: bool
    radius: float
    first_angle: float
    last_angle: float
    decay_generations: int
    learning_rate: float
    parents: int
    mutation_rate: float
    mutation_size: float
    selectivity: float
    last_sigma: float
    negative_weights: bool
    def __init__(self, method: _Optional[_Union[SearchMethod, str]] = ..., population: _Optional[int] = ..., sigma: _Optional[float] = ..., exponent: _Optional[float] = ..., axes: _Optional[int] = ..., adapt_covariance: bool = ..., radius: _Optional[float] = ..., first_angle: _Optional[float] = ..., last_angle: _Optional[float] = ..., decay_generations: _Optional[int] = ..., learning_rate: _Optional[float] = ..., parents: _Optional[int] = ..., mutation_rate: _Optional[float] = ..., mutation_size: _Optional[float] = ..., selectivity: _Optional[float] = ..., last_sigma: _Optional[float] = ..., negative_weights: bool = ...) -> None: ...

class SearchConstraint(_message.Message):
    __slots__ = ("min_norm", "max_norm", "truncation", "stay")
    MIN_NORM_FIELD_NUMBER: _ClassVar[int]
    MAX_NORM_FIELD_NUMBER: _ClassVar[int]
    TRUNCATION_FIELD_NUMBER: _ClassVar[int]
    STAY_FIELD_NUMBER: _ClassVar[int]
    min_norm: float
    max_norm: float
    truncation: float
    stay: str
    def __init__(self, min_norm: _Optional[float] = ..., max_norm: _Optional[float] = ..., truncation: _Optional[float] = ..., stay: _Optional[str] = ...) -> None: ...

class ThreadSpec(_message.Message):
    __slots__ = ("generator", "space", "optimizer", "eigenbasis", "minimize", "constraint", "class_label", "initial_latents", "max_generations", "planned_generations", "channel_weights")
    GENERATOR_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    EIGENBASIS_FIELD_NUMBER: _ClassVar[int]
    MINIMIZE_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINT_FIELD_NUMBER: _ClassVar[int]
    CLASS_LABEL_FIELD_NUMBER: _ClassVar[int]
    INITIAL_LATENTS_FIELD_NUMBER: _ClassVar[int]
    MAX_GENERATIONS_FIELD_NUMBER: _ClassVar[int]
    PLANNED_GENERATIONS_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    generator: str
    space: str
    optimizer: SearchOptions
    eigenbasis: str
    minimize: bool
    constraint: SearchConstraint
    class_label: str
    initial_latents: _values_pb2.Tensor
    max_generations: int
    planned_generations: int
    channel_weights: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, generator: _Optional[str] = ..., space: _Optional[str] = ..., optimizer: _Optional[_Union[SearchOptions, _Mapping]] = ..., eigenbasis: _Optional[str] = ..., minimize: bool = ..., constraint: _Optional[_Union[SearchConstraint, _Mapping]] = ..., class_label: _Optional[str] = ..., initial_latents: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., max_generations: _Optional[int] = ..., planned_generations: _Optional[int] = ..., channel_weights: _Optional[_Iterable[float]] = ...) -> None: ...

class ReferenceImage(_message.Message):
    __slots__ = ("label", "image")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    label: str
    image: _values_pb2.Image
    def __init__(self, label: _Optional[str] = ..., image: _Optional[_Union[_values_pb2.Image, _Mapping]] = ...) -> None: ...

class ImageOptions(_message.Message):
    __slots__ = ("width", "height", "greyscale", "mean_luminance", "contrast", "format")
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    GREYSCALE_FIELD_NUMBER: _ClassVar[int]
    MEAN_LUMINANCE_FIELD_NUMBER: _ClassVar[int]
    CONTRAST_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    width: int
    height: int
    greyscale: bool
    mean_luminance: float
    contrast: float
    format: _values_pb2.ImageFormat
    def __init__(self, width: _Optional[int] = ..., height: _Optional[int] = ..., greyscale: bool = ..., mean_luminance: _Optional[float] = ..., contrast: _Optional[float] = ..., format: _Optional[_Union[_values_pb2.ImageFormat, str]] = ...) -> None: ...

class ScoreOptions(_message.Message):
    __slots__ = ("repetitions", "aggregation", "missing", "max_shows", "min_scored")
    REPETITIONS_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    MAX_SHOWS_FIELD_NUMBER: _ClassVar[int]
    MIN_SCORED_FIELD_NUMBER: _ClassVar[int]
    repetitions: int
    aggregation: Aggregation
    missing: MissingPolicy
    max_shows: int
    min_scored: float
    def __init__(self, repetitions: _Optional[int] = ..., aggregation: _Optional[_Union[Aggregation, str]] = ..., missing: _Optional[_Union[MissingPolicy, str]] = ..., max_shows: _Optional[int] = ..., min_scored: _Optional[float] = ...) -> None: ...

class DryRun(_message.Message):
    __slots__ = ("noise", "failing")
    NOISE_FIELD_NUMBER: _ClassVar[int]
    FAILING_FIELD_NUMBER: _ClassVar[int]
    noise: float
    failing: float
    def __init__(self, noise: _Optional[float] = ..., failing: _Optional[float] = ...) -> None: ...

class SessionSpec(_message.Message):
    __slots__ = ("title", "threads", "references", "references_per_generation", "scores", "images", "seed", "lease", "dry_run", "notes", "balance")
    class NotesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TITLE_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    REFERENCES_PER_GENERATION_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    BALANCE_FIELD_NUMBER: _ClassVar[int]
    title: str
    threads: _containers.RepeatedCompositeFieldContainer[ThreadSpec]
    references: _containers.RepeatedCompositeFieldContainer[ReferenceImage]
    references_per_generation: int
    scores: ScoreOptions
    images: ImageOptions
    seed: int
    lease: _duration_pb2.Duration
    dry_run: DryRun
    notes: _containers.ScalarMap[str, str]
    balance: Balance
    def __init__(self, title: _Optional[str] = ..., threads: _Optional[_Iterable[_Union[ThreadSpec, _Mapping]]] = ..., references: _Optional[_Iterable[_Union[ReferenceImage, _Mapping]]] = ..., references_per_generation: _Optional[int] = ..., scores: _Optional[_Union[ScoreOptions, _Mapping]] = ..., images: _Optional[_Union[ImageOptions, _Mapping]] = ..., seed: _Optional[int] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., dry_run: _Optional[_Union[DryRun, _Mapping]] = ..., notes: _Optional[_Mapping[str, str]] = ..., balance: _Optional[_Union[Balance, str]] = ...) -> None: ...

class GenerationSummary(_message.Message):
    __slots__ = ("thread", "generation", "images", "scored", "dropped", "carried", "mean_score", "best_score", "best_image_id", "closed", "mean_distance", "mean_typicality", "best_distance", "best_typicality")
    THREAD_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    SCORED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    CARRIED_FIELD_NUMBER: _ClassVar[int]
    MEAN_SCORE_FIELD_NUMBER: _ClassVar[int]
    BEST_SCORE_FIELD_NUMBER: _ClassVar[int]
    BEST_IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    MEAN_DISTANCE_FIELD_NUMBER: _ClassVar[int]
    MEAN_TYPICALITY_FIELD_NUMBER: _ClassVar[int]
    BEST_DISTANCE_FIELD_NUMBER: _ClassVar[int]
    BEST_TYPICALITY_FIELD_NUMBER: _ClassVar[int]
    thread: int
    generation: int
    images: int
    scored: int
    dropped: int
    carried: int
    mean_score: float
    best_score: float
    best_image_id: str
    closed: bool
    mean_distance: float
    mean_typicality: float
    best_distance: float
    best_typicality: float
    def __init__(self, thread: _Optional[int] = ..., generation: _Optional[int] = ..., images: _Optional[int] = ..., scored: _Optional[int] = ..., dropped: _Optional[int] = ..., carried: _Optional[int] = ..., mean_score: _Optional[float] = ..., best_score: _Optional[float] = ..., best_image_id: _Optional[str] = ..., closed: bool = ..., mean_distance: _Optional[float] = ..., mean_typicality: _Optional[float] = ..., best_distance: _Optional[float] = ..., best_typicality: _Optional[float] = ...) -> None: ...

class Thread(_message.Message):
    __slots__ = ("thread", "state", "current", "error", "best_score", "best_image_id", "waiting_for", "best_distance", "best_typicality")
    THREAD_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    BEST_SCORE_FIELD_NUMBER: _ClassVar[int]
    BEST_IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_FIELD_NUMBER: _ClassVar[int]
    BEST_DISTANCE_FIELD_NUMBER: _ClassVar[int]
    BEST_TYPICALITY_FIELD_NUMBER: _ClassVar[int]
    thread: int
    state: ThreadState
    current: GenerationSummary
    error: _status_pb2.Status
    best_score: float
    best_image_id: str
    waiting_for: str
    best_distance: float
    best_typicality: float
    def __init__(self, thread: _Optional[int] = ..., state: _Optional[_Union[ThreadState, str]] = ..., current: _Optional[_Union[GenerationSummary, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., best_score: _Optional[float] = ..., best_image_id: _Optional[str] = ..., waiting_for: _Optional[str] = ..., best_distance: _Optional[float] = ..., best_typicality: _Optional[float] = ...) -> None: ...

class Session(_message.Message):
    __slots__ = ("name", "spec", "state", "threads", "create_time", "update_time", "trials", "last_sequence", "version", "weights_hashes", "pending", "pause_reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_HASHES_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    PAUSE_REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    spec: SessionSpec
    state: SessionState
    threads: _containers.RepeatedCompositeFieldContainer[Thread]
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    trials: int
    last_sequence: int
    version: str
    weights_hashes: _containers.RepeatedScalarFieldContainer[str]
    pending: _containers.RepeatedCompositeFieldContainer[ClientTrials]
    pause_reason: str
    def __init__(self, name: _Optional[str] = ..., spec: _Optional[_Union[SessionSpec, _Mapping]] = ..., state: _Optional[_Union[SessionState, str]] = ..., threads: _Optional[_Iterable[_Union[Thread, _Mapping]]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., trials: _Optional[int] = ..., last_sequence: _Optional[int] = ..., version: _Optional[str] = ..., weights_hashes: _Optional[_Iterable[str]] = ..., pending: _Optional[_Iterable[_Union[ClientTrials, _Mapping]]] = ..., pause_reason: _Optional[str] = ...) -> None: ...

class ClientTrials(_message.Message):
    __slots__ = ("client", "trials", "lease_time")
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    LEASE_TIME_FIELD_NUMBER: _ClassVar[int]
    client: str
    trials: int
    lease_time: _timestamp_pb2.Timestamp
    def __init__(self, client: _Optional[str] = ..., trials: _Optional[int] = ..., lease_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateSessionRequest(_message.Message):
    __slots__ = ("request_id", "spec", "validate_only")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    spec: SessionSpec
    validate_only: bool
    def __init__(self, request_id: _Optional[str] = ..., spec: _Optional[_Union[SessionSpec, _Mapping]] = ..., validate_only: bool = ...) -> None: ...

class GetSessionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListSessionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "states", "match")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    states: _containers.RepeatedScalarFieldContainer[SessionState]
    match: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., states: _Optional[_Iterable[_Union[SessionState, str]]] = ..., match: _Optional[str] = ...) -> None: ...

class ListSessionsResponse(_message.Message):
    __slots__ = ("sessions", "next_page_token", "unreadable")
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    UNREADABLE_FIELD_NUMBER: _ClassVar[int]
    sessions: _containers.RepeatedCompositeFieldContainer[Session]
    next_page_token: str
    unreadable: _containers.RepeatedCompositeFieldContainer[_values_pb2.UnreadableResource]
    def __init__(self, sessions: _Optional[_Iterable[_Union[Session, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., unreadable: _Optional[_Iterable[_Union[_values_pb2.UnreadableResource, _Mapping]]] = ...) -> None: ...

class AskRequest(_message.Message):
    __slots__ = ("session", "request_id", "count", "threads", "include_images", "wait", "client")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_IMAGES_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    session: str
    request_id: str
    count: int
    threads: _containers.RepeatedScalarFieldContainer[int]
    include_images: bool
    wait: _duration_pb2.Duration
    client: str
    def __init__(self, session: _Optional[str] = ..., request_id: _Optional[str] = ..., count: _Optional[int] = ..., threads: _Optional[_Iterable[int]] = ..., include_images: bool = ..., wait: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., client: _Optional[str] = ...) -> None: ...

class Trial(_message.Message):
    __slots__ = ("trial_id", "image_id", "thread", "generation", "repetition", "reference", "image", "lease_time", "image_path", "distance", "typicality")
    TRIAL_ID_FIELD_NUMBER: _ClassVar[int]
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    THREAD_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    REPETITION_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    LEASE_TIME_FIELD_NUMBER: _ClassVar[int]
    IMAGE_PATH_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    TYPICALITY_FIELD_NUMBER: _ClassVar[int]
    trial_id: str
    image_id: str
    thread: int
    generation: int
    repetition: int
    reference: bool
    image: _values_pb2.Image
    lease_time: _timestamp_pb2.Timestamp
    image_path: str
    distance: float
    typicality: float
    def __init__(self, trial_id: _Optional[str] = ..., image_id: _Optional[str] = ..., thread: _Optional[int] = ..., generation: _Optional[int] = ..., repetition: _Optional[int] = ..., reference: bool = ..., image: _Optional[_Union[_values_pb2.Image, _Mapping]] = ..., lease_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., image_path: _Optional[str] = ..., distance: _Optional[float] = ..., typicality: _Optional[float] = ...) -> None: ...

class AskResponse(_message.Message):
    __slots__ = ("trials", "retry_after_ms", "more", "finished", "waiting_for")
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_FIELD_NUMBER: _ClassVar[int]
    trials: _containers.RepeatedCompositeFieldContainer[Trial]
    retry_after_ms: int
    more: bool
    finished: bool
    waiting_for: str
    def __init__(self, trials: _Optional[_Iterable[_Union[Trial, _Mapping]]] = ..., retry_after_ms: _Optional[int] = ..., more: bool = ..., finished: bool = ..., waiting_for: _Optional[str] = ...) -> None: ...

class TrialReport(_message.Message):
    __slots__ = ("trial_id", "image_id", "score", "channel_values", "outcome", "t_onset", "note")
    TRIAL_ID_FIELD_NUMBER: _ClassVar[int]
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_VALUES_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    T_ONSET_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    trial_id: str
    image_id: str
    score: float
    channel_values: _containers.RepeatedScalarFieldContainer[float]
    outcome: Outcome
    t_onset: float
    note: str
    def __init__(self, trial_id: _Optional[str] = ..., image_id: _Optional[str] = ..., score: _Optional[float] = ..., channel_values: _Optional[_Iterable[float]] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., t_onset: _Optional[float] = ..., note: _Optional[str] = ...) -> None: ...

class TrialColumns(_message.Message):
    __slots__ = ("trial_ids", "image_ids", "scores", "valid", "t_onsets")
    TRIAL_IDS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_IDS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    VALID_FIELD_NUMBER: _ClassVar[int]
    T_ONSETS_FIELD_NUMBER: _ClassVar[int]
    trial_ids: _containers.RepeatedScalarFieldContainer[str]
    image_ids: _containers.RepeatedScalarFieldContainer[str]
    scores: _containers.RepeatedScalarFieldContainer[float]
    valid: _containers.RepeatedScalarFieldContainer[bool]
    t_onsets: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, trial_ids: _Optional[_Iterable[str]] = ..., image_ids: _Optional[_Iterable[str]] = ..., scores: _Optional[_Iterable[float]] = ..., valid: _Optional[_Iterable[bool]] = ..., t_onsets: _Optional[_Iterable[float]] = ...) -> None: ...

class TellRequest(_message.Message):
    __slots__ = ("session", "trials", "columns", "end_generation")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    END_GENERATION_FIELD_NUMBER: _ClassVar[int]
    session: str
    trials: _containers.RepeatedCompositeFieldContainer[TrialReport]
    columns: TrialColumns
    end_generation: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, session: _Optional[str] = ..., trials: _Optional[_Iterable[_Union[TrialReport, _Mapping]]] = ..., columns: _Optional[_Union[TrialColumns, _Mapping]] = ..., end_generation: _Optional[_Iterable[int]] = ...) -> None: ...

class TellResponse(_message.Message):
    __slots__ = ("recorded", "repeated_reports", "late", "threads")
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    REPEATED_REPORTS_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    recorded: int
    repeated_reports: int
    late: int
    threads: _containers.RepeatedCompositeFieldContainer[Thread]
    def __init__(self, recorded: _Optional[int] = ..., repeated_reports: _Optional[int] = ..., late: _Optional[int] = ..., threads: _Optional[_Iterable[_Union[Thread, _Mapping]]] = ...) -> None: ...

class ReclaimTrialsRequest(_message.Message):
    __slots__ = ("session", "request_id", "client", "all_clients")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    ALL_CLIENTS_FIELD_NUMBER: _ClassVar[int]
    session: str
    request_id: str
    client: str
    all_clients: bool
    def __init__(self, session: _Optional[str] = ..., request_id: _Optional[str] = ..., client: _Optional[str] = ..., all_clients: bool = ...) -> None: ...

class ReclaimTrialsResponse(_message.Message):
    __slots__ = ("trial_ids", "pending")
    TRIAL_IDS_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    trial_ids: _containers.RepeatedScalarFieldContainer[str]
    pending: _containers.RepeatedCompositeFieldContainer[ClientTrials]
    def __init__(self, trial_ids: _Optional[_Iterable[str]] = ..., pending: _Optional[_Iterable[_Union[ClientTrials, _Mapping]]] = ...) -> None: ...

class PauseSessionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ResumeSessionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class CloseSessionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class DeleteSessionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetSessionImageRequest(_message.Message):
    __slots__ = ("session", "image_id")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    IMAGE_ID_FIELD_NUMBER: _ClassVar[int]
    session: str
    image_id: str
    def __init__(self, session: _Optional[str] = ..., image_id: _Optional[str] = ...) -> None: ...

class WatchSessionRequest(_message.Message):
    __slots__ = ("name", "after_sequence")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    after_sequence: int
    def __init__(self, name: _Optional[str] = ..., after_sequence: _Optional[int] = ...) -> None: ...

class SessionEvent(_message.Message):
    __slots__ = ("sequence", "time", "state", "generation_opened", "asked", "told", "generation_closed", "image_ready", "thread_failed")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    GENERATION_OPENED_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    TOLD_FIELD_NUMBER: _ClassVar[int]
    GENERATION_CLOSED_FIELD_NUMBER: _ClassVar[int]
    IMAGE_READY_FIELD_NUMBER: _ClassVar[int]
    THREAD_FAILED_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    time: _timestamp_pb2.Timestamp
    state: SessionState
    generation_opened: GenerationSummary
    asked: TrialIds
    told: TrialIds
    generation_closed: GenerationSummary
    image_ready: str
    thread_failed: Thread
    def __init__(self, sequence: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[SessionState, str]] = ..., generation_opened: _Optional[_Union[GenerationSummary, _Mapping]] = ..., asked: _Optional[_Union[TrialIds, _Mapping]] = ..., told: _Optional[_Union[TrialIds, _Mapping]] = ..., generation_closed: _Optional[_Union[GenerationSummary, _Mapping]] = ..., image_ready: _Optional[str] = ..., thread_failed: _Optional[_Union[Thread, _Mapping]] = ...) -> None: ...

class TrialIds(_message.Message):
    __slots__ = ("trial_ids",)
    TRIAL_IDS_FIELD_NUMBER: _ClassVar[int]
    trial_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, trial_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ExportSessionRequest(_message.Message):
    __slots__ = ("name", "include_images", "first_generation")
    NAME_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_IMAGES_FIELD_NUMBER: _ClassVar[int]
    FIRST_GENERATION_FIELD_NUMBER: _ClassVar[int]
    name: str
    include_images: bool
    first_generation: int
    def __init__(self, name: _Optional[str] = ..., include_images: bool = ..., first_generation: _Optional[int] = ...) -> None: ...

class GenerationRecord(_message.Message):
    __slots__ = ("summary", "image_ids", "latents", "scores", "origins", "open_time", "close_time", "images", "distances", "typicalities")
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    IMAGE_IDS_FIELD_NUMBER: _ClassVar[int]
    LATENTS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    ORIGINS_FIELD_NUMBER: _ClassVar[int]
    OPEN_TIME_FIELD_NUMBER: _ClassVar[int]
    CLOSE_TIME_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    TYPICALITIES_FIELD_NUMBER: _ClassVar[int]
    summary: GenerationSummary
    image_ids: _containers.RepeatedScalarFieldContainer[str]
    latents: _values_pb2.Tensor
    scores: _values_pb2.Tensor
    origins: _containers.RepeatedCompositeFieldContainer[Origin]
    open_time: _timestamp_pb2.Timestamp
    close_time: _timestamp_pb2.Timestamp
    images: _containers.RepeatedCompositeFieldContainer[_values_pb2.Image]
    distances: _values_pb2.Tensor
    typicalities: _values_pb2.Tensor
    def __init__(self, summary: _Optional[_Union[GenerationSummary, _Mapping]] = ..., image_ids: _Optional[_Iterable[str]] = ..., latents: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., scores: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., origins: _Optional[_Iterable[_Union[Origin, _Mapping]]] = ..., open_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., close_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., images: _Optional[_Iterable[_Union[_values_pb2.Image, _Mapping]]] = ..., distances: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ..., typicalities: _Optional[_Union[_values_pb2.Tensor, _Mapping]] = ...) -> None: ...

class Origin(_message.Message):
    __slots__ = ("kind", "parents")
    KIND_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    kind: str
    parents: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, kind: _Optional[str] = ..., parents: _Optional[_Iterable[str]] = ...) -> None: ...

class TrialRecord(_message.Message):
    __slots__ = ("report", "thread", "generation", "repetition", "score", "ask_time", "tell_time", "late", "client")
    REPORT_FIELD_NUMBER: _ClassVar[int]
    THREAD_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    REPETITION_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    ASK_TIME_FIELD_NUMBER: _ClassVar[int]
    TELL_TIME_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    report: TrialReport
    thread: int
    generation: int
    repetition: int
    score: float
    ask_time: _timestamp_pb2.Timestamp
    tell_time: _timestamp_pb2.Timestamp
    late: bool
    client: str
    def __init__(self, report: _Optional[_Union[TrialReport, _Mapping]] = ..., thread: _Optional[int] = ..., generation: _Optional[int] = ..., repetition: _Optional[int] = ..., score: _Optional[float] = ..., ask_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., tell_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., late: bool = ..., client: _Optional[str] = ...) -> None: ...

class SessionPiece(_message.Message):
    __slots__ = ("session", "generation", "trial", "reference")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    session: Session
    generation: GenerationRecord
    trial: TrialRecord
    reference: ReferenceImage
    def __init__(self, session: _Optional[_Union[Session, _Mapping]] = ..., generation: _Optional[_Union[GenerationRecord, _Mapping]] = ..., trial: _Optional[_Union[TrialRecord, _Mapping]] = ..., reference: _Optional[_Union[ReferenceImage, _Mapping]] = ...) -> None: ...
