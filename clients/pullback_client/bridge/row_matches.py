"""Matches of the rows of a score file to the trials of a block."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pullback_client.bridge.journal import Shown
from pullback_client.bridge.score_files.scores import ScoreFile
from pullback_client.errors import InvalidArgumentError
from pullback_client.search.results import TrialResult

Matching: TypeAlias = Literal["strict", "loose"]

ENDING = 2.0
"""Seconds without a change after which the score file of a block that was ended is taken as it is."""

_LARGEST = 1e100  # that the contract's `TrialReport.score` may be
_OPEN_END = 2.0  # seconds for the end of a last line
_PICTURES = (".png", ".bmp", ".jpg", ".jpeg", ".tif", ".tiff")


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

    @property
    def scored(self) -> int:
        """How many trials have a row."""
        return len(self.block) - len(self.missing)

    def patience(self, settle: float, *, ended: bool) -> float:
        """Seconds for which the file must not have changed before it is taken for finished.

        Args:
            settle: What they are where trials have no row, since rows may be appended as trials are shown.
            ended: Whether no more trials are shown, so that no more rows will come than are on their way.
        """
        if ended:
            return min(settle, ENDING)
        if not self.scores.values.size:
            # A header, beneath which rows will come.
            return math.inf
        if self.missing:
            return settle
        # Writers that buffer stop in the middle of a number; those that never end their last line must not wait long.
        return min(settle, _OPEN_END) if self.scores.open_ended else 0.0

    def results(self, matching: Matching, report: Callable[[str], None], *, ended: bool = False) -> list[TrialResult]:
        """What became of the trials.

        Strict: a row or a trial without its counterpart is an error. Loose: such rows are skipped with a report, and
        such trials are taken as shown without a score. Either way a trial whose number is none that could be used, an
        infinity, is one without a score, with a report: one division by an empty baseline stops no evening.

        Args:
            matching: See above.
            report: Called with a line for people about what is skipped or counts as failed.
            ended: Whether the block was ended, so that trials without a row are no error: they count as failed.

        Raises:
            InvalidArgumentError: Strict: see above. Either way: places that cannot be these of the block, of which
                scores of other images would be told.
        """
        name = self.scores.path.name
        if doubt := self._doubt():
            raise InvalidArgumentError(f"{self.scores.path}: {doubt}")
        if matching == "strict" and (self.unknown or (self.missing and not ended)):
            told = [f"not of this block: {', '.join(self.unknown)}"] if self.unknown else []
            told += [f"without a score: {', '.join(self.missing)}"] if self.missing and not ended else []
            raise InvalidArgumentError(
                f"{self.scores.path}: {'; '.join(told)}. Correct the file, or start the bridge with loose matching"
            )
        for row in self.unknown:
            report(f"{name}: {row} names no image of this block")
        for file in self.missing if not ended else ():
            report(f"{name}: {file} has no score and counts as failed")
        return [
            self._result(shown, showing, row, report)
            for shown, rows in zip(self.block, self.rows, strict=True)
            for showing, row in enumerate(rows or [None])
        ]

    def _doubt(self) -> str | None:
        """Why places in the block may be meant otherwise; None where they cannot."""
        if self.scores.ids is not None or not self.scores.places:
            return None
        last = len(self.block) - 1
        if self.unknown:
            return f"the images of this block have index 0 to {last}, but the file has {', '.join(self.unknown)}"
        if 0 in self.scores.places:
            return None
        return (
            f"no row has index 0: either {self.block[0].file} has no score, or rows are counted from 1, and each "
            f"score is of the image before. Count from 0, to {last}, and give every image a row"
        )

    def _result(self, shown: Shown, showing: int, row: int | None, report: Callable[[str], None]) -> TrialResult:
        # The first row is the trial that was asked; further ones have their own ids, the same whenever they are told.
        trial_id = shown.trial_id if showing == 0 else f"{shown.trial_id}-{showing + 1}"
        if row is None:
            return TrialResult(trial_id, shown.image_id)
        values = self._values(shown, row, report)
        onset = None if self.scores.onsets is None else float(self.scores.onsets[row])
        if len(values) == 1:
            return TrialResult(trial_id, shown.image_id, score=values[0], t_onset=onset)
        return TrialResult(trial_id, shown.image_id, channel_values=values, t_onset=onset)

    def _values(self, shown: Shown, row: int, report: Callable[[str], None]) -> list[float]:
        values: list[float] = self.scores.values[row].tolist()
        unusable = [value for value in values if abs(value) > _LARGEST]
        if unusable:
            report(f"{self.scores.path.name}: {shown.file} has {unusable[0]:g} for a score and counts as failed")
        return [math.nan if value in unusable else value for value in values]


def assign(block: Sequence[Shown], scores: ScoreFile, matching: Matching) -> Assignment:
    """Finds the trial of every row of a score file.

    Strict: a row names an image of the block by its file's name, with or without its folder, which is the rig's, and
    its suffix, or by its image id. Loose: another suffix of pictures, and capitals, do not count. Rows beyond the first
    of an image are further showings of it. A name that is of several images of the block, as an image id of one that is
    shown several times, is of none.

    Args:
        block: The trials, in their order.
        scores: The score file.
        matching: See above.
    """
    rows: list[list[int]] = [[] for _ in block]
    unknown: list[str] = []
    for row, found in enumerate(_places(block, scores, matching == "strict")):
        if len(found) == 1 and 0 <= found[0] < len(rows):
            rows[found[0]].append(row)
        elif len(found) > 1:
            files = " and ".join(block[place].file for place in found)
            unknown.append(f"{scores.named(row)}, which may be {files}")
        else:
            unknown.append(scores.named(row))
    return Assignment(tuple(block), scores, tuple(map(tuple, rows)), tuple(unknown))


def _places(block: Sequence[Shown], scores: ScoreFile, strict: bool) -> list[list[int]]:
    """The places in the block that every row may be of."""
    if scores.ids is None:
        return [[place] for place in scores.places or ()]
    key = _without_folder if strict else _plain
    names: defaultdict[str, list[int]] = defaultdict(list)
    for place, shown in enumerate(block):
        for name in sorted({key(shown.file), key(_without_suffix(shown.file)), key(shown.image_id)}):
            names[name].append(place)
    return [names.get(key(name), []) for name in scores.ids]


def _without_folder(name: str) -> str:
    """A name without folders, which may be a Windows rig's: XDream's hosts give whole paths."""
    return name.replace("\\", "/").rpartition("/")[2]


def _without_suffix(name: str) -> str:
    stem, point, suffix = name.rpartition(".")
    # What follows the point of a label is no suffix.
    return stem if f"{point}{suffix}".casefold() in _PICTURES else name


def _plain(name: str) -> str:
    """A name without folders, without its suffix, and in small letters."""
    return _without_suffix(_without_folder(name)).casefold()
