"""Computes an eigenbasis."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from pullback.geometry import EstimatorState, metric_estimator
from pullback_api.v1 import specs_pb2
from pullback_server.names import parse_generator
from pullback_server.specs import METRIC_METHODS
from pullback_server.worker.messages import Progressed, StartJob
from pullback_server.worker.models import Models
from pullback_server.worker.tasks.task import Task


class EigenbasisTask(Task):
    """One step is one batch of probes or positions."""

    def __init__(self, start: StartJob, models: Models, tell_phase: Callable[[str], None]) -> None:
        spec = specs_pb2.EigenbasisSpec.FromString(start.work)
        name = parse_generator(spec.generator, "generator")
        tell_phase(f"loading {name} and {spec.distance}")
        self._estimator = metric_estimator(
            models.generator(name),
            models.distance(spec.distance),
            spec.space,
            method=METRIC_METHODS[spec.method],
            samples=spec.samples,
            seed=spec.seed,
        )
        self._current = self._estimator.init()

    @property
    def done(self) -> bool:
        """Whether all samples are in the average."""
        return self._estimator.done(self._current)

    def step(self) -> None:
        """Adds one batch."""
        self._current = self._estimator.step(self._current)

    def progress(self, job: str) -> Progressed:
        """Samples so far."""
        return Progressed(job, "averaging the metric", self._current.samples, self._estimator.samples)

    def result(self) -> bytes:
        """The eigenbasis' safetensors file."""
        return self._estimator.result(self._current).to_bytes()

    def _state(self) -> dict[str, Tensor]:
        return self._current.to_tensors()

    def _set_state(self, tensors: dict[str, Tensor]) -> None:
        self._current = EstimatorState.from_tensors(tensors)
