"""Reports of trials, as a rig gives them: values that are checked, and then logged."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Outcome(enum.IntEnum):
    """What became of a trial; the numbers are those of the contract's `Outcome`."""

    SCORED = 1
    FAILED = 2
    ABANDONED = 3


@dataclass(frozen=True, slots=True)
class Report:
    """What a rig said of a trial: its image filled in, its outcome decided."""

    trial_id: str
    image_id: str
    outcome: int
    score: float | None = None
    channel_values: tuple[float, ...] = ()
    t_onset: float | None = None
    note: str = ""
