"""Plan of restarts: how many are alive when, by successive halving on a fixed budget."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from pullback.errors import InvalidInputError


@dataclass(frozen=True)
class Plan:
    """Rounds of a search: how many steps each restart makes in a round, and how many restarts there are.

    Attributes:
        lengths: Steps of each restart that is alive, round by round, each ≥ 1.
        alive: Restarts of an image that are alive, round by round, descending.
        evaluations: Evaluations of the generator in all, per image.
    """

    lengths: tuple[int, ...]
    alive: tuple[int, ...]
    evaluations: int

    @property
    def length(self) -> int:
        """Steps of a restart that is kept to the end: one more than its updates."""
        return sum(self.lengths)

    def alive_after(self, steps: int) -> int:
        """How many restarts go on after so many steps of each."""
        end = 0
        for length, alive in zip(self.lengths, self.alive, strict=True):
            end += length
            if steps < end:
                return alive
        return self.alive[-1]


def one_each(updates: int) -> int:
    """What updates cost that take one evaluation each."""
    return updates


def make_plan(
    restarts: int,
    *,
    steps: int,
    evaluations: int | None = None,
    thin: bool = False,
    cost: Callable[[int], int] = one_each,
) -> Plan:
    """A plan for some restarts.

    With thinning the worse half is given up again and again until one is left, and every round takes the same share
    of the steps (successive halving: Jamieson & Talwalkar, AISTATS 2016). Without, there is one round.

    Args:
        restarts: How many start, ≥ 1.
        steps: At most so many updates of a restart that is kept to the end, ≥ 1.
        evaluations: At most so many evaluations per image in all.
        thin: Whether restarts are given up.
        cost: How many evaluations the first so many updates of a restart take, rising from 0. What comes out of the
            last update takes one more.

    Raises:
        InvalidInputError: The evaluations do not suffice for one of each restart and one update.
    """
    alive = [restarts]
    while thin and alive[-1] > 1:
        alive.append(math.ceil(alive[-1] / 2))
    while len(alive) > steps + 1:
        del alive[1]
    most = steps + 1
    if evaluations is None:
        return _plan(alive, most, cost)
    least = _plan([restarts, 1] if len(alive) > 1 else [restarts], 2, cost).evaluations
    if evaluations < least:
        raise InvalidInputError(
            f"{evaluations} evaluations do not suffice for {restarts} restarts: expected at least {least}, "
            "or fewer restarts"
        )
    # A small budget halves less often.
    while len(alive) > 2 and _plan(alive, len(alive), cost).evaluations > evaluations:
        del alive[1]
    length = max(len(alive), 2)
    # The cost rises with the length, though not evenly: the greatest that fits is found by bisection.
    while length < most:
        middle = (length + most + 1) // 2
        if _plan(alive, middle, cost).evaluations <= evaluations:
            length = middle
        else:
            most = middle - 1
    return _plan(alive, length, cost)


def _plan(alive: list[int], length: int, cost: Callable[[int], int]) -> Plan:
    """Rounds of about equal cost that together have a length; each has one step at least."""
    rounds = len(alive)
    total = sum(1 / count for count in alive)
    ends, spent = [0], 0.0
    for number, count in enumerate(alive):
        spent += 1 / count
        # At least one each, for this round and those to come.
        end = round(length * spent / total)
        ends.append(min(max(end, ends[-1] + 1), length - (rounds - number - 1)))
    # The last step makes no update.
    updates = [*ends[:-1], length - 1]
    evaluations = alive[-1] + sum(
        count * (cost(after) - cost(before)) for count, (before, after) in zip(alive, pairwise(updates), strict=True)
    )
    return Plan(tuple(after - before for before, after in pairwise(ends)), tuple(alive), evaluations)
