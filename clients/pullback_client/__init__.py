"""Pullback's Python client: GAN inversion, search and eigenbases from a Pullback server. Needs no torch.

from pullback_client import Client

with Client() as client:
    result = client.invert("me.jpg", "faces")
    result.save("me.png")
"""

from __future__ import annotations

from pullback_client.analysis import (
    Analysis,
    AnalysisInfo,
    ApparentSpeed,
    AxisStrip,
    DimsFor,
    DistanceComparison,
    Homogeneity,
    LayerAmplification,
    Spectrum,
)
from pullback_client.client import CALL_TIMEOUT, DEFAULT_TARGET, RENDER_TIMEOUT, Client
from pullback_client.eigenbasis import Eigenbasis, EigenbasisInfo
from pullback_client.errors import (
    AlreadyExistsError,
    BadResponseError,
    CallCancelledError,
    ClientError,
    DeadlineExceededError,
    FailedPreconditionError,
    FieldViolation,
    InternalError,
    InvalidArgumentError,
    JobCancelledError,
    JobError,
    JobFailedError,
    NotFoundError,
    ResourceExhaustedError,
    ServerStartError,
    UnavailableError,
)
from pullback_client.images import ImageInput
from pullback_client.inversion import BestSoFar, Inversion, InversionFailure, InversionOutcome, Solution
from pullback_client.inversion_options import Box, InversionOptions
from pullback_client.jobs import JOB_TIMEOUT, OUTAGE_TIMEOUT, Job
from pullback_client.models import Distance, Generator, JobEvent, JobState, LatentSpace, Portion, Progress
from pullback_client.pasting import Alignment
from pullback_client.search import (
    Batch,
    BestImage,
    EvolutionSession,
    EvolveOptions,
    EvolveThread,
    GenerationRecord,
    GenerationSummary,
    Origin,
    SessionEvent,
    SessionHistory,
    SessionState,
    SessionStatus,
    TellOutcome,
    ThreadState,
    ThreadStatus,
    Trial,
    TrialRecord,
    TrialResult,
)
from pullback_client.server import LocalServer

__all__ = [
    "CALL_TIMEOUT",
    "DEFAULT_TARGET",
    "JOB_TIMEOUT",
    "OUTAGE_TIMEOUT",
    "RENDER_TIMEOUT",
    "Alignment",
    "AlreadyExistsError",
    "Analysis",
    "AnalysisInfo",
    "ApparentSpeed",
    "AxisStrip",
    "BadResponseError",
    "Batch",
    "BestImage",
    "BestSoFar",
    "Box",
    "CallCancelledError",
    "Client",
    "ClientError",
    "DeadlineExceededError",
    "DimsFor",
    "Distance",
    "DistanceComparison",
    "Eigenbasis",
    "EigenbasisInfo",
    "EvolutionSession",
    "EvolveOptions",
    "EvolveThread",
    "FailedPreconditionError",
    "FieldViolation",
    "GenerationRecord",
    "GenerationSummary",
    "Generator",
    "Homogeneity",
    "ImageInput",
    "InternalError",
    "InvalidArgumentError",
    "Inversion",
    "InversionFailure",
    "InversionOptions",
    "InversionOutcome",
    "Job",
    "JobCancelledError",
    "JobError",
    "JobEvent",
    "JobFailedError",
    "JobState",
    "LatentSpace",
    "LayerAmplification",
    "LocalServer",
    "NotFoundError",
    "Origin",
    "Portion",
    "Progress",
    "ResourceExhaustedError",
    "ServerStartError",
    "SessionEvent",
    "SessionHistory",
    "SessionState",
    "SessionStatus",
    "Solution",
    "Spectrum",
    "TellOutcome",
    "ThreadState",
    "ThreadStatus",
    "Trial",
    "TrialRecord",
    "TrialResult",
    "UnavailableError",
]
