"""Task of a part of a job: some of its shards, for the worker that puts them together."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from pullback.pieces import Underway
from pullback_server.protocol.messages import Progressed, StartJob
from pullback_server.worker.models import Models
from pullback_server.worker.parts import Part, Shard, ShardSource, read_shards, shards_to_bytes, write_shards
from pullback_server.worker.tasks import eigenbasis, inversion
from pullback_server.worker.tasks.task import Task

_SOURCES: dict[str, Callable[[StartJob, Models, Callable[[str], None]], ShardSource]] = {
    "eigenbasis": eigenbasis.source_of_part,
    "inversion": inversion.source_of_part,
}


class PartTask(Task):
    """One step is one shard, in pieces."""

    def __init__(self, start: StartJob, models: Models, tell_phase: Callable[[str], None]) -> None:
        self._part = Part.from_bytes(start.part)
        self._source = _SOURCES[start.kind](start, models, tell_phase)
        self._made: dict[int, Shard] = {}
        self._shard: Underway[Shard] = Underway()

    @property
    def done(self) -> bool:
        """Whether all of its shards are there."""
        return len(self._made) == len(self._part.numbers)

    def step(self) -> None:
        """Does a piece of the next shard."""
        number = self._part.numbers[len(self._made)]
        made = self._shard.advance(lambda: self._source.compute(number))
        if made is not None:
            self._made[number] = made

    @property
    def amid_step(self) -> bool:
        """Whether a shard is begun."""
        return self._shard.begun

    def progress(self, job: str) -> Progressed:
        """Shards so far."""
        return Progressed(job, "computing a part", len(self._made), len(self._part.numbers))

    def result(self) -> bytes:
        """Its shards, as `SharedShards.take` takes them.

        Raises:
            PullbackError: They are not what the worker that it helps would compute.
        """
        self._part.check_same(self._source)
        return shards_to_bytes(self._made)

    def _state(self) -> dict[str, Tensor]:
        return write_shards(self._made)

    def _set_state(self, tensors: dict[str, Tensor]) -> None:
        self._made = read_shards(tensors)
        self._shard.forget()
