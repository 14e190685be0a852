"""Shards that are wanted in their order, some of them computed by other workers: those with nothing else to do."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import islice

from pullback.pieces import Underway
from pullback_server.worker.parts.part import Part, shards_from_bytes
from pullback_server.worker.parts.sources import Shard, ShardSource

# How long another worker is at what it is given. Less is lost with it, and more is sent, where it is shorter.
PART_SECONDS = 1.0
# Of shards, as long as they wait for those before them.
AHEAD_BYTES = 64 * 2**20


class SharedShards:
    """The shards of a source, in their order, whoever computed them.

    So what is made of them comes to the same bits, by however many workers. Nothing here waits for another worker: what
    one was given and is wanted now is computed here too, and what comes first is taken.

    Args:
        source: What is computed.
        wanted: The shard that is wanted first.

    Attributes:
        ahead: Shards that are there before they are wanted, by number.
    """

    def __init__(self, source: ShardSource, *, wanted: int = 0, ahead: Mapping[int, Shard] | None = None) -> None:
        self.ahead: dict[int, Shard] = dict(ahead or {})
        self._source = source
        self._wanted = wanted
        # Those that other workers are at.
        self._lent: set[int] = set()
        # The one that is begun.
        self._number = 0
        self._shard: Underway[Shard] = Underway()
        self._made = 0
        self._seconds = 0.0
        self._bytes = 0

    @property
    def begun(self) -> bool:
        """Whether some pieces of a shard are computed, and some are left."""
        return self._shard.begun

    def advance(self) -> Shard | None:
        """Takes the shard that is wanted where it is there, or does a piece of one.

        Returns:
            The shard that is wanted, once it is there; the next one is wanted from then on. None before.
        """
        began = time.perf_counter()
        if not self._shard.begun:
            if self._wanted in self.ahead:
                self._wanted += 1
                return self.ahead.pop(self._wanted - 1)
            self._number = self._next_to_compute()
        made = self._shard.advance(lambda: self._source.compute(self._number))
        self._seconds += time.perf_counter() - began
        if made is None:
            return None
        self._made += 1
        self._bytes = sum(each.nbytes for each in made)
        if self._number == self._wanted:
            self._wanted += 1
            return made
        self.ahead[self._number] = made
        return None

    @property
    def lends(self) -> bool:
        """Whether there is something to lend at the moment."""
        return bool(self._to_lend())

    def lend(self) -> bytes:
        """A part that another worker is to compute, a second's work; empty where there is none at the moment."""
        numbers = self._to_lend()
        self._lent.update(numbers)
        return Part(numbers, self._source.computed_with()).to_bytes() if numbers else b""

    def take(self, part: bytes, result: bytes) -> None:
        """Takes what came of a part; what did not come is computed here.

        Args:
            part: As `lend` gave it.
            result: What the part's task made; empty where nothing came of it.
        """
        numbers = Part.from_bytes(part).numbers
        self._lent.difference_update(numbers)
        for number, shard in (shards_from_bytes(result) if result else {}).items():
            if number in numbers and number >= self._wanted:
                self.ahead.setdefault(number, shard)

    def _to_lend(self) -> tuple[int, ...]:
        """The shards after those that are taken, as many as take a second."""
        if not self._made:
            # It is not known how long they take.
            return ()
        seconds = self._seconds / self._made
        free = list(islice(self._free(), self._room))
        # As many are left for this worker.
        most = min(max(1, round(PART_SECONDS / seconds)), len(free) // 2)
        return tuple(free[:most]) if len(free) * seconds >= PART_SECONDS else ()

    @property
    def _room(self) -> int:
        """How many more shards can be there before those that come first."""
        room = max(1, AHEAD_BYTES // max(1, self._bytes))
        return max(0, room - len(self.ahead) - len(self._lent))

    def _free(self) -> Iterator[int]:
        """The shards that nobody is at, the first ones first."""
        taken = {*self.ahead, *self._lent, *((self._number,) if self._shard.begun else ())}
        return (number for number in range(self._wanted, self._source.shards) if number not in taken)

    def _next_to_compute(self) -> int:
        """The shard that is begun now: the one that is wanted, or a later one while another worker is at it."""
        if self._wanted in self._lent and self._room > 0:
            return next(self._free(), self._wanted)
        return self._wanted
