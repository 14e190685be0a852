"""NumPy's files, read without pickle and within bounds."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pullback.errors import InvalidInputError
from pullback.weights.inspection import inspect_bytes

# No array is read of which more than this is there, packed or not.
MAX_BYTES = 64 * 2**20
_NPY = b"\x93NUMPY"
_LARGEST = float(np.finfo(np.float32).max)


def read_npy(content: bytes, name: str = "the file") -> NDArray[np.float64]:
    """The array of an npy file.

    Args:
        content: Its bytes.
        name: What to call it in errors.

    Raises:
        InvalidInputError: It is no npy file, or not of floating-point numbers.
    """
    if not content.startswith(_NPY):
        raise InvalidInputError(f"{name} is not in NumPy's npy format: {inspect_bytes(content)}")
    try:
        array: NDArray[Any] = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # whatever NumPy's parsers raise says one thing
        raise InvalidInputError(f"{name} is not a readable npy file: {inspect_bytes(content)} ({error})") from error
    if array.dtype.kind != "f":
        raise InvalidInputError(f"{name} is of floating-point numbers, but {array.dtype} came")
    return within_single_precision(array.astype(np.float64), name)


def within_single_precision(array: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """The array, if squares of its numbers and their sums cannot overflow; NaN is left to whoever uses it.

    Raises:
        InvalidInputError: A number is infinite, or larger than single precision has.
    """
    if (np.abs(array) > _LARGEST).any():
        raise InvalidInputError(f"{name} has numbers of at most {_LARGEST:.1g}, but larger ones came")
    return array


def read_npz(content: bytes, names: Iterable[str]) -> dict[str, NDArray[np.float64]]:
    """Those of some arrays that an npz file holds; others are not looked at.

    Args:
        content: Its bytes.
        names: Names of the arrays.

    Raises:
        InvalidInputError: It is no npz file, or one of these arrays is not of floating-point numbers or too large.
    """
    packed: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in names:
                if f"{name}.npy" in archive.namelist():
                    with archive.open(f"{name}.npy") as member:
                        packed[name] = member.read(MAX_BYTES + 1)
    except Exception as error:  # whatever the archive's parsers raise says one thing
        raise InvalidInputError(f"the file is not a readable npz file: {inspect_bytes(content)} ({error})") from error
    for name, data in packed.items():
        if len(data) > MAX_BYTES:
            raise InvalidInputError(f"{name} has at most {MAX_BYTES} bytes, but more came")
    return {name: read_npy(data, name) for name, data in packed.items()}
