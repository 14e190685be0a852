"""Photographs and sounds on their way to the server: files as they are, everything else as PNG, or as WAV."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from pullback_api import pictures
from pullback_api.sounds import Sound, write_wav
from pullback_client.errors import InvalidArgumentError, ResourceExhaustedError
from pullback_client.wire.transport import MAX_MESSAGE_BYTES

if TYPE_CHECKING:  # part of `typing` from Python 3.13
    from typing_extensions import TypeIs


class ReadableFile(Protocol):
    """An open binary file, such as `open(path, "rb")` or `io.BytesIO`."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; all where it is negative."""


class ArrayLike(Protocol):
    """What NumPy makes an array of, such as a tensor of PyTorch."""

    def __array__(self) -> npt.NDArray[Any]: ...


ImageInput: TypeAlias = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | ReadableFile
    | Image.Image
    | npt.NDArray[Any]
    | ArrayLike
    | Sound
)
"""An image: a file's path, an open file or a file's bytes; a Pillow image; or pixels, as an array or what NumPy makes
one of (a tensor of PyTorch): (H, W), (H, W, 1), (H, W, 3) or, with alpha, (H, W, 4) of uint8, uint16 (65535 = white),
bool or floats in [0, 1]. For a generator of sounds, a WAV file or a `Sound`."""

_EXPECTED = "a path, an open file, a file's bytes, a Pillow image, an array of pixels or a Sound"
_MIB = 1024 * 1024


def is_image(value: Any) -> TypeIs[ImageInput]:
    """Whether a value is meant as one image, rather than as a list of them."""
    if isinstance(value, str | os.PathLike | bytes | bytearray | memoryview | Image.Image | Sound):
        return True
    if hasattr(value, "__array__"):
        # An array or a table's column of objects is a list: of paths, or of images.
        return getattr(getattr(value, "dtype", None), "kind", None) not in {"O", "U", "S", "T"}
    return hasattr(value, "read")


def listed(images: ImageInput | Iterable[ImageInput], what: str = "image") -> list[ImageInput]:
    """One image, or any number of them, as a list; nothing is read.

    Args:
        images: One image, or a list or another iterable of them.
        what: Name of an image, for the messages.

    Raises:
        InvalidArgumentError: Neither one nor the other.
    """
    if is_image(images):
        return [images]
    if isinstance(images, Mapping | Set) or not isinstance(images, Iterable):
        raise InvalidArgumentError(
            f"expected one {what} or a list of them, got {type(images).__name__}: give {_EXPECTED}, or a list of these"
        )
    found = list(images)
    for number, image in enumerate(found, start=1):
        if not is_image(image):
            raise _no_image(image, f"{what} {number} of {len(found)}")
    return found


def name_of(image: ImageInput) -> str:
    """Name of an image's file, without its folder; empty where it has none."""
    named: Any = image if isinstance(image, str | os.PathLike) else getattr(image, "name", "")
    # The name of an open file may also be a number; other things have names that are no files'.
    is_file = isinstance(image, str | os.PathLike) or (hasattr(image, "read") and isinstance(named, str))
    return Path(named).name if is_file else ""


def encode(image: ImageInput, what: str = "image", *, mask: bool = False) -> bytes:
    """The bytes to send: a file's own, or a PNG.

    A file is sent as it is, except HEIC and AVIF, which not every server reads: they are sent as PNG where they can be
    read here. What is decoded here is decoded as the server does, so that either way gives the same pixels.

    Args:
        image: See `ImageInput`. An open file is read from its start, and left where it was.
        what: Name of the image, for the messages.
        mask: Whether it is a mask.

    Raises:
        InvalidArgumentError: A file is missing, empty or not a file; an array has an unusable shape, type or range.
        ResourceExhaustedError: A file is larger than a message can be.
    """
    if (file := _file(image, what)) is not None:
        return _sendable(*file, mask=mask)
    if not is_image(image):
        raise _no_image(image, what)
    try:
        return _png(_converted(image, mask=mask))
    except pictures.PictureError as error:
        raise InvalidArgumentError(f"{what}: {error}") from error


def open_photograph(image: ImageInput) -> Image.Image:
    """A photograph as a server sees it before it is resized: upright, RGB in the sRGB colour space, on white.

    Args:
        image: See `ImageInput`.

    Raises:
        InvalidArgumentError: It cannot be read as an image.
        ResourceExhaustedError: A file is larger than a message can be.
    """
    return _opened(image, "the photograph", mask=False).convert("RGB")


def open_mask(mask: ImageInput) -> Image.Image:
    """A mask as a server sees it before it is resized: upright, mode L.

    Raises:
        InvalidArgumentError: It cannot be read as an image, or is no mask.
        ResourceExhaustedError: A file is larger than a message can be.
    """
    return _opened(mask, "the mask", mask=True)


