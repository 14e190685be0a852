"""Packed tensors and encoded images of the wire, to and from NumPy and Pillow."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pullback_api.tensors import pack, unpack
from pullback_api.v1 import values_pb2
from pullback_client.errors import BadResponseError, InvalidArgumentError
from pullback_client.wire.sounds import sound_from_wire, spectrogram

Array = npt.NDArray[np.floating[Any]]


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
    return pack(values.astype(np.float64 if values.dtype.kind == "f" and values.dtype.itemsize >= 8 else np.float32))


def array_from_tensor(tensor: values_pb2.Tensor, what: str = "tensor") -> Array:
    """Unpacks a tensor into an array of the machine's byte order that owns its memory.

    Args:
        tensor: From the wire.
        what: Name of the value, for the message.

    Raises:
        BadResponseError: The element type is unknown, or the bytes are not as many as the shape says.
    """
    try:
        return unpack(tensor)
    except ValueError as error:
        raise BadResponseError(f"{what}: {error}; do server and client fit together?") from error


def shaped_array(tensor: values_pb2.Tensor, what: str, expected: tuple[int, ...]) -> Array:
    """Unpacks a tensor whose shape is known.

    Args:
        tensor: From the wire.
        what: Name of the value, for the message.
        expected: Its shape.

    Raises:
        BadResponseError: It cannot be unpacked, has another shape, or is empty.
    """
    array = array_from_tensor(tensor, what)
    if array.shape != expected or not array.size:
        raise BadResponseError(f"{what} has shape {array.shape}, expected {expected}, each at least 1")
    return array


def image_from_wire(image: values_pb2.Image, what: str = "image") -> Image.Image:
    """Decodes an image that the server sent; of a sound, its spectrogram.

    Args:
        image: From the wire.
        what: Name of the value, for the message.

    Raises:
        BadResponseError: The bytes are neither an image nor a sound.
    """
    if (sound := sound_from_wire(image, what)) is not None:
        return spectrogram(sound)
    try:
        decoded = Image.open(io.BytesIO(image.data))
        decoded.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise BadResponseError(f"{what}: {len(image.data)} bytes that are not an image ({error})") from error
    return decoded
