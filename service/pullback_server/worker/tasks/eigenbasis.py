"""Eigenbasis task: an estimator's steps, some of them by other workers, and the eigenbasis that comes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice

from torch import Tensor

from pullback import generators
from pullback.geometry import separate_blocks
from pullback.geometry.estimators.estimator import Increment
from pullback.geometry.estimators.stored_rows import StoredRows
from pullback.pieces import Underway
from pullback_api.v1 import specs_pb2
from pullback_server.names import parse_generator
from pullback_server.protocol.messages import Progressed, StartJob
from pullback_server.specs import blocks_of
from pullback_server.worker.models import Models
from pullback_server.worker.tasks.shards import Shards, estimator_of, read_increments
from pullback_server.worker.tasks.task import SharedTask

# How long another worker is at what it is given. Less is lost with it, and more is sent, where it is shorter.
PART_SECONDS = 1.0
# Of what shards add, as long as it waits for those before them.
AHEAD_BYTES = 64 * 2**20
# Before the names of what waits so in a checkpoint.
_AHEAD = "ahead/"


class EigenbasisTask(SharedTask):
    """One step is one shard, a batch of probes or a position, in pieces.

    What shards add is added in their order, whoever computed it, so that a sketch comes to the same bits, and ends at
    the same sample, by however many workers it is made. Nothing here waits for another worker: what one was given and
    is needed now is computed here too, and what comes first is taken.
    """

    def __init__(self, start: StartJob, models: Models, tell_phase: Callable[[str], None]) -> None:
        spec = specs_pb2.EigenbasisSpec.FromString(start.work)
        self._estimator = estimator_of(spec, models, tell_phase)
        name = parse_generator(spec.generator, "generator")
        self._blocks = blocks_of(generators.entry(name), spec.space) if spec.separate else {}
        self._current = self._estimator.init()
        # What later shards add, by number, and which other workers are at.
        self._ahead: dict[int, Tensor] = {}
        self._lent: set[int] = set()
        # The shard that is begun.
        self._number = 0
        self._shard: Underway[Increment] = Underway()
        self._made = 0
        self._seconds = 0.0
        self._increment_bytes = 0

    @property
    def done(self) -> bool:
        """Whether all samples are in the average."""
        return self._estimator.done(self._current)

    def step(self) -> None:
        """Adds the next shard where it is there, or does a piece of one."""
        began = time.perf_counter()
        following = self._estimator.next_shard(self._current)
        if not self._shard.begun:
            if following in self._ahead:
                self._add(following, self._ahead.pop(following))
                return
            self._number = self._next_to_compute(following)
        made = self._shard.advance(lambda: self._estimator.increment_in_pieces(self._number, rows=self._in_rows))
        self._seconds += time.perf_counter() - began
        if made is None:
            return
        self._made += 1
        self._increment_bytes = made.nbytes
        if self._number == following:
            self._add(following, made)
        else:
            self._ahead[self._number] = made

    def lend(self) -> bytes:
        """The shards after those that are taken, as many as take a second."""
        if not self._made or self._estimator.max_memory is not None:
            # It is not known how long they take; or there is no room for what waits.
            return b""
        seconds = self._seconds / self._made
        free = list(islice(self._free(), self._room))
        # As many are left for this worker.
        numbers = free[: min(max(1, round(PART_SECONDS / seconds)), len(free) // 2)]
        if not numbers or len(free) * seconds < PART_SECONDS:
            return b""
        self._lent.update(numbers)
        return Shards.of(self._estimator, numbers, rows=self._in_rows).to_bytes()

    def take(self, part: bytes, result: bytes) -> None:
        """Takes what another worker has computed; what it has not is computed here."""
        numbers = Shards.from_bytes(part).numbers
        self._lent.difference_update(numbers)
        finished = self._current.shards
        for number, increment in (read_increments(result) if result else {}).items():
            if number in numbers and number not in finished:
                self._ahead.setdefault(number, increment)

    @property
    def amid_step(self) -> bool:
        """Whether a shard is begun."""
        return self._shard.begun

    def progress(self, job: str) -> Progressed:
        """Samples so far."""
        return Progressed(job, "averaging the metric", self._current.samples, self._estimator.samples)

    def result(self) -> bytes:
        """The eigenbasis' safetensors file."""
        basis = self._estimator.result(self._current)
        return (separate_blocks(basis, self._blocks) if self._blocks else basis).to_bytes()

    def _add(self, number: int, increment: Tensor) -> None:
        self._current = self._estimator.add(self._current, number, increment)

    @property
    def _in_rows(self) -> bool:
        return isinstance(self._current, StoredRows)

    @property
    def _room(self) -> int:
        """How many more shards can be there before those that come first."""
        room = max(1, AHEAD_BYTES // max(1, self._increment_bytes))
        return max(0, room - len(self._ahead) - len(self._lent))

    def _free(self) -> Iterator[int]:
        """The shards that nobody is at, the first ones first."""
        finished = self._current.shards
        taken = {*finished, *self._ahead, *self._lent, *((self._number,) if self._shard.begun else ())}
        return (number for number in range(self._estimator.shards) if number not in taken)

    def _next_to_compute(self, following: int) -> int:
        """The shard that is begun now: the one that follows, or a later one while another worker is at it."""
        if following in self._lent and self._room > 0:
            return next(self._free(), following)
        return following

    def _state(self) -> dict[str, Tensor]:
        return {**self._current.to_tensors(), **{f"{_AHEAD}{number}": each for number, each in self._ahead.items()}}

    def _set_state(self, tensors: dict[str, Tensor]) -> None:
        ahead = {name: each for name, each in tensors.items() if name.startswith(_AHEAD)}
        self._current = self._estimator.restore({name: each for name, each in tensors.items() if name not in ahead})
        self._ahead = {int(name.removeprefix(_AHEAD)): each for name, each in ahead.items()}
        self._lent.clear()
        self._shard.forget()
