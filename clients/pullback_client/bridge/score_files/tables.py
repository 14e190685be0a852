"""Score files that are tables: CSV as programs, Excel among them, write it anywhere."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pullback_client.bridge.layout import CHANNEL, IMAGE_ID, INDEX, SCORE
from pullback_client.bridge.score_files.columns import Columns, columns_of, is_header
from pullback_client.bridge.score_files.numerals import Cell, numbers
from pullback_client.bridge.score_files.scores import ScoreFile, UnreadableError, places

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_DIRECTIVE = re.compile(r'"?sep=([,;\t])"?[^\S\t]*(?:\r\n|\r|\n)', re.IGNORECASE)
_COMMENTS = ("#", "%")
_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class _Row(NamedTuple):
    """A row of a table: its line, from 1, and its cells."""

    line: int
    cells: list[str]


def read(path: Path) -> ScoreFile:
    """Reads a table: a header of names, which decide, and a row for every showing of an image.

    Columns of other names are ignored, as are lines that are empty or start with `#` or `%`.

    Raises:
        UnreadableError: It is no such table, or can be understood in two ways.
    """
    text, local = _text(path)
    if directive := _DIRECTIVE.match(text):
        # Excel's is no row, but a line.
        text = f"#{text}"
    header, delimiter = _header(path, text, directive[1] if directive else _DELIMITERS)
    columns = columns_of(path, header.line, header.cells)
    try:
        rows = [row for row in _rows(text, delimiter, len(header.cells)) if row.line > header.line]
    except csv.Error as error:
        raise UnreadableError(f"{path}: {error}") from error
    for row in rows:
        _check(path, row, header, columns, local=local)
    names = [row.cells[columns.key] for row in rows]
    scored = [[_cell(row, header, place) for place in columns.scored] for row in rows]
    onsets = [_cell(row, header, columns.onset) for row in rows] if columns.onset is not None else []
    keys = [_cell(row, header, columns.key) for row in rows] if columns.by_place else []
    values = numbers(path, delimiter, [cell for cells in (*scored, onsets, keys) for cell in cells])
    count, width = len(rows), len(columns.scored)
    after = values[count * width :]
    return ScoreFile(
        path,
        None if columns.by_place else tuple(names),
        places(path, after[len(onsets) :]) if columns.by_place else None,
        np.array(values[: count * width], np.float64).reshape(count, width),
        onsets=np.array(after[: len(onsets)], np.float64) if columns.onset is not None else None,
        lines=tuple(row.line for row in rows),
        open_ended=not text.endswith(("\n", "\r")),
    )


def _text(path: Path) -> tuple[str, bool]:
    """The text, and whether it is in some local code page, so that only its ASCII characters are sure."""
    data = path.read_bytes()
    if data.startswith(_BOMS):
        return data.decode("utf-16"), False
    if b"\0" in data:
        raise UnreadableError(
            f"{path} holds zero bytes: it is half written, or UTF-16 without its mark; save it as UTF-8"
        )
    try:
        # Excel writes a byte-order mark.
        return data.decode("utf-8-sig"), False
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise UnreadableError(f"{path} ends within a character: it is half written") from error
        # What a code page says in a remark is no matter.
        return data.decode("latin-1"), True


def _rows(text: str, delimiter: str, width: int | None = None) -> Iterator[_Row]:
    """The rows that have any content, but for comments; cells without the spaces around them.

    A line that starts as a comment and has as many cells as the header is a row: its first cell may be `#3`.
    """
    between = True  # two rows: a line of a quoted cell may start as a comment does

    def lines() -> Iterator[str]:
        nonlocal between
        for line in io.StringIO(text, newline=""):
            comment = between and line.lstrip().startswith(_COMMENTS)
            if comment and width is not None and line.count(delimiter) >= width - 1:
                comment = False
            between = False
            # In the place of a comment comes an empty line, so that lines are counted.
            yield "\n" if comment else line
            if comment:
                between = True

    reader = csv.reader(lines(), delimiter=delimiter, skipinitialspace=delimiter != "\t", strict=True)
    for cells in reader:
        between = True
        stripped = [cell.strip() for cell in cells]
        if any(stripped):
            yield _Row(reader.line_num, stripped)


def _header(path: Path, text: str, delimiters: Iterable[str]) -> tuple[_Row, str]:
    """The first row, and the delimiter with which it has the names of a score file."""
    first: dict[str, _Row] = {}
    for delimiter in delimiters:
        try:
            row = next(_rows(text, delimiter), None)
        except csv.Error:
            continue
        if row is not None:
            first[delimiter] = row
            if is_header(row.cells):
                return row, delimiter
    expected = (
        f"a header with {IMAGE_ID} or {INDEX}, and {SCORE} or {CHANNEL}_1, {CHANNEL}_2 …, its cells apart by commas, "
        "semicolons or tabs, and a row for every image below it"
    )
    if not first:
        raise UnreadableError(f"{path}: expected {expected}, but it has no row")
    delimiter, row = max(first.items(), key=lambda pair: len(pair[1].cells))
    came = ", ".join(cell[:40] for cell in row.cells[:12])
    raise UnreadableError(
        f"{path}: expected {expected}, but line {row.line}, apart by {_DELIMITERS[delimiter]}, is: {came}"
    )


def _check(path: Path, row: _Row, header: _Row, columns: Columns, *, local: bool) -> None:
    expected, came = len(header.cells), len(row.cells)
    # Excel leaves out what is empty at a row's end, and adds what is empty where other rows have more.
    if came > expected and any(row.cells[expected:]):
        raise UnreadableError(
            f"{path}: line {row.line} has {came} cells, the header {expected}: a decimal comma stands in quotes, or "
            "cells are apart by semicolons"
        )
    if came <= (last := columns.last):
        raise UnreadableError(
            f"{path}: line {row.line} has not as many cells as the header: {came} came, and column {last + 1} is "
            f"{header.cells[last]}"
        )
    if not (name := row.cells[columns.key]):
        raise UnreadableError(f"{path}: line {row.line} names no image: its {header.cells[columns.key]} is empty")
    if local and not name.isascii():
        raise UnreadableError(f"{path}: the name in line {row.line} is not UTF-8: save the file as UTF-8")


def _cell(row: _Row, header: _Row, place: int) -> Cell:
    return Cell(row.line, header.cells[place], row.cells[place])
