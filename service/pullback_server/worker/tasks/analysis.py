"""Analysis task: of a metric, and of walks along its eigenvectors and along directions."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from pullback.analysis.metric_analysis import AnalysisState, MetricAnalysis
from pullback.analysis.walk_analysis import WalkAnalysis
from pullback.pieces import Underway
from pullback_api.v1 import specs_pb2
from pullback_server.names import parse_generator
from pullback_server.protocol.messages import Progressed, StartJob
from pullback_server.worker.models import Models
from pullback_server.worker.tasks.analysis_result import analysis_message
from pullback_server.worker.tasks.task import Task

_MIB = 2**20
# Before the names of what the walks have in a checkpoint; the others are the metric's.
_WALKS = "walks/"


class AnalysisTask(Task):
    """One step is the metric at one position, in pieces, or a walk's unit; walks follow once the metric is known."""

    def __init__(self, start: StartJob, models: Models, tell_phase: Callable[[str], None]) -> None:
        self._spec = specs_pb2.AnalysisSpec.FromString(start.work)
        name = parse_generator(self._spec.generator, "generator")
        names = (self._spec.distance, *self._spec.compared_distances)
        tell_phase(f"loading {name} and {', '.join(names)}")
        generator, distance = models.generator(name), models.distance(self._spec.distance)
        self._metric = MetricAnalysis(
            generator,
            distance,
            self._spec.space,
            others=[models.distance(other) for other in self._spec.compared_distances],
            positions=self._spec.positions,
            control_positions=self._spec.control_positions,
            # None is said in jobs of before they were told apart.
            compared_positions=self._spec.compared_positions or None,
            seed=self._spec.seed,
            max_memory=self._spec.max_memory_mib * _MIB or None,
        )
        self._walks = WalkAnalysis(
            generator,
            distance,
            self._spec.space,
            positions=self._spec.control_positions,
            seed=self._spec.seed,
            embedding=models.pooled_features() if WalkAnalysis.needs_embedding(generator, self._spec.space) else None,
        )
        self._measured = self._metric.init()
        # None until the metric is known.
        self._walked: AnalysisState | None = None
        self._measurement: Underway[AnalysisState] = Underway()

    @property
    def done(self) -> bool:
        """Whether everything was measured."""
        return self._walked is not None and self._walks.done(self._walked)

    def step(self) -> None:
        """Does a piece of the next measurement."""
        if not self._metric.done(self._measured):
            added = self._measurement.advance(lambda: self._metric.step_in_pieces(self._measured))
            if added is not None:
                self._measured = added
            return
        if self._walked is None:
            self._walked = self._walks.init(self._metric.eigenvectors(self._measured))
        self._walked = self._walks.step(self._walked)

    @property
    def amid_step(self) -> bool:
        """Whether a measurement is begun."""
        return self._measurement.begun

    def progress(self, job: str) -> Progressed:
        """Units so far."""
        done, total = len(self._measured.tensors), self._metric.total + self._walks.total
        if self._walked is None:
            return Progressed(job, self._metric.phase(self._measured), done, total)
        return Progressed(job, self._walks.phase(self._walked), done + self._walks.made(self._walked), total)

    def result(self) -> bytes:
        """A serialised `MetricAnalysis`; the server fills in its name."""
        assert self._walked is not None  # noqa: S101  (asked for once it is done)
        found, walks = self._metric.result(self._measured), self._walks.result(self._walked)
        return analysis_message(found, walks, self._spec, self._metric).SerializeToString()

    def _state(self) -> dict[str, Tensor]:
        walked = self._walked.tensors if self._walked else {}
        return {**self._measured.tensors, **{_WALKS + name: tensor for name, tensor in walked.items()}}

    def _set_state(self, tensors: dict[str, Tensor]) -> None:
        walked = {name.removeprefix(_WALKS): tensor for name, tensor in tensors.items() if name.startswith(_WALKS)}
        self._measured = AnalysisState({name: each for name, each in tensors.items() if not name.startswith(_WALKS)})
        self._walked = AnalysisState(walked) if walked else None
        self._measurement.forget()
