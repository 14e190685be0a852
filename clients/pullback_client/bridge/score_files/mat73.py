"""Variables of MATLAB 7.3's files, which are HDF5, and datasets of any other. h5py reads them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pullback_client.bridge.layout import STIMULUS_ID
from pullback_client.bridge.score_files.scores import UnreadableError
from pullback_client.wire.codec import Array


def stored(path: Path, file: Any, name: str) -> Array:
    """A dataset's numbers, float64, in the shape in which HDF5 has them.

    Args:
        path: The file, for what is said about it.
        file: The same, open.
        name: The dataset's.

    Raises:
        UnreadableError: It holds no real numbers.
    """
    dataset = file[name]
    kind = _class(dataset)
    if not hasattr(dataset, "dtype") or dataset.dtype.kind not in "fiub" or kind in ("char", "string"):
        what = kind or ("a group" if not hasattr(dataset, "dtype") else str(dataset.dtype))
        raise UnreadableError(f"{path}: {name} is {what}: expected a full matrix of real numbers")
    if "MATLAB_empty" in dataset.attrs:
        # MATLAB keeps the shape of what is empty in the place of its content.
        return np.empty(tuple(int(size) for size in np.ravel(dataset[()])[::-1]))
    return np.asarray(dataset[()], np.float64)


def matrix(path: Path, file: Any, name: str) -> Array:
    """A variable's numbers in MATLAB's shape: it stores its arrays the other way round.

    Args:
        path: As for `stored`.
        file: As for `stored`.
        name: As for `stored`.
    """
    return stored(path, file, name).T


def names(path: Path, file: Any, name: str) -> list[str]:
    """A variable's texts: a cell array of characters, or a char matrix of a text in each row.

    Args:
        path: As for `stored`.
        file: As for `stored`.
        name: As for `stored`.

    Raises:
        UnreadableError: It is something else; a string array is, which only MATLAB can read.
    """
    dataset = file[name]
    if not hasattr(dataset, "dtype") or _class(dataset) == "string":
        raise _no_names(path, name, _class(dataset) or "a struct")
    if "MATLAB_empty" in dataset.attrs:
        return []
    cells = dataset[()]
    if cells.dtype.kind == "S":
        return [cell.decode() for cell in np.ravel(cells)]
    if cells.dtype == object:
        return [_text(path, file, name, cell, number) for number, cell in enumerate(np.ravel(cells), 1)]
    if _is_char(dataset):
        # Padded with spaces to one length.
        return [_decoded(codes).rstrip() for codes in np.atleast_2d(cells).T]
    raise _no_names(path, name, _class(dataset) or str(dataset.dtype))


def _text(path: Path, file: Any, name: str, cell: Any, number: int) -> str:
    if isinstance(cell, bytes):  # of a program that is not MATLAB
        return cell.decode()
    dataset = file[cell]
    if not hasattr(dataset, "dtype") or not _is_char(dataset):
        raise _no_names(path, f"{name}{{{number}}}", _class(dataset) or "no text")
    return "" if "MATLAB_empty" in dataset.attrs else _decoded(np.ravel(dataset[()]))


def _no_names(path: Path, name: str, what: str) -> UnreadableError:
    return UnreadableError(
        f"{path}: {name} is {what}: expected a cell array of characters. In MATLAB, before saving: "
        f"{STIMULUS_ID} = cellstr({STIMULUS_ID})"
    )


def _class(item: Any) -> str:
    """MATLAB's class of a variable; empty where another program wrote it."""
    kind = item.attrs.get("MATLAB_class", b"")
    return kind.decode() if isinstance(kind, bytes) else str(kind)


def _is_char(dataset: Any) -> bool:
    kind = _class(dataset)
    return kind == "char" or (not kind and dataset.dtype == np.uint16)


def _decoded(codes: npt.NDArray[Any]) -> str:
    """A text of UTF-16 code units, one an element."""
    units: Iterable[Any] = codes.astype("<u2")
    return np.asarray(units).tobytes().decode("utf-16-le")
