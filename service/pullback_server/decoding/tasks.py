"""Tasks of a decoder process: targets and reference images. Imports Pillow and NumPy, and little else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pullback_api.pictures import PictureError, size_of
from pullback_server.images import ImageError, Rectangle, prepare

Header = dict[str, Any]
# Of an image that is decoded beside others; what is larger is decoded one at a time.
SMALL_PIXELS = 16_000_000


def work(header: Header, parts: Sequence[bytes]) -> tuple[Header, Sequence[bytes]]:
    """Prepares a target.

    Args:
        header: `small`: whether large images are left alone; `image_shape`: (C, H, W) of the generator's images;
            `center_crop`; `ignore`: boxes, as (left, top, width, height).
        parts: The image's file; its mask's, if it has one.

    Returns:
        The image, and its mask if it has one, as PNG files. Or `large`: it was left alone; or `fault` and `part`.
    """
    mask = parts[1] if len(parts) > 1 else None
    try:
        if header["small"] and max(_pixels(part) for part in parts) > SMALL_PIXELS:
            return {"large": True}, ()
        channels, height, width = header["image_shape"]
        prepared = prepare(
            parts[0],
            mask,
            height=height,
            width=width,
            channels=channels,
            center_crop=header["center_crop"],
            ignore=[Rectangle(*box) for box in header["ignore"]],
        )
    except ImageError as error:
        return {"fault": str(error), "part": error.part}, ()
    return {}, (prepared.image,) if prepared.mask is None else (prepared.image, prepared.mask)


def _pixels(data: bytes) -> int:
    try:
        width, height = size_of(data)
    except PictureError:
        # It is told which of the files it is, and why, when it is decoded.
        return 0
    return width * height
