"""Scores as a file of the rig says them, whatever its format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from pullback_client.errors import ClientError
from pullback_client.wire.codec import Array

MatrixRows: TypeAlias = Literal["images", "channels"]
"""What the rows of a matrix are."""


class UnreadableError(ClientError):
    """A score file that is not there whole, is not one, or can be understood in two ways."""


@dataclass(frozen=True, eq=False)
class ScoreFile:
    """What a score file says.

    Attributes:
        path: The file.
        ids: The images, one per row; None where the rows are known by their places.
        places: Places of the rows in the block, from 0; None where they are known by their ids.
        values: The scores, float64, shape (rows, channels); NaN = none.
        onsets: When the images appeared, in seconds of the rig's clock, one per row, NaN = unknown; None = no onsets.
        lines: In which line of the file each row stands; None where it has no lines.
        open_ended: Whether its last line has no end, so that the last number may be a part of one.
    """

    path: Path
    ids: tuple[str, ...] | None
    places: tuple[int, ...] | None
    values: Array
    onsets: Array | None = None
    lines: tuple[int, ...] | None = None
    open_ended: bool = False

    def says_as(self, other: ScoreFile) -> bool:
        """Whether another reading found the same.

        Args:
            other: What was read.
        """
        if (self.onsets is None) != (other.onsets is None):
            return False
        return (
            (self.ids, self.places, self.lines, self.open_ended)
            == (other.ids, other.places, other.lines, other.open_ended)
            and np.array_equal(self.values, other.values, equal_nan=True)
            and (self.onsets is None or np.array_equal(self.onsets, other.onsets, equal_nan=True))  # type: ignore[arg-type]
        )

    def named(self, row: int) -> str:
        """A row for people: its image, and its line where it has one."""
        name = self.ids[row] if self.ids is not None else f"index {(self.places or ())[row]}"
        return name if self.lines is None else f"{name} (line {self.lines[row]})"


def places(path: Path, numbers: Sequence[float]) -> tuple[int, ...]:
    """Places of rows in a block.

    Raises:
        UnreadableError: One of them is no whole number.
    """
    if broken := [number for number in numbers if not float(number).is_integer()]:
        raise UnreadableError(f"{path}: {broken[0]} is no place in a block, which are counted from 0")
    return tuple(int(number) for number in numbers)
