"""Columns of a table of scores: which is which, by their names alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pullback_client.bridge.layout import CHANNEL, IMAGE_ID, INDEX, ONSET, SCORE
from pullback_client.bridge.score_files.scores import UnreadableError

_CHANNEL = re.compile(rf"{CHANNEL}_*(\d+)")


@dataclass(frozen=True)
class Columns:
    """Where the columns of a table stand, from 0.

    Attributes:
        key: The column that says which image a row is of.
        by_place: Whether that is by its place in the block, and not by its name.
        scored: The score's column, or those of the channels, in the order of their numbers.
        onset: The onset's column; None where there is none.
    """

    key: int
    by_place: bool
    scored: tuple[int, ...]
    onset: int | None

    @property
    def last(self) -> int:
        """The last column that every row must have; an onset may be left out at a row's end, as what is empty is."""
        return max(self.key, *self.scored, -1 if self.onset is None else self.onset)


def is_header(cells: Sequence[str]) -> bool:
    """Whether a row has the names of a score file.

    Args:
        cells: Its cells.
    """
    names = [_plain(cell) for cell in cells]
    scored = any(name == SCORE or name.startswith(CHANNEL) for name in names)
    return scored and any(name in (IMAGE_ID, INDEX) for name in names)


def columns_of(path: Path, line: int, cells: Sequence[str]) -> Columns:
    """Finds the columns.

    Args:
        path: The file, for what is said about it.
        line: The header's line.
        cells: The header.

    Raises:
        UnreadableError: A name comes twice, both a score and channels came, or channels' numbers leave gaps.
    """
    names = [_plain(cell) for cell in cells]
    by_place = IMAGE_ID not in names
    key = _only(path, line, cells, INDEX if by_place else IMAGE_ID)
    onset = _only(path, line, cells, ONSET) if ONSET in names else None
    channels = _channels(path, line, cells)
    if SCORE in names and channels:
        raise UnreadableError(
            f"{path}: line {line} has both {SCORE} and {cells[channels[0]]}: the score of an image may be the one, or "
            "made of the channels; leave one of them out, or call it something else"
        )
    scored = (_only(path, line, cells, SCORE),) if SCORE in names else channels
    return Columns(key, by_place, scored, onset)


def _channels(path: Path, line: int, cells: Sequence[str]) -> tuple[int, ...]:
    """The channels' columns by their numbers, however the columns are arranged."""
    found: dict[int, int] = {}
    for place, cell in enumerate(cells):
        name = _plain(cell)
        if not name.startswith(CHANNEL):
            continue
        match = _CHANNEL.fullmatch(name)
        if match is None:
            raise UnreadableError(
                f"{path}: column {place + 1} of line {line} is {cell}: expected one column per channel, called "
                f"{CHANNEL}_1, {CHANNEL}_2 and so on, and one row per image; call what is no channel something else"
            )
        number = int(match[1])
        if number in found:
            raise UnreadableError(
                f"{path}: columns {found[number] + 1} and {place + 1} of line {line}, {cells[found[number]]} and "
                f"{cell}, are one channel; which of them holds its values cannot be told"
            )
        found[number] = place
    if not found:
        return ()
    numbers = sorted(found)
    expected = range(min(numbers[0], 1), min(numbers[0], 1) + len(numbers))
    lacking = [wanted for wanted, number in zip(expected, numbers, strict=True) if wanted != number]
    if lacking:
        raise UnreadableError(
            f"{path}: the channels of line {line} are numbered {numbers[0]} to {numbers[-1]}, and there is no "
            f"{CHANNEL}_{lacking[0]}: number them from 1, or from 0, without a gap; weights go by these numbers"
        )
    return tuple(found[number] for number in numbers)


def _only(path: Path, line: int, cells: Sequence[str], wanted: str) -> int:
    places = [place for place, cell in enumerate(cells) if _plain(cell) == wanted]
    if len(places) > 1:
        told = ", ".join(str(place + 1) for place in places)
        raise UnreadableError(
            f"{path}: columns {told} of line {line} are all called {wanted}, so which of them is meant cannot be told: "
            "leave one, and call the others something else"
        )
    return places[0]


def _plain(name: str) -> str:
    """A name in small letters, with `_` for spaces and hyphens."""
    return re.sub(r"[\s-]+", "_", name.strip()).casefold()
