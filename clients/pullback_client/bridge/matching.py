"""Which rows of a score file belong to which trials of a block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from pullback_client.bridge.journal import Shown
from pullback_client.bridge.score_files import ScoreFile
from pullback_client.errors import InvalidArgumentError
from pullback_client.search.results import TrialResult

Matching: TypeAlias = Literal["strict", "loose"]


def match(
    block: Sequence[Shown], scores: ScoreFile, matching: Matching, report: Callable[[str], None]
) -> list[TrialResult]:
    """What became of the trials of a block.

    Strict: every row must name an image of the block, by its file's name with or without the suffix or by its image id,
    and every image must have a row. Loose: folders, suffixes and capitals do not count, rows that name no image are
    skipped with a report, and images without a row are taken as shown without a score. Rows beyond the first of an
    image are further showings of it.

    Args:
        block: The trials, in their order.
        scores: The score file.
        matching: See above.
        report: Called with a line for people about what was skipped.

    Raises:
        InvalidArgumentError: Strict: a row or an image without its counterpart.
    """
    strict = matching == "strict"
    found: dict[int, list[int]] = {place: [] for place in range(len(block))}
    unknown: list[str] = []
    for row, place in enumerate(_places(block, scores, strict)):
        if place is None or place not in found:
            unknown.append(_name(scores, row))
        else:
            found[place].append(row)
    missing = [block[place].file for place, rows in found.items() if not rows]
    if strict and (unknown or missing):
        told = [f"not of this block: {', '.join(unknown)}"] if unknown else []
        told += [f"without a score: {', '.join(missing)}"] if missing else []
        raise InvalidArgumentError(
            f"{scores.path}: {'; '.join(told)}. The file is left as it is: correct it, or use loose matching"
        )
    for what, names in (("names no image of this block", unknown), ("has no score and counts as failed", missing)):
        for name in names:
            report(f"{scores.path.name}: {name} {what}")
    return [
        _result(shown, showing, [] if row is None else scores.values[row].tolist())
        for place, shown in enumerate(block)
        for showing, row in enumerate(found[place] or [None])
    ]


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