def size_of(image: ImageInput) -> tuple[int, int] | None:
    """Width and height of an image, upright; None where it cannot be read. Of a file, nothing is decoded."""
    try:
        if (file := _file(image, "the photograph")) is not None:
            return pictures.size_of(file[0])
        if isinstance(image, Image.Image):
            return pictures.upright_size(image)
    except (InvalidArgumentError, ResourceExhaustedError, pictures.PictureError):
        return None
    pixels: Any = image
    shape: tuple[int, ...] = np.shape(pixels)
    return (shape[1], shape[0]) if len(shape) > 1 else None


def _opened(image: ImageInput, what: str, *, mask: bool) -> Image.Image:
    file = _file(image, what)
    if file is None and not is_image(image):
        raise _no_image(image, what)
    try:
        return _converted(image, mask=mask) if file is None else pictures.decode(file[0], mask=mask)
    except pictures.PictureError as error:
        name = what if file is None else file[1]
        raise InvalidArgumentError(f"{name} cannot be read as an image: {error}") from error


def _converted(image: Any, *, mask: bool = False) -> Image.Image:
    """Mode L or RGB, of a Pillow image or of pixels."""
    if isinstance(image, Image.Image):
        return pictures.convert(image, mask=mask)
    return pictures.from_array(image, mask=mask)


def _no_image(value: Any, what: str) -> InvalidArgumentError:
    hint = "; make an array of the pixels: numpy.asarray(…)" if isinstance(value, list | tuple) else ""
    return InvalidArgumentError(f"{what}: expected {_EXPECTED}, got {type(value).__name__}{hint}")


def _file(image: Any, what: str) -> tuple[bytes, str] | None:
    """The bytes of an image that is a file, and its name for messages; None where it is none."""
    if isinstance(image, str | os.PathLike):
        return _read(image), str(image)
    if isinstance(image, Sound):
        return _within_a_message(write_wav(image), what), what
    if isinstance(image, bytes | bytearray | memoryview):
        return _within_a_message(bytes(image), what), what
    if hasattr(image, "read") and not hasattr(image, "__array__") and not isinstance(image, Image.Image):
        return _within_a_message(_read_open(image, what), what), what
    return None


def _read(named: str | os.PathLike[str]) -> bytes:
    path = Path(named)
    if path.is_dir():
        raise InvalidArgumentError(f"{path} is a folder, not a photograph: name the files in it")
    try:
        size = path.stat().st_size
        if size > MAX_MESSAGE_BYTES:
            kind = pictures.kind_of_file(path)
            if kind.is_known and kind.format is None:
                raise InvalidArgumentError(f"{path} {kind.refusal}")
            raise _too_large(str(path), size)
        data = path.read_bytes()
    except FileNotFoundError as error:
        if str(named).startswith(("http://", "https://")):
            raise InvalidArgumentError(f"{named} is an address: download the photograph, and name the file") from error
        raise InvalidArgumentError(f"no such file: {path}") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise InvalidArgumentError(f"cannot read {path}: {reason or error}") from error
    return data


def _read_open(file: Any, what: str) -> bytes:
    """All of an open file, from its start where it can be gone back to, as after it was written."""
    try:
        seekable = hasattr(file, "seekable") and file.seekable()
        place = file.tell() if seekable else 0
        if seekable:
            file.seek(0)
        data = file.read(MAX_MESSAGE_BYTES + 1)
        if seekable:
            file.seek(place)
    except (OSError, ValueError) as error:
        raise InvalidArgumentError(f"{what}: cannot read the open file: {error}") from error
    if not isinstance(data, bytes | bytearray | memoryview):
        raise InvalidArgumentError(f'{what}: the file is open as text: open it with open(path, "rb")')
    return bytes(data)


def _within_a_message(data: bytes, what: str) -> bytes:
    if len(data) > MAX_MESSAGE_BYTES:
        raise _too_large(what, len(data))
    return data


def _too_large(name: str, size: int) -> ResourceExhaustedError:
    return ResourceExhaustedError(
        f"{name} takes {size / _MIB:.1f} MiB; at most {MAX_MESSAGE_BYTES // _MIB} MiB can be sent: scale it down first"
    )


def _sendable(data: bytes, name: str, *, mask: bool) -> bytes:
    """What to send of a file: itself, as the server says what is wrong with each; HEIC and AVIF as PNG."""
    kind = pictures.kind_of(data)
    if kind is pictures.EMPTY:
        raise InvalidArgumentError(f"{name} {kind.refusal}")
    if not kind.is_taken or kind.format in pictures.FORMATS:
        return data
    try:
        return _png(pictures.decode(data, mask=mask))
    except pictures.PictureError as error:
        raise InvalidArgumentError(f"{name}: {error}") from error


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
