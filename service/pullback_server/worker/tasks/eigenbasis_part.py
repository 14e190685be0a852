"""Task of a part of an eigenbasis: some of its shards, for the worker that adds them up."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from pullback.geometry.estimators.estimator import Increment
from pullback.pieces import Underway
from pullback_api.v1 import specs_pb2
from pullback_server.protocol.messages import Progressed, StartJob
from pullback_server.worker.models import Models
from pullback_server.worker.tasks.shards import Shards, estimator_of, write_increments
from pullback_server.worker.tasks.task import Task


class EigenbasisPart(Task):
    """One step is one shard, in pieces."""

    def __init__(self, start: StartJob, models: Models, tell_phase: Callable[[str], None]) -> None:
        self._shards = Shards.from_bytes(start.part)
        self._estimator = estimator_of(specs_pb2.EigenbasisSpec.FromString(start.work), models, tell_phase)
        self._made: dict[int, Tensor] = {}
        self._shard: Underway[Increment] = Underway()

    @property
    def done(self) -> bool:
        """Whether all of its shards are there."""
        return len(self._made) == len(self._shards.numbers)

    def step(self) -> None:
        """Does a piece of the next shard."""
        number = self._shards.numbers[len(self._made)]
        made = self._shard.advance(lambda: self._estimator.increment_in_pieces(number, rows=self._shards.rows))
        if made is not None:
            self._made[number] = made

    @property
    def amid_step(self) -> bool:
        """Whether a shard is begun."""
        return self._shard.begun

    def progress(self, job: str) -> Progressed:
        """Shards so far."""
        return Progressed(job, "computing a part", len(self._made), len(self._shards.numbers))

    def result(self) -> bytes:
        """What its shards add, as `read_increments` reads it.

        Raises:
            PullbackError: They are not what the worker that it helps would compute.
        """
        self._shards.check_same(self._estimator)
        return write_increments(self._made)

    def _state(self) -> dict[str, Tensor]:
        return {str(number): each for number, each in self._made.items()}

    def _set_state(self, tensors: dict[str, Tensor]) -> None:
        self._made = {number: tensors[str(number)] for number in self._shards.numbers if str(number) in tensors}
        self._shard.forget()
