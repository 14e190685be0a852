"""Sessions as they are watched: generations and trials, counted as they are written down."""

from __future__ import annotations

from collections.abc import Iterable

from pullback_api.v1 import search_pb2
from pullback_server.sessions.state.events import (
    Asked,
    Event,
    GenerationClosed,
    GenerationOpened,
    LeasesExpired,
    Told,
    TrialsReclaimed,
)
from pullback_server.specs.search_thread import SEARCH_METHODS
from pullback_server.watching.metrics import Metrics


def count(metrics: Metrics, spec: search_pb2.SessionSpec, events: Iterable[Event]) -> None:
    """Counts events of a session that have just been written."""
    trials = metrics.trials
    for event in events:
        match event:
            case GenerationOpened(thread=number):
                thread = spec.threads[number]
                generator = thread.generator.removeprefix("generators/").partition("/")[0]
                metrics.generations.labels(generator, SEARCH_METHODS.get(thread.optimizer.method, "")).inc()
            case GenerationClosed(dropped=dropped):
                trials.labels("dropped").inc(len(dropped))
            case Asked(trials=asked):
                trials.labels("asked").inc(len(asked))
            case Told(tellings=tellings):
                trials.labels("told").inc(len(tellings))
            case LeasesExpired(trial_ids=ids):
                trials.labels("expired").inc(len(ids))
            case TrialsReclaimed(trial_ids=ids):
                trials.labels("reclaimed").inc(len(ids))
            case _:
                pass
