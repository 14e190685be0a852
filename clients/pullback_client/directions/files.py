"""Files of directions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy

from pullback_client.directions.records import DirectionsInfo
from pullback_client.errors import InvalidArgumentError
from pullback_client.files.atomic import to_json, write_bytes, write_json, write_npz
from pullback_client.wire.codec import Array

_SUFFIXES = (".safetensors", ".npz", ".json")
_FORMAT = "pullback-directions-1"
ARRAYS = ("vectors", "values", "rates", "alignment", "input_vectors", "base")
"""The arrays of a set, those that it may lack last."""
# What the file says elsewhere than among the settings.
_NO_SETTINGS = {"generator", "space", "method", "layers"}


def check_suffix(path: Path) -> None:
    """Raises InvalidArgumentError where the suffix is none of those that directions are saved with."""
    if path.suffix.lower() not in _SUFFIXES:
        raise InvalidArgumentError(
            f"cannot save directions as {path.suffix or path.name!r}: expected .safetensors, .npz or .json"
        )


def save(info: DirectionsInfo, arrays: Mapping[str, Array | None], purify: int, path: Path) -> Path:
    """Writes directions by suffix; see `Directions.save`.

    Args:
        info: What they are.
        arrays: By the names of `ARRAYS`; None = there is none.
        purify: The number of top eigenvectors they are projected on; 0 = as they were found.
        path: The file.
    """
    check_suffix(path)
    match path.suffix.lower():
        case ".safetensors":
            header = to_json({"format": _FORMAT, "provenance": _origin(info, purify)})
            write_bytes(path, safetensors.numpy.save(_given(arrays), {"pullback": header}))
        case ".npz":
            write_npz(path, _given(arrays), info.provenance)
        case _:
            write_json(path, info.provenance)
    return path


def _given(arrays: Mapping[str, Array | None]) -> dict[str, npt.NDArray[Any]]:
    return {name: np.ascontiguousarray(array, np.float64) for name, array in arrays.items() if array is not None}


def _origin(info: DirectionsInfo, purify: int) -> dict[str, Any]:
    """The provenance as the library's own files of directions hold it: settings are texts."""
    settings = {name: str(value) for name, value in info.settings.items() if name not in _NO_SETTINGS}
    if purify:
        settings["purify"] = str(purify)
    return {
        "generator": info.generator,
        "weights_hash": info.generator_weights_hash,
        "space": info.space,
        "method": info.method,
        "version": info.version,
        "settings": settings,
        "layers": list(info.layers),
        "aligned_axes": info.aligned_axes,
    }
