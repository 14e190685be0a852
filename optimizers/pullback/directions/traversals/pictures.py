"""Frames as picture files: side by side, as a grid, or one after the other."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from pullback.errors import InvalidInputError
from pullback.pictures import side_by_side, to_pictures


def strip(images: Tensor, columns: int | None = None) -> bytes:
    """The frames side by side as one PNG, or row by row as a grid.

    Args:
        images: Images in [0, 1], shape (frames, C, H, W), C = 1 or 3.
        columns: How many in a row; all when omitted. A last row that is not full ends in black.

    Returns:
        The file, W·columns × H·rows px; the frames' levels are those of each rendered by itself.

    Raises:
        InvalidInputError: No images, or of neither 1 nor 3 channels.
    """
    return side_by_side(_pictures(images), columns)


def animation(images: Tensor, milliseconds: int = 100) -> bytes:
    """The frames forth and back as an endless GIF.

    Args:
        images: Images in [0, 1], shape (frames, C, H, W), C = 1 or 3.
        milliseconds: How long each is shown, at least 20, which is what viewers keep to.

    Returns:
        The file. A GIF has 256 colours a frame, so its levels are not exactly the frames'.

    Raises:
        InvalidInputError: No images, of neither 1 nor 3 channels, or too short a time.
    """
    return forth_and_back([reduced(picture) for picture in _pictures(images)], milliseconds)


def reduced(picture: Image.Image) -> Image.Image:
    """The picture in 256 colours of its own, as a frame of an animation. It takes longer than all the rest of one."""
    return picture.quantize(256)


def forth_and_back(frames: Sequence[Image.Image], milliseconds: int = 100) -> bytes:
    """`animation` of frames that are `reduced`.

    Raises:
        InvalidInputError: Too short a time.
    """
    if milliseconds < 20:
        raise InvalidInputError(f"a frame is shown for at least 20 ms, but {milliseconds} came")
    # The two ends are not shown twice in a row.
    first, *others = [*frames, *frames[-2:0:-1]]
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)
    return buffer.getvalue()


def _pictures(images: Tensor) -> list[Image.Image]:
    if images.ndim != 4 or len(images) == 0 or images.shape[1] not in {1, 3}:
        raise InvalidInputError(
            f"frames are images of shape (frames, 1 or 3, height, width), but shape {tuple(images.shape)} came"
        )
    return to_pictures(images)
