"""Jobs as they are watched: how many there are, how long they wait and take, and what workers do for them."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from pullback_api.v1 import specs_pb2, tunings_pb2
from pullback_server.protocol.messages import Worked
from pullback_server.specs import DIRECTION_METHODS, INVERSION_METHODS, METRIC_METHODS
from pullback_server.store import JOB_KINDS, JobRecord, JobState
from pullback_server.watching.context import about, trace_header
from pullback_server.watching.metrics import Metrics, from_zero
from pullback_server.watching.spans import Span, Tracing

_log = logging.getLogger(__name__)
_QUEUED, _RUNNING = "queued", "running"


@dataclass(frozen=True)
class RunningJob:
    """A job that a worker is at.

    Attributes:
        kind: Its kind.
        generator: Name of its generator; empty where that cannot be read.
        seconds: How long it has been running, since it last came from the queue.
    """

    kind: str
    generator: str
    seconds: float


@dataclass
class _Watched:
    """A job that has not ended.

    Attributes:
        kind: Its kind.
        generator: Name of its generator.
        method: How it computes.
        state: `queued` or `running`.
        since: Since when, by a clock that nobody sets.
        whole: Span from its submission, or from this server's start, to its end.
        waiting: Span of its time in the queue.
    """

    kind: str
    generator: str
    method: str
    state: str
    since: float
    whole: Span
    waiting: Span


class JobWatch:
    """Counts, times and traces jobs. Lives on the event loop.

    Args:
        metrics: Where they are counted.
        tracing: Where they are traced.
    """

    def __init__(self, metrics: Metrics, tracing: Tracing) -> None:
        self._metrics = metrics
        self._tracing = tracing
        self._jobs: dict[str, _Watched] = {}
        from_zero(metrics.jobs_ended, JOB_KINDS, [state.name.lower() for state in JobState if state.ended])

    @property
    def queued(self) -> int:
        """How many jobs wait, for a worker or for another job."""
        return len(self._jobs) - self.running

    @property
    def running(self) -> int:
        """How many jobs workers are at."""
        return sum(watched.state == _RUNNING for watched in self._jobs.values())

    def running_job(self, job_id: str) -> RunningJob | None:
        """A job that a worker is at; None where none is."""
        watched = self._jobs.get(job_id)
        if watched is None or watched.state != _RUNNING:
            return None
        return RunningJob(watched.kind, watched.generator, time.monotonic() - watched.since)

    def came(self, job: JobRecord) -> None:
        """A job is in the queue: it was submitted by the call that is being answered, or before this server began."""
        if job.id in self._jobs or job.state.ended:
            return
        generator, method = labels_of(job.kind, job.work)
        whole = self._tracing.begin(
            f"job {job.kind}",
            parent=trace_header(),
            attributes={"pullback.job": job.id, "pullback.generator": generator, "pullback.method": method},
        )
        waiting = self._tracing.begin("queue", parent=whole.header)
        self._jobs[job.id] = _Watched(job.kind, generator, method, _QUEUED, time.monotonic(), whole, waiting)
        self._metrics.jobs.labels(job.kind, _QUEUED).inc()

    def started(self, job: JobRecord) -> str:
        """A worker is given a job; returns the `traceparent` of what it does for it."""
        self.came(job)
        if (watched := self._jobs.get(job.id)) is None:
            return ""
        if watched.state == _QUEUED:
            self._metrics.queue_seconds.labels(watched.kind).observe(self._enter(watched, _RUNNING))
            watched.waiting.end()
        return watched.whole.header

    def requeued(self, job: JobRecord) -> None:
        """A job is back in the queue."""
        watched = self._jobs.get(job.id)
        if watched is not None and watched.state == _RUNNING:
            self._metrics.job_seconds.labels(watched.kind).observe(self._enter(watched, _QUEUED))
            watched.waiting = self._tracing.begin("queue", parent=watched.whole.header)

    def ended(self, job: JobRecord) -> None:
        """A job has ended."""
        if (watched := self._jobs.pop(job.id, None)) is None:
            return
        if watched.state == _RUNNING:
            self._metrics.job_seconds.labels(watched.kind).observe(time.monotonic() - watched.since)
        else:
            watched.waiting.end()
        with about(job=job.id):
            _log.info("job %s has ended: %s", job.id, job.state.name)
        self._metrics.jobs.labels(watched.kind, watched.state).dec()
        self._metrics.jobs_ended.labels(watched.kind, job.state.name.lower()).inc()
        watched.whole.end(failed="" if job.state == JobState.SUCCEEDED else job.state.name)

    def worked(self, message: Worked) -> None:
        """A worker says what it has done for a job."""
        if (watched := self._jobs.get(message.job)) is None:
            return
        labels = (watched.kind, watched.generator, watched.method)
        observe = self._metrics.step_seconds.labels(*labels).observe
        for seconds in message.steps:
            observe(seconds)
        if watched.kind in _EVALUATING:
            self._metrics.evaluations.labels(*labels).inc(message.evaluations)

    def _enter(self, watched: _Watched, state: str) -> float:
        """Notes that a job changes its state; returns how long it was in the one before, in seconds."""
        self._metrics.jobs.labels(watched.kind, watched.state).dec()
        self._metrics.jobs.labels(watched.kind, state).inc()
        watched.state, before, watched.since = state, watched.since, time.monotonic()
        return watched.since - before


_EVALUATING = ("eigenbasis", "inversion")


def labels_of(kind: str, work: bytes) -> tuple[str, str]:
    """Names of the generator and the method of a job, by its serialised specification; empty where it is damaged."""
    try:
        match kind:
            case "eigenbasis":
                basis = specs_pb2.EigenbasisSpec.FromString(work)
                name, method = basis.generator, METRIC_METHODS[basis.method]
            case "inversion":
                settings = specs_pb2.InversionSettings.FromString(work)
                name, method = settings.generator, INVERSION_METHODS[settings.method]
            case "directions":
                directions = specs_pb2.DirectionsSpec.FromString(work)
                name, method = directions.generator, DIRECTION_METHODS[directions.method]
            case "tuning":
                name, method = tunings_pb2.TuneRequest.FromString(work).settings.generator, "pivotal"
            case _:
                name, method = specs_pb2.AnalysisSpec.FromString(work).generator, kind
    except (DecodeError, KeyError):
        return "", ""
    # Of a tuning, whose name may be new, the generator that the catalogue knows.
    return name.removeprefix("generators/").partition("/")[0], method
