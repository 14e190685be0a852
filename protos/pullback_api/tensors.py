"""NumPy arrays to and from packed tensors: the one codec that client and server share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pullback_api.v1 import values_pb2

_DTYPES: dict[values_pb2.DataType, np.dtype[Any]] = {
    values_pb2.DATA_TYPE_FLOAT32: np.dtype("<f4"),
    values_pb2.DATA_TYPE_FLOAT64: np.dtype("<f8"),
}


def pack(array: NDArray[np.floating[Any]]) -> values_pb2.Tensor:
    """Packs a float32 or float64 array of any shape.

    Raises:
        ValueError: Another element type.
    """
    for number, dtype in _DTYPES.items():
        if array.dtype.kind == "f" and array.dtype.itemsize == dtype.itemsize:
            data = np.ascontiguousarray(array, dtype=dtype).tobytes()
            return values_pb2.Tensor(dtype=number, shape=array.shape, data=data)
    raise ValueError(f"tensors travel as float32 or float64, but {array.dtype} came")


def unpack(tensor: values_pb2.Tensor) -> NDArray[np.floating[Any]]:
    """Unpacks a tensor into an array of its own, in the machine's byte order.

    Raises:
        ValueError: Unknown element type, a negative axis, or data of another length than shape and type ask for.
    """
    dtype = _DTYPES.get(tensor.dtype)
    if dtype is None:
        raise ValueError("dtype is missing or unknown; expected DATA_TYPE_FLOAT32 or DATA_TYPE_FLOAT64")
    shape: Sequence[int] = tuple(tensor.shape)
    if any(axis < 0 for axis in shape):
        raise ValueError(f"shape {list(shape)} has a negative axis")
    expected = math.prod(shape) * dtype.itemsize
    if len(tensor.data) != expected:
        raise ValueError(
            f"{len(tensor.data)} bytes of data came, but shape {list(shape)} of {dtype.name} takes {expected}"
        )
    return np.frombuffer(tensor.data, dtype=dtype).reshape(shape).astype(dtype.newbyteorder("="))
