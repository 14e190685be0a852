"""Metrics of a server: what is counted and timed, in a registry of its own.

No label has a value that a client chooses: methods, codes, kinds and states are the contract's, generators the
catalogue's, parts the server's. So there are as many series after a year as after a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.process_collector import ProcessCollector

_CALL_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_STEP_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_JOB_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400)
_TRIAL_EVENTS = ("asked", "told", "dropped", "expired", "reclaimed")
_OF_WORK = ("kind", "generator", "method")


def from_zero(counter: Counter, *values: Iterable[str]) -> None:
    """Has a counter be there, at 0, for every combination of its labels' values.

    One that begins with its first count has not risen, for a Prometheus that is asked by how much it has.
    """
    for labels in product(*values):
        counter.labels(*labels)


class Metrics:
    """What is counted; nothing of it is known outside of its own registry.

    Attributes:
        registry: Knows all of them.
        calls: Calls that have ended.
        call_seconds: How long they took, streams and waits included.
        open_calls: Calls that are being answered.
        jobs: Jobs by state.
        jobs_ended: Jobs that have ended.
        queue_seconds: How long jobs waited, each time that a worker took one.
        job_seconds: How long they were with a worker, each time until they ended or went back to the queue.
        step_seconds: What a worker computed at a step of a job, its own share of what was computed together.
        evaluations: Latents that were evaluated: with their loss and gradient (inversion), their metric (eigenbasis).
        generations: Generations that searches opened.
        trials: Trials by what happened to them.
        sessions: Sessions in memory.
        stored_bytes: What the data folder holds.
        disk_free: What is free beside it.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry(auto_describe=True)
        # The server process itself: processor time, memory, descriptors.
        ProcessCollector(registry=registry)
        Info("pullback_build", "Version of Pullback.", registry=registry).info({"version": version("pullback")})
        call = ("transport", "method")
        self.calls = Counter("pullback_calls", "Calls that have ended.", (*call, "code"), registry=registry)
        self.call_seconds = Histogram(
            "pullback_call_seconds",
            "Duration of calls, streams and waits included.",
            call,
            buckets=_CALL_SECONDS,
            registry=registry,
        )
        self.open_calls = Gauge("pullback_open_calls", "Calls that are being answered.", call, registry=registry)
        self.jobs = Gauge(
            "pullback_jobs", "Jobs that wait for a worker or another job, or run.", ("kind", "state"), registry=registry
        )
        self.jobs_ended = Counter("pullback_jobs_ended", "Jobs that have ended.", ("kind", "state"), registry=registry)
        self.queue_seconds = Histogram(
            "pullback_job_queue_seconds",
            "Time in the queue, of each time that a worker took a job.",
            ("kind",),
            buckets=_JOB_SECONDS,
            registry=registry,
        )
        self.job_seconds = Histogram(
            "pullback_job_seconds",
            "Time with a worker, until a job ended or went back to the queue.",
            ("kind",),
            buckets=_JOB_SECONDS,
            registry=registry,
        )
        self.step_seconds = Histogram(
            "pullback_step_seconds",
            "Computing of a job's step: its share where several were computed together.",
            _OF_WORK,
            buckets=_STEP_SECONDS,
            registry=registry,
        )
        self.evaluations = Counter(
            "pullback_evaluations",
            "Latents evaluated: their loss and gradient (inversion), or their metric (eigenbasis).",
            _OF_WORK,
            registry=registry,
        )
        self.generations = Counter(
            "pullback_generations", "Generations that searches opened.", ("generator", "method"), registry=registry
        )
        self.trials = Counter(
            "pullback_trials", "Trials of searches, by what happened to them.", ("event",), registry=registry
        )
        from_zero(self.trials, _TRIAL_EVENTS)
        self.sessions = Gauge("pullback_sessions_in_memory", "Sessions that are in memory.", registry=registry)
        self.stored_bytes = Gauge(
            "pullback_stored_bytes", "Bytes that the data folder holds.", ("kind",), registry=registry
        )
        self.disk_free = Gauge("pullback_disk_free_bytes", "Bytes free where the data folder is.", registry=registry)
