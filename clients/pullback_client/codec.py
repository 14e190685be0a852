"""Packed tensors and encoded images of the wire, to and from NumPy and Pillow."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pullback_api.v1 import values_pb2
from pullback_client.errors import BadResponseError, InvalidArgumentError

Array = npt.NDArray[np.floating[Any]]

# Little-endian on the wire, whatever the machine.
_DTYPES: dict[int, np.dtype[Any]] = {
    values_pb2.DATA_TYPE_FLOAT32: np.dtype("<f4"),
    values_pb2.DATA_TYPE_FLOAT64: np.dtype("<f8"),
}
_BY_DTYPE = {dtype: number for number, dtype in _DTYPES.items()}


def tensor_from_array(array: npt.ArrayLike) -> values_pb2.Tensor:
    """Packs an array.

    Args:
        array: Numbers of any shape. float64 stays float64; float32, float16 and integers are sent as float32.

    Raises:
        InvalidArgumentError: The array does not hold real numbers.
    """
    values = np.asarray(array)
    if values.dtype.kind not in "fiu":
        raise InvalidArgumentError(f"expected an array of real numbers, got dtype {values.dtype}")
    wide = values.dtype.kind == "f" and values.dtype.itemsize >= 8
    dtype = np.dtype("<f8" if wide else "<f4")
    return values_pb2.Tensor(
        dtype=values_pb2.DataType.Name(_BY_DTYPE[dtype]),
        shape=values.shape,
        data=values.astype(dtype).tobytes(order="C"),
    )


def array_from_tensor(tensor: values_pb2.Tensor, what: str = "tensor") -> Array:
    """Unpacks a tensor into an array of the machine's byte order that owns its memory.

    Args:
        tensor: From the wire.
        what: Name of the value, for the message.

    Raises:
        BadResponseError: The element type is unknown, or the bytes are not as many as the shape says.
    """
    dtype = _DTYPES.get(tensor.dtype)
    if dtype is None:
        raise BadResponseError(
            f"{what}: unknown element type {int(tensor.dtype)}; is the server newer than this client?"
        )
    shape = tuple(tensor.shape)
    if any(size < 0 for size in shape):
        raise BadResponseError(f"{what}: negative size in shape {shape}")
    expected = math.prod(shape) * dtype.itemsize
    if len(tensor.data) != expected:
        raise BadResponseError(f"{what}: shape {shape} of {dtype.name} takes {expected} bytes, got {len(tensor.data)}")
    return np.frombuffer(tensor.data, dtype=dtype).astype(dtype.newbyteorder("=")).reshape(shape)


def image_from_wire(image: values_pb2.Image, what: str = "image") -> Image.Image:
    """Decodes an image that the server sent.

    Args:
        image: From the wire.
        what: Name of the value, for the message.

    Raises:
        BadResponseError: The bytes are not an image.
    """
    try:
        decoded = Image.open(io.BytesIO(image.data))
        decoded.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise BadResponseError(f"{what}: {len(image.data)} bytes that are not an image ({error})") from error
    return decoded
