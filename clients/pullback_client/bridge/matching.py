"""Which rows of a score file belong to which trials of a block."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from pullback_client.bridge.journal import Shown
from pullback_client.bridge.score_files import ScoreFile
from pullback_client.errors import InvalidArgumentError
from pullback_client.search.results import TrialResult

Matching: TypeAlias = Literal["strict", "loose"]

_LARGEST = 1e100  # that the contract's `TrialReport.score` may be
_OPEN_END = 2.0  # seconds for the end of a last line


@dataclass(frozen=True, eq=False)
class Assignment:
    """The rows of a score file, trial by trial.

    Attributes:
        block: The trials, in their order.
        scores: The score file.
        rows: Of each trial, the rows that belong to it, in the file's order.
        unknown: The rows that belong to none, by their names.
    """

    block: tuple[Shown, ...]
    scores: ScoreFile
    rows: tuple[tuple[int, ...], ...]
    unknown: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        """Files of the trials without a row."""
        return [shown.file for shown, rows in zip(self.block, self.rows, strict=True) if not rows]

    def patience(self, settle: float) -> float:
        """Seconds for which the file must not have changed before it is taken for finished.

        Args:
            settle: What they are where trials have no row, since rows may be appended as trials are shown.
        """
        if self.missing:
            return settle
        # Writers that buffer stop in the middle of a number; those that never end their last line must not wait long.
        return min(settle, _OPEN_END) if self.scores.open_ended else 0.0

    def results(self, matching: Matching, report: Callable[[str], None]) -> list[TrialResult]:
        """What became of the trials.

        Strict: a row or a trial without its counterpart is an error. Loose: such rows are skipped with a report, and
        such trials are taken as shown without a score. Either way a trial whose number is none that could be used, an
        infinity, is one without a score, with a report: one division by an empty baseline stops no evening.

        Args:
            matching: See above.
            report: Called with a line for people about what is skipped or counts as failed.

        Raises:
            InvalidArgumentError: Strict: see above.
        """
        if matching == "strict" and (self.unknown or self.missing):
            told = [f"not of this block: {', '.join(self.unknown)}"] if self.unknown else []
            told += [f"without a score: {', '.join(self.missing)}"] if self.missing else []
            raise InvalidArgumentError(
                f"{self.scores.path}: {'; '.join(told)}. Correct the file, or start the bridge with loose matching"
            )
        name = self.scores.path.name
        for row in self.unknown:
            report(f"{name}: {row} names no image of this block")
        for file in self.missing:
            report(f"{name}: {file} has no score and counts as failed")
        return [
            _result(shown, showing, [] if row is None else self._values(shown, row, report))
            for shown, rows in zip(self.block, self.rows, strict=True)
            for showing, row in enumerate(rows or [None])
        ]

    def _values(self, shown: Shown, row: int, report: Callable[[str], None]) -> list[float]:
        values: list[float] = self.scores.values[row].tolist()
        unusable = [value for value in values if abs(value) > _LARGEST]
        if unusable:
            report(f"{self.scores.path.name}: {shown.file} has {unusable[0]:g} for a score and counts as failed")
        return [math.nan if value in unusable else value for value in values]


def assign(block: Sequence[Shown], scores: ScoreFile, matching: Matching) -> Assignment:
    """Finds the trial of every row of a score file.

    Strict: a row names an image of the block by its file's name, with or without the suffix, or by its image id. Loose:
    folders, suffixes and capitals do not count. Rows beyond the first of an image are further showings of it.

    Args:
        block: The trials, in their order.
        scores: The score file.
        matching: See above.
    """
    rows: list[list[int]] = [[] for _ in block]
    unknown: list[str] = []
    for row, place in enumerate(_places(block, scores, matching == "strict")):
        if place is None or not 0 <= place < len(rows):
            unknown.append(_name(scores, row))
        else:
            rows[place].append(row)
    return Assignment(tuple(block), scores, tuple(map(tuple, rows)), tuple(unknown))


def _places(block: Sequence[Shown], scores: ScoreFile, strict: bool) -> list[int | None]:
    """The place in the block of every row; None where there is none."""
    if scores.ids is None:
        return list(scores.places or ())
    key = str if strict else _plain
    names: dict[str, int] = {}
    once = Counter(shown.image_id for shown in block)
    for place, shown in enumerate(block):
        names |= {key(shown.file): place, key(PurePosixPath(shown.file).stem): place}
        if once[shown.image_id] == 1:
            names[key(shown.image_id)] = place
    return [names.get(key(name)) for name in scores.ids]


def _plain(name: str) -> str:
    """A name without folders, which may be a Windows rig's, without its suffix, and in small letters."""
    return PurePosixPath(name.replace("\\", "/")).stem.casefold()


def _name(scores: ScoreFile, row: int) -> str:
    return scores.ids[row] if scores.ids is not None else f"index {(scores.places or ())[row]}"


def _result(shown: Shown, showing: int, values: list[float]) -> TrialResult:
    # The first row is the trial that was asked; further ones have ids of their own, the same whenever they are told.
    trial_id = shown.trial_id if showing == 0 else f"{shown.trial_id}-{showing + 1}"
    if len(values) == 1:
        return TrialResult(trial_id, shown.image_id, score=values[0])
    return TrialResult(trial_id, shown.image_id, channel_values=values)
