"""Safetensors file of an eigenbasis: written, and read part by part without a copy; NumPy only.

Format 1 holds a complete basis: `eigenvalues` (n,), `eigenvectors` (n, n) and `metric` (n, n). Format 2 holds k
eigenpairs, `eigenvalues` (k,) and `eigenvectors` (n, k), and says `k`, `dim` and the `floor` of the others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from pullback.errors import InvalidInputError
from pullback.geometry.provenance import Provenance
from pullback.weights.inspection import inspect_bytes

_COMPLETE, _LEADING = "pullback-eigenbasis-1", "pullback-eigenbasis-2"
_ARRAYS = {_COMPLETE: ("eigenvalues", "eigenvectors", "metric"), _LEADING: ("eigenvalues", "eigenvectors")}
# A safetensors file starts with the length of its JSON header: 8 bytes, little-endian.
_LENGTH = 8


@dataclass(frozen=True, eq=False)
class Parts:
    """What a file holds, as it stands there: nothing is checked but shapes and types.

    Attributes:
        eigenvalues: λ, shape (k,).
        eigenvectors: U, shape (n, k).
        metric: H, shape (n, n); None where only k eigenpairs are held.
        floor: Mean of the other n − k eigenvalues; 0 where there are none.
        provenance: What it was computed from.
    """

    eigenvalues: NDArray[np.float64]
    eigenvectors: NDArray[np.float64]
    metric: NDArray[np.float64] | None
    floor: float
    provenance: Provenance

    @property
    def dim(self) -> int:
        """The number n of latent dimensions."""
        return len(self.eigenvectors)

    @property
    def k(self) -> int:
        """The number of eigenpairs."""
        return self.eigenvalues.size


def write_parts(parts: Parts) -> bytes:
    """The bytes of one safetensors file; the same parts give the same bytes."""
    said: dict[str, Any] = {"format": _COMPLETE, "provenance": parts.provenance.to_dict()}
    if parts.metric is None:
        said |= {"format": _LEADING, "k": parts.k, "dim": parts.dim, "floor": parts.floor}
    tensors = {name: np.ascontiguousarray(getattr(parts, name)) for name in _ARRAYS[said["format"]]}
    # One key: safetensors writes several in an order that changes from call to call.
    return safetensors.numpy.save(tensors, {"pullback": json.dumps(said, sort_keys=True)})


def read_parts(data: bytes) -> Parts:
    """The parts of a file; arrays are views of its bytes, and cannot be written.

    Raises:
        InvalidInputError: The bytes are no eigenbasis; the message says what is wrong with them.
    """
    header, start = _header(data)
    said = _said(header)
    arrays = {name: _array(data, header, start, name) for name in _ARRAYS[said["format"]]}
    values, vectors, metric = (arrays.get(name) for name in _ARRAYS[_COMPLETE])
    assert values is not None  # noqa: S101  (every format has them)
    assert vectors is not None  # noqa: S101  (every format has them)
    floor = _floor(said, vectors) if metric is None else 0.0
    return Parts(values, vectors, metric, floor, Provenance.from_dict(said["provenance"]))


def _header(data: bytes) -> tuple[dict[str, Any], int]:
    length = int.from_bytes(data[:_LENGTH], "little")
    try:
        if not 0 < length <= len(data) - _LENGTH:
            raise ValueError(f"a header of {length:,} bytes in a file of {len(data):,}")
        header = json.loads(data[_LENGTH : _LENGTH + length])
        ends = [each["data_offsets"][1] for name, each in header.items() if name != "__metadata__"]
        if (end := max(ends, default=0)) != len(data) - _LENGTH - length:
            raise ValueError(f"tensors of {end:,} bytes in a file of {len(data):,}")
        return header, _LENGTH + length
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInputError(f"not a readable safetensors file: {inspect_bytes(data)} ({error})") from error


def _said(header: dict[str, Any]) -> dict[str, Any]:
    """What the file says of itself."""
    try:
        said = json.loads(header["__metadata__"]["pullback"])
        came, provenance = said["format"], said["provenance"]
    except (ValueError, KeyError, TypeError):
        raise InvalidInputError("a safetensors file, but without the metadata of an eigenbasis") from None
    if came not in _ARRAYS or not isinstance(provenance, dict):
        read = " and ".join(map(repr, _ARRAYS))
        raise InvalidInputError(f"an eigenbasis of format {came!r}, but this version of pullback reads {read}")
    return dict(said)


def _array(data: bytes, header: dict[str, Any], start: int, name: str) -> NDArray[np.float64]:
    if name not in header:
        raise InvalidInputError(f"an eigenbasis holds {', '.join(_ARRAYS[_COMPLETE])}, but no {name} came")
    try:
        dtype, shape, (first, last) = (header[name][key] for key in ("dtype", "shape", "data_offsets"))
        if dtype != "F64":
            raise InvalidInputError(f"{name} of an eigenbasis: float64, but {_dtype(dtype)} came")
        if not 0 <= first <= last <= len(data) - start:
            raise ValueError("it lies outside of the file")
        flat = np.frombuffer(data, "<f8", count=(last - first) // 8, offset=start + first)
        return flat.reshape(shape)
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(f"{name} of an eigenbasis cannot be read: {error}") from error


def _dtype(name: object) -> str:
    known = {"F32": "float32", "F16": "float16", "I64": "int64", "I32": "int32", "BF16": "bfloat16"}
    return known.get(str(name), str(name))


def _floor(said: dict[str, Any], vectors: NDArray[np.float64]) -> float:
    try:
        floor, shape = float(said["floor"]), (int(said["dim"]), int(said["k"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"an eigenbasis of k eigenpairs says k, dim and floor, but {error} came") from None
    if vectors.shape != shape:
        raise InvalidInputError(f"the eigenvectors have shape {shape} by the file's word, but {vectors.shape} came")
    return floor
