"""Numbers as tables write them: decimal points and commas, and cells that hold none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pullback_client.bridge.score_files.scores import UnreadableError

_NONE = ("", "nan", "na", "n/a", "#n/a", "none", "null")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?inf(?:inity)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+")


class Cell(NamedTuple):
    """A cell of a table: its line, its column's name, and what stands in it."""

    line: int
    column: str
    text: str

    def __str__(self) -> str:
        """It, and where it stands, for people."""
        return f"{self.text!r} in line {self.line}, column {self.column}"


def numbers(path: Path, delimiter: str, cells: Sequence[Cell]) -> list[float]:
    """The numbers of cells; NaN where a cell says that there is none.

    A comma is a decimal one, as half of the world writes it, in the whole file or not at all.

    Args:
        path: The file, for what is said about it.
        delimiter: What stands between its cells.
        cells: The cells.

    Raises:
        UnreadableError: A cell holds no number, or one that can be read in two ways.
    """
    comma = next((cell for cell in cells if "," in cell.text), None)
    point = next((cell for cell in cells if "." in cell.text), None)
    if comma and point:
        raise UnreadableError(
            f"{path}: {comma} has a comma, and {point} a point: which is the decimal sign cannot be told; write one of "
            "them in the whole file, and no signs between thousands"
        )
    # Semicolons stand between cells because commas are decimal ones. Elsewhere a comma may stand between thousands.
    if comma and delimiter != ";" and all(_THOUSANDS.fullmatch(cell.text) for cell in cells if "," in cell.text):
        raise UnreadableError(
            f"{path}: {comma} may be {comma.text.replace(',', '.', 1)} or {comma.text.replace(',', '')}: write "
            "decimal points, and no signs between thousands"
        )
    return [_number(path, cell) for cell in cells]


def _number(path: Path, cell: Cell) -> float:
    text = cell.text.replace(",", ".")
    if text.casefold() in _NONE:
        return float("nan")
    if not _NUMBER.fullmatch(text):
        raise UnreadableError(f"{path}: {cell}, is no number: expected one, or nothing or NaN where there is none")
    return float(text)
