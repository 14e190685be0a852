"""Variables of MATLAB's files before version 7.3. SciPy reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pullback_client.bridge.layout import STIMULUS_ID
from pullback_client.bridge.score_files.scores import UnreadableError
from pullback_client.wire.codec import Array


def load(path: Path, wanted: Sequence[str]) -> dict[str, Any]:
    """The variables of a file, of which these are read.

    Args:
        path: The file.
        wanted: Names of variables.

    Raises:
        UnreadableError: Image names are a string array, which only MATLAB can read.
    """
    from scipy import io  # type: ignore[import-untyped]  # noqa: PLC0415  (of the `bridge` extra)

    content: dict[str, Any] = io.loadmat(path, variable_names=list(wanted))
    # Objects, which string arrays are, come without their names, and only where all is read.
    if STIMULUS_ID not in content and any(kind == "opaque" for _, _, kind in io.whosmat(path)):
        raise UnreadableError(
            f"{path}: {STIMULUS_ID} is missing, or a string array, which only MATLAB can read: expected a cell array "
            f"of characters. In MATLAB, before saving: {STIMULUS_ID} = cellstr({STIMULUS_ID})"
        )
    return content


def names(path: Path, content: Mapping[str, Any], name: str) -> list[str]:
    """A variable's texts: a cell array of characters, or a char matrix of a text in each row.

    Args:
        path: The file, for what is said about it.
        content: What `load` gave.
        name: The variable's.

    Raises:
        UnreadableError: It is something else.
    """
    cells = np.asarray(content[name])
    if cells.dtype.kind == "U":
        # Padded with spaces to one length.
        return [str(text).rstrip() for text in np.ravel(cells)]
    if cells.dtype != object:
        raise _no_names(path, name, cells)
    # As MATLAB counts.
    return [_text(path, name, cell, number) for number, cell in enumerate(cells.ravel(order="F"), 1)]


def matrix(path: Path, content: Mapping[str, Any], name: str) -> Array:
    """A variable's numbers, float64.

    Args:
        path: As for `names`.
        content: As for `names`.
        name: As for `names`.

    Raises:
        UnreadableError: It holds no real numbers.
    """
    values = content[name]
    if hasattr(values, "toarray"):  # sparse
        values = values.toarray()
    values = np.asarray(values)
    if values.dtype.kind not in "fiub":
        raise UnreadableError(f"{path}: {name} is {_what(values)}: expected a full matrix of real numbers")
    return values.astype(np.float64)


def _text(path: Path, name: str, cell: Any, number: int) -> str:
    text = np.asarray(cell)
    if text.size == 0:
        return ""
    if text.dtype.kind != "U" or text.size != 1:
        raise _no_names(path, f"{name}{{{number}}}", text)
    return str(text.ravel()[0])


def _no_names(path: Path, name: str, value: Any) -> UnreadableError:
    return UnreadableError(
        f"{path}: {name} is {_what(value)}: expected a cell array of characters. In MATLAB, before saving: "
        f"{STIMULUS_ID} = cellstr({STIMULUS_ID})"
    )


def _what(values: Any) -> str:
    kind = values.dtype.kind
    if values.dtype.names:
        return "a struct or an object"
    return {"O": "a cell array", "U": "characters", "c": "complex"}.get(kind, "numbers")
