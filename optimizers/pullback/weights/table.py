"""TOML tables whose errors say which file, which entry and which key."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pullback.errors import CatalogueError
from pullback.weights.inspection import inspect

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


# `[name]`, `["name"]`, `[name.source]`, `[[name.spaces]]`.
_HEADER = re.compile(r"""^[ \t\ufeff]*\[{1,2}[ \t]*(?:([A-Za-z0-9_-]+)|["']([^"'\n]+)["'])""", re.MULTILINE)


class Table:
    """One table of a TOML file, read key by key.

    Keys are taken out as they are read, so that `finish` can name those that nobody asked for: a misspelt key is an
    error, not a silent default.

    Args:
        values: The table's content.
        where: What errors call this table, e.g. `catalogue.toml: entry 'faces'`.
        file: The file that it stands in; relative paths in it are relative to this file.
    """

    def __init__(self, values: Mapping[str, Any], where: str, file: Path) -> None:
        self._left = dict(values)
        self._known: list[str] = []
        self.where = where
        self.file = file

    def __contains__(self, key: str) -> bool:
        self._known.append(key)
        return key in self._left

    def string(self, key: str, default: str | None = None) -> str:
        """The string under `key`."""
        value = self._take(key, default, "a string")
        if not isinstance(value, str):
            raise self.error(key, f"expected a string, got {value!r}")
        return value

    def integer(self, key: str, default: int | None = None, minimum: int = 0) -> int:
        """The integer ≥ `minimum` under `key`."""
        value = self._take(key, default, f"an integer of at least {minimum}")
        if not _is_integer(value) or value < minimum:
            raise self.error(key, f"expected an integer of at least {minimum}, got {value!r}")
        return int(value)

    def boolean(self, key: str, *, default: bool) -> bool:
        """A truth value."""
        value = self._take(key, default, "true or false")
        if not isinstance(value, bool):
            raise self.error(key, f"expected true or false, got {value!r}")
        return value

    def integers(self, key: str, lengths: tuple[int, ...]) -> tuple[int, ...]:
        """The list of positive integers under `key`, which has one of these lengths."""
        expected = f"a list of {' or '.join(map(str, lengths))} positive integers"
        value = self._take(key, None, expected)
        if (
            not isinstance(value, list)
            or len(value) not in lengths
            or not all(_is_integer(item) and item > 0 for item in value)
        ):
            raise self.error(key, f"expected {expected}, got {value!r}")
        return tuple(value)

    def bounds(self, key: str) -> tuple[float, float]:
        """The least value and the greatest under `key`, both finite."""
        expected = "a list of two finite numbers, the first below the second"
        value = self._take(key, None, expected)
        if not isinstance(value, list) or len(value) != 2 or not all(map(_is_number, value)) or not value[0] < value[1]:
            raise self.error(key, f"expected {expected}, got {value!r}")
        return float(value[0]), float(value[1])

    def strings(self, key: str) -> tuple[str, ...]:
        """The list of strings under `key`; empty where the key is absent."""
        self._known.append(key)
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(key, f"expected a list of strings, got {value!r}")
        return tuple(value)

    def value(self, key: str) -> object:
        """Whatever stands under `key`; None where the key is absent."""
        self._known.append(key)
        return self._left.pop(key, None)

    def table(self, key: str) -> Table:
        """The sub-table under `key`."""
        value = self._take(key, None, "a table")
        if not isinstance(value, dict):
            raise self.error(key, f"expected a table, got {value!r}")
        return Table(value, f"{self.where}: {key}", self.file)

    def tables(self, key: str) -> list[Table]:
        """The non-empty array of tables under `key`."""
        value = self._take(key, None, "one table or more")
        if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
            raise self.error(key, f"expected one table or more, got {value!r}")
        return [Table(item, f"{self.where}: {key}[{i}]", self.file) for i, item in enumerate(value)]

    def tables_by_name(self) -> dict[str, Table]:
        """All that is left, where each is a table."""
        return {name: self.table(name) for name in [*self._left]}

    def finish(self) -> None:
        """Raises `CatalogueError` where keys were left that this version does not know."""
        if self._left:
            raise CatalogueError(
                f"{self.where}: unknown key(s) {', '.join(map(repr, self._left))}; known: "
                f"{', '.join(dict.fromkeys(self._known))}"
            )

    def error(self, key: str, problem: str) -> CatalogueError:
        """The error to raise about the value of `key`."""
        return CatalogueError(f"{self.where}: key {key!r}: {problem}")

    def _take(self, key: str, default: Any, expected: str) -> Any:
        self._known.append(key)
        value = self._left.pop(key, default)
        if value is None:
            raise self.error(key, f"missing; expected {expected}")
        return value


def read_toml(file: Path) -> dict[str, Table]:
    """The top-level tables of a TOML file, by name.

    The file is in UTF-8, as TOML is; a byte-order mark, as Windows' editors set it, is passed over.

    Raises:
        CatalogueError: The file cannot be read, is not TOML, or holds something else than tables.
    """
    what = f"catalogue file {file}"
    try:
        content = parse_toml(_decode(file.read_bytes(), what), file)
    except OSError as error:
        raise CatalogueError(f"{what}: cannot be read: {error.strerror}") from error
    tables = {}
    for name, value in content.items():
        where = f"{what}: entry {name!r}"
        if not isinstance(value, dict):
            raise CatalogueError(f"{where}: expected a table, got {value!r}")
        tables[name] = Table(value, where, file)
    return tables


def parse_toml(text: str, file: Path) -> dict[str, Any]:
    """What a text says that stands, or is to stand, in a catalogue file.

    Raises:
        CatalogueError: It is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"catalogue file {file}: not valid TOML: {error}{_remedy(str(error), file)}") from error


def tables_named_in(file: Path) -> list[str]:
    """Names of the top-level tables that a file seems to have, where it is too broken to be read; empty where none."""
    try:
        text = file.read_bytes().replace(b"\0", b"").decode("utf-8", errors="ignore")
    except OSError:
        return []
    return list(dict.fromkeys(found[1] or found[2] for found in _HEADER.finditer(text)))


def _decode(content: bytes, what: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:200]:
        raise CatalogueError(
            f"{what}: not valid TOML: it is in UTF-16, as Windows' Notepad calls Unicode; save it as UTF-8"
        )
    try:
        # TOML takes line ends of Windows as they are.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CatalogueError(
            f"{what}: not valid TOML: byte 0x{content[error.start]:02x} in line {line} is not UTF-8; save it as UTF-8"
        ) from error


def _remedy(problem: str, file: Path) -> str:
    if "\\" in problem or "hex" in problem.lower():
        return '. In "…" a backslash begins an escape: write paths with /, or in single quotes'
    said = inspect(file)
    # Nothing where it is the text that it should be.
    return "" if said.startswith("it is text") else f"; {said}"


def _is_integer(value: object) -> bool:
    # bool is an int to Python, but not to TOML.
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and math.isfinite(value)
