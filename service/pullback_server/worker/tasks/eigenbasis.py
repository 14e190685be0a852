"""Computes an eigenbasis."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from pullback import generators
from pullback.geometry import EstimatorState, metric_estimator, separate_blocks
from pullback_api.v1 import specs_pb2
from pullback_server.names import parse_generator
from pullback_server.specs import METRIC_METHODS, blocks_of
from pullback_server.specs.eigenbasis import DEFAULT_TOLERANCE
from pullback_server.worker.messages import Progressed, StartJob
from pullback_server.worker.models import Models
from pullback_server.worker.tasks.task import Task

_MIB = 2**20


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
            samples="auto" if spec.automatic else spec.samples,
            max_samples=spec.samples if spec.automatic else None,
            tolerance=spec.tolerance or DEFAULT_TOLERANCE,
            seed=spec.seed,
            k=spec.k or None,
            max_memory=spec.max_memory_mib * _MIB or None,
        )
        self._blocks = blocks_of(generators.entry(name), spec.space) if spec.separate else {}
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
        basis = self._estimator.result(self._current)
        return (separate_blocks(basis, self._blocks) if self._blocks else basis).to_bytes()

    def _state(self) -> dict[str, Tensor]:
        return self._current.to_tensors()

    def _set_state(self, tensors: dict[str, Tensor]) -> None:
        self._current = EstimatorState.from_tensors(tensors)
