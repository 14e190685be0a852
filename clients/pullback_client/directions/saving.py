"""The files of directions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy

from pullback_client.errors import InvalidArgumentError
from pullback_client.files import to_json, write_bytes, write_json, write_npz

if TYPE_CHECKING:
    from pullback_client.directions.direction_set import Directions

_SUFFIXES = (".safetensors", ".npz", ".json")
_FORMAT = "pullback-directions-1"
_ARRAYS = ("vectors", "values", "rates", "alignment", "input_vectors", "base")
# What the file says elsewhere than among the settings.
_NO_SETTINGS = {"generator", "space", "method", "layers"}


def check_suffix(path: Path) -> None:
    """Raises InvalidArgumentError where the suffix is none of those that directions are saved with."""
    if path.suffix.lower() not in _SUFFIXES:
        raise InvalidArgumentError(
            f"cannot save directions as {path.suffix or path.name!r}: expected .safetensors, .npz or .json"
        )


def save(directions: Directions, path: Path) -> Path:
    """Writes directions by suffix; see `Directions.save`."""
    check_suffix(path)
    match path.suffix.lower():
        case ".safetensors":
            header = to_json({"format": _FORMAT, "provenance": _origin(directions)})
            write_bytes(path, safetensors.numpy.save(_arrays(directions), {"pullback": header}))
        case ".npz":
            write_npz(path, _arrays(directions), directions.provenance)
        case _:
            write_json(path, directions.provenance)
    return path


def _arrays(directions: Directions) -> dict[str, npt.NDArray[Any]]:
    arrays = {name: getattr(directions, name) for name in _ARRAYS}
    return {name: np.ascontiguousarray(array, np.float64) for name, array in arrays.items() if array is not None}


def _origin(directions: Directions) -> dict[str, Any]:
    """The provenance as the library's own files of directions hold it: settings are texts."""
    settings = {name: str(value) for name, value in directions.settings.items() if name not in _NO_SETTINGS}
    if directions.purify:
        settings["purify"] = str(directions.purify)
    return {
        "generator": directions.generator,
        "weights_hash": directions.generator_weights_hash,
        "space": directions.space,
        "method": directions.method,
        "version": directions.version,
        "settings": settings,
        "layers": list(directions.layers),
        "aligned_axes": directions.aligned_axes,
    }
