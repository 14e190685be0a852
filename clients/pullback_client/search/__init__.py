"""Closed-loop search: sessions that evolve images for whatever gives them scores."""

from __future__ import annotations

from pullback_client.search.batch import Batch, Trial
from pullback_client.search.exchange import TellOutcome
from pullback_client.search.history import GenerationRecord, Origin, SessionHistory, TrialRecord
from pullback_client.search.options import EvolveOptions, EvolveThread
from pullback_client.search.records import (
    GenerationSummary,
    SessionEvent,
    SessionState,
    SessionStatus,
    ThreadState,
    ThreadStatus,
)
from pullback_client.search.results import TrialResult
from pullback_client.search.session import EvolutionSession
from pullback_client.search.view import BestImage

__all__ = [
    "Batch",
    "BestImage",
    "EvolutionSession",
    "EvolveOptions",
    "EvolveThread",
    "GenerationRecord",
    "GenerationSummary",
    "Origin",
    "SessionEvent",
    "SessionHistory",
    "SessionState",
    "SessionStatus",
    "TellOutcome",
    "ThreadState",
    "ThreadStatus",
    "Trial",
    "TrialRecord",
    "TrialResult",
]
