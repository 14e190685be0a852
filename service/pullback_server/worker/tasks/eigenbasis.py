"""Eigenbasis task: an estimator's steps, some of them by other workers, and the eigenbasis that comes of them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from pullback import generators
from pullback.geometry import metric_estimator, separate_blocks
from pullback.geometry.estimators.estimator import MetricEstimator
from pullback.geometry.estimators.stored_rows import StoredRows
from pullback_api.v1 import specs_pb2
from pullback_server.names import parse_generator
from pullback_server.protocol.messages import Progressed, StartJob
from pullback_server.specs import METRIC_METHODS, blocks_of
from pullback_server.specs.eigenbasis import DEFAULT_TOLERANCE
from pullback_server.worker.models import Models
from pullback_server.worker.parts import Shard, ShardSource, SharedShards, of_estimator, read_shards, write_shards
from pullback_server.worker.tasks.task import SharedTask

_MIB = 2**20
# Before the names of shards that wait for those before them, in a checkpoint.
_AHEAD = "ahead/"


class EigenbasisTask(SharedTask):
    """One step is one shard, a batch of probes or a position, in pieces.

    What shards add is added in their order, so that a sketch comes to the same bits, and ends at the same sample, by
    however many workers it is made.
    """

    def __init__(self, start: StartJob, models: Models, tell_phase: Callable[[str], None]) -> None:
        spec = specs_pb2.EigenbasisSpec.FromString(start.work)
        self._estimator = _estimator_of(spec, models, tell_phase)
        name = parse_generator(spec.generator, "generator")
        self._blocks = blocks_of(generators.entry(name), spec.space) if spec.separate else {}
        self._current = self._estimator.init()
        self._shards = self._following({})

    @property
    def done(self) -> bool:
        """Whether all samples are in the average."""
        return self._estimator.done(self._current)

    def step(self) -> None:
        """Adds the next shard where it is there, or does a piece of one."""
        made = self._shards.advance()
        if made is not None:
            (increment,) = made
            self._current = self._estimator.add(self._current, self._estimator.next_shard(self._current), increment)

    @property
    def evaluations(self) -> int:
        """Samples that are in the average."""
        return self._current.samples

    @property
    def shards(self) -> SharedShards | None:
        """Its shards, unless its memory is bounded: then there is no room for what waits."""
        return self._shards if self._estimator.max_memory is None else None

    @property
    def amid_step(self) -> bool:
        """Whether a shard is begun."""
        return self._shards.begun

    def progress(self, job: str) -> Progressed:
        """Samples so far."""
        return Progressed(job, "averaging the metric", self._current.samples, self._estimator.samples)

    def result(self) -> bytes:
        """The eigenbasis' safetensors file."""
        basis = self._estimator.result(self._current)
        return (separate_blocks(basis, self._blocks) if self._blocks else basis).to_bytes()

    def _following(self, ahead: dict[int, Shard]) -> SharedShards:
        """The shards that the average lacks; some of them are there."""
        source = of_estimator(self._estimator, rows=isinstance(self._current, StoredRows))
        return SharedShards(source, wanted=self._estimator.next_shard(self._current), ahead=ahead)

    def _state(self) -> dict[str, Tensor]:
        ahead = {f"{_AHEAD}{name}": each for name, each in write_shards(self._shards.ahead).items()}
        return {**self._current.to_tensors(), **ahead}

    def _set_state(self, tensors: dict[str, Tensor]) -> None:
        ahead = {name: each for name, each in tensors.items() if name.startswith(_AHEAD)}
        self._current = self._estimator.restore({name: each for name, each in tensors.items() if name not in ahead})
        self._shards = self._following(read_shards({name.removeprefix(_AHEAD): each for name, each in ahead.items()}))


def source_of_part(start: StartJob, models: Models, tell_phase: Callable[[str], None]) -> ShardSource:
    """The shards of an eigenbasis that another worker adds up."""
    estimator = _estimator_of(specs_pb2.EigenbasisSpec.FromString(start.work), models, tell_phase)
    return of_estimator(estimator, rows=isinstance(estimator.init(), StoredRows))


def _estimator_of(spec: specs_pb2.EigenbasisSpec, models: Models, tell_phase: Callable[[str], None]) -> MetricEstimator:
    name = parse_generator(spec.generator, "generator")
    tell_phase(f"loading {name} and {spec.distance}")
    return metric_estimator(
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
