"""Batches of jobs: which ones a worker holds at the same time, and which it computes together; pure functions.

A worker holds many jobs and shares its time among them (`worker.shares`), so that none has to wait until another has
ended. What it may hold is bounded by the memory that jobs need between their steps, which grows with their rows; what
the steps themselves need does not, for they go through the networks in small chunks, a few at a time.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

# Rows that are computed together: more save no time, and would make the others of a batch wait for the largest.
BATCH_ROWS = 256
# A job of more rows than this is large.
LARGE_ROWS = 1_024
# Rows of the jobs of a worker, apart from a large one.
HELD_ROWS = 4_096
# Jobs go together while none of them has had this much more of the worker's time than another.
SLACK_SECONDS = 1.0


class Slot(enum.Enum):
    """What a worker has room for: one measurement, one large inversion, and small inversions of so many rows."""

    MEASUREMENT = enum.auto()
    LARGE = enum.auto()
    SMALL = enum.auto()


@dataclass(frozen=True)
class Load:
    """What a job asks of a worker.

    Attributes:
        batch: Jobs of the same batch can be computed together; empty for a measurement (an eigenbasis, an analysis,
            directions), which is computed by itself.
        rows: How many latents an inversion moves, images × restarts.
    """

    batch: str
    rows: int

    @property
    def slot(self) -> Slot:
        """Which of a worker's room the job takes."""
        if not self.batch:
            return Slot.MEASUREMENT
        return Slot.LARGE if self.rows > LARGE_ROWS else Slot.SMALL


MEASUREMENT = Load("", 0)


def has_room(held: Sequence[Load], load: Load) -> bool:
    """Whether a worker that holds those jobs can take another one."""
    beside = [each for each in held if each.slot == load.slot]
    if load.slot == Slot.SMALL:
        return sum(each.rows for each in beside) + load.rows <= HELD_ROWS
    return not beside


def place(waiting: Sequence[Load], workers: Sequence[Sequence[Load] | None]) -> list[tuple[int, int]]:
    """Which of the waiting jobs can start, and where.

    Those that need the same kind of room start in the order in which they came: none is overtaken for good by
    others that are easier to place. A job goes to an idle worker, else to one with jobs of its batch, else to the one
    with the fewest.

    Args:
        waiting: Jobs that wait, the oldest first.
        workers: What each worker holds; None for one that cannot take any.

    Returns:
        Pairs of the number of a job and the number of a worker, in the order of the jobs.
    """
    holds = {worker: list(held) for worker, held in enumerate(workers) if held is not None}
    full: set[Slot] = set()
    placed = []
    for number, load in enumerate(waiting):
        rooms = [worker for worker, held in holds.items() if has_room(held, load)]
        if load.slot in full or not rooms:
            full.add(load.slot)
            continue
        *_, worker = min((*_preference(holds[room], load), room) for room in rooms)
        placed.append((number, worker))
        holds[worker].append(load)
    return placed


def _preference(held: Sequence[Load], load: Load) -> tuple[bool, bool, int]:
    """What makes one worker a better place than another; less is better."""
    return bool(held), not any(each.batch == load.batch for each in held), len(held)


@dataclass(frozen=True)
class Candidate:
    """A job of a batch that could make its next step now.

    Attributes:
        job: Id of the job.
        rows: How many latents it moves.
        used: Seconds of the worker's time that it has had.
    """

    job: str
    rows: int
    used: float


def together(ready: Sequence[Candidate]) -> list[str]:
    """Which jobs of a batch make their next step together.

    The one that has had least is among them, alone if it is large; the others follow in the order of what they have
    had, as long as that is about the same and there is room. So jobs of different size get the same share of the time,
    and small ones make the more steps.

    Args:
        ready: Jobs of one batch, at least one.

    Returns:
        Their ids.
    """
    first, *others = sorted(ready, key=lambda each: each.used)
    chosen, rows = [first.job], first.rows
    for other in others:
        if other.used <= first.used + SLACK_SECONDS and rows + other.rows <= BATCH_ROWS:
            chosen.append(other.job)
            rows += other.rows
    return chosen
