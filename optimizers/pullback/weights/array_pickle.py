"""Pickles of NumPy arrays in dictionaries, read without running what else they might hold."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pullback.errors import WeightsError
from pullback.weights.inspection import inspect

_RECONSTRUCT: Callable[..., Any] = np.empty(0).__reduce__()[0]  # type: ignore[assignment]
# All that an array needs, under the names of NumPy 1 and 2: its maker, its class, and that of its type.
_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _RefusedError(Exception):
    """A pickle names something that is no part of an array."""


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        # Never imported by name: what is not in the table does not exist for a pickle.
        if (module, name) not in _ADMITTED:
            raise _RefusedError(f"{module}.{name}")
        return _ADMITTED[module, name]


def read_array_pickle(path: Path, what: object = None) -> object:
    """What a pickle of arrays holds: tensors of their values, in the dictionaries in which the arrays stood.

    Args:
        path: The file.
        what: What to call it in errors; its path when omitted.

    Raises:
        WeightsError: It names anything but NumPy's arrays, or is no whole pickle; the message says which.
    """
    called = path if what is None else what
    try:
        with path.open("rb") as file:
            content: object = _ArrayUnpickler(file).load()
        return _as_tensors(content)
    except _RefusedError as error:
        raise WeightsError(
            f"{called} is not a pickle of plain NumPy arrays: it names {error}, and could run code when it is read; "
            "nothing of it was run. Where it is trusted, read it there and save the arrays alone: "
            "safetensors.numpy.save_file(arrays, …)"
        ) from error
    except OSError as error:
        raise WeightsError(f"{called} cannot be read: {inspect(path)}") from error
    except Exception as error:  # whatever a damaged pickle makes of the machine that reads it says one thing
        raise WeightsError(
            f"{called} is not a whole pickle of plain NumPy arrays: {inspect(path)} "
            f"({str(error).partition(chr(10))[0][:160] or type(error).__name__}). Download or copy it again"
        ) from error


def _as_tensors(content: object) -> object:
    if isinstance(content, np.ndarray):
        # A copy of its own, in this machine's byte order. Arrays of objects have no tensor, and are an error.
        return torch.from_numpy(content.astype(content.dtype.newbyteorder("="), order="C"))
    if isinstance(content, Mapping):
        return {name: _as_tensors(value) for name, value in content.items()}
    return content
