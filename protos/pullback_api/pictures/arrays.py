"""Pictures as arrays: NumPy's, and whatever turns into one, such as a tensor of PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pullback_api.pictures.decoding import convert
from pullback_api.pictures.errors import PictureError
from pullback_api.pictures.levels import from_floats, from_integers
from pullback_api.pictures.limits import check_most

_CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}
_EXPECTED = "expected one image of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"


def from_array(value: Any, *, mask: bool = False) -> Image.Image:
    """An image of an array of pixels.

    Args:
        value: Shape (H, W), (H, W, 1), (H, W, 3) or, with alpha, (H, W, 4): uint8, uint16 (65535 is white), bool, or
            floats in [0, 1]; anything that NumPy makes an array of, such as a tensor of PyTorch.
        mask: Whether it is a mask.

    Returns:
        As `convert`: on white, mode L or RGB.

    Raises:
        PictureError: Another shape, type or range, or as `convert`; the message says what to do.
    """
    array = as_array(value)
    _check_shape(array.shape, "permute" if hasattr(value, "permute") else "transpose")
    pixels = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    check_most(pixels.shape[1], pixels.shape[0])
    levels = np.ascontiguousarray(_eight_bits(pixels))
    return convert(Image.fromarray(levels), mask=mask)


def as_array(value: Any) -> npt.NDArray[Any]:
    """An array of something that can be one; a tensor is taken from its graph and its device.

    Raises:
        PictureError: It cannot be one.
    """
    try:
        for step in ("detach", "cpu"):
            if hasattr(value, step):
                value = getattr(value, step)()
        return np.asarray(value)
    except Exception as error:
        # Each library raises errors of its own.
        raise PictureError(
            f"{type(value).__name__} cannot be made a NumPy array ({error}); convert it, for example to float32, "
            "and give numpy.asarray(…) of it"
        ) from None


def _check_shape(shape: tuple[int, ...], permute: str) -> None:
    """Raises where a shape is not that of one image, with what makes it one."""
    fits = len(shape) == 2 or (len(shape) == 3 and shape[2] in _CHANNELS)
    if fits and 0 not in shape:
        return
    hint = ""
    if len(shape) == 3 and shape[0] in _CHANNELS:
        hint = f"; channels come last: give image.{permute}(1, 2, 0)"
    elif len(shape) == 4 and shape[3] in _CHANNELS:
        hint = "; give several images as a list: list(images)"
    elif len(shape) == 4 and shape[1] in _CHANNELS:
        hint = f"; channels come last: give several images as a list: list(images.{permute}(0, 2, 3, 1))"
    elif len(shape) == 3 and shape[2] > 4:
        hint = "; give several grey images as a list: list(images)"
    raise PictureError(f"{_EXPECTED}, got {shape}{hint}")


def _eight_bits(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.bool_:
        return pixels * np.uint8(255)
    if pixels.dtype.kind == "f":
        return from_floats(pixels)
    if pixels.dtype.kind == "u" and pixels.dtype.itemsize == 2:
        return from_integers(pixels)
    advice = ""
    if pixels.dtype.kind in "iu":
        advice = (
            f"; levels from {pixels.min()} to {pixels.max()} came: convert with .astype(numpy.uint8) if 255 is white"
        )
    raise PictureError(f"expected uint8, uint16, bool, or floats in [0, 1], got dtype {pixels.dtype}{advice}")
