"""Photographs on their way to the server: files as they are, everything else as PNG."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms

from pullback_client.errors import InvalidArgumentError, ResourceExhaustedError
from pullback_client.transport import MAX_MESSAGE_BYTES

ImageInput: TypeAlias = "str | os.PathLike[str] | Image.Image | npt.NDArray[Any]"
"""An image: a file, a Pillow image, or an array (H, W), (H, W, 1) or (H, W, 3) of uint8, or of floats in [0, 1]."""

_PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
_MIB = 1024 * 1024
# What undoes each EXIF orientation; 1 is upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


_TURNED = frozenset({5, 6, 7, 8})  # of which a quarter turn is part


def encode(image: ImageInput, what: str = "image") -> bytes:
    """The bytes to send: a file's own, or a PNG.

    Args:
        image: See `ImageInput`.
        what: Name of the image, for the messages.

    Raises:
        InvalidArgumentError: A file is missing or not a file, an array has an unusable shape, type or range.
        ResourceExhaustedError: A file is larger than a message can be.
    """
    if isinstance(image, str | os.PathLike):
        return _read(Path(image))
    if isinstance(image, np.ndarray):
        return _png(_from_array(image, what))
    if isinstance(image, Image.Image):
        return _png(_storable(image, what))
    raise InvalidArgumentError(f"{what}: expected a path, a Pillow image or an array, got {type(image).__name__}")


def open_photograph(image: ImageInput) -> Image.Image:
    """A photograph as a server sees it before it is resized: upright, RGB in the sRGB colour space, on white.

    Args:
        image: See `ImageInput`.

    Raises:
        InvalidArgumentError: It cannot be read as an image.
    """
    data = encode(image, "photograph")
    try:
        opened = Image.open(io.BytesIO(data))
        opened.load()
        upright = _to_srgb(_upright(opened))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        name = image if isinstance(image, str | os.PathLike) else "the photograph"
        raise InvalidArgumentError(f"{name} cannot be read as an image: {error}") from error
    if upright.mode.startswith("I;16"):
        # 65535 = 255 · 257; Pillow's own conversion clips.
        upright = Image.fromarray(((np.asarray(upright).astype(np.int32) + 128) // 257).astype(np.uint8))
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
    return upright.convert("RGB")


def size_of(image: ImageInput) -> tuple[int, int] | None:
    """Width and height of an image, upright; None where it cannot be read. Of a file, nothing is decoded."""
    if isinstance(image, np.ndarray):
        return image.shape[1], image.shape[0]
    try:
        with contextlib.ExitStack() as stack:
            opened = image if isinstance(image, Image.Image) else stack.enter_context(Image.open(image))
            turned = opened.getexif().get(ExifTags.Base.Orientation, 1) in _TURNED
            return (opened.height, opened.width) if turned else (opened.width, opened.height)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF orientation says. Pillow's `exif_transpose` refuses some photographs' EXIF data."""
    undo = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return image if undo is None else image.transpose(undo)


def _to_srgb(image: Image.Image) -> Image.Image:
    """In sRGB, where the file has a colour profile of its own that can be read."""
    profile = image.info.get("icc_profile")
    if profile is None or image.mode not in {"RGB", "CMYK"}:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError):
        # A damaged profile says nothing; as browsers and the server do, the colours are taken for sRGB.
        return image


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise InvalidArgumentError(f"{path} is a folder, not a photograph: name the files in it")
    try:
        size = path.stat().st_size
        if size > MAX_MESSAGE_BYTES:
            raise ResourceExhaustedError(
                f"{path} takes {size / _MIB:.1f} MiB; at most {MAX_MESSAGE_BYTES // _MIB} MiB can be sent: "
                "scale it down first"
            )
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InvalidArgumentError(f"no such file: {path}") from error
    except OSError as error:
        raise InvalidArgumentError(f"cannot read {path}: {error.strerror or error}") from error
    if not data:
        raise InvalidArgumentError(f"{path} is empty (0 bytes): expected a photograph")
    return data


def _from_array(array: npt.NDArray[Any], what: str) -> Image.Image:
    pixels = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)) or 0 in pixels.shape:
        hint = " (give several images as a list)" if array.ndim == 4 else ""
        raise InvalidArgumentError(
            f"{what}: expected an array of shape (H, W), (H, W, 1) or (H, W, 3), got {array.shape}{hint}"
        )
    if pixels.dtype == np.bool_:
        pixels = pixels * np.uint8(255)
    elif pixels.dtype.kind == "f":
        # Written so that NaN fails too.
        if not bool(np.all((pixels >= 0) & (pixels <= 1))):
            raise InvalidArgumentError(
                f"{what}: floats must lie in [0, 1], got {np.min(pixels):.4g} to {np.max(pixels):.4g}; "
                "divide by 255, or convert to uint8"
            )
        pixels = np.rint(pixels * 255.0).astype(np.uint8)
    elif pixels.dtype != np.uint8:
        raise InvalidArgumentError(f"{what}: expected uint8, or floats in [0, 1], got dtype {array.dtype}")
    return Image.fromarray(np.ascontiguousarray(pixels))


def _storable(image: Image.Image, what: str) -> Image.Image:
    """The image as PNG can hold it, upright: PNG files made here carry no EXIF orientation."""
    if image.mode in {"I", "F"}:
        raise InvalidArgumentError(
            f"{what}: Pillow mode {image.mode!r} has no fixed range; convert it to an array of uint8, "
            "or of floats in [0, 1]"
        )
    upright = _upright(image)
    if upright.mode in _PNG_MODES:
        return upright
    return upright.convert("RGBA" if upright.has_transparency_data else "RGB")


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
