"""Tasks of a decoder process: targets and references, images or sounds. Imports Pillow and NumPy, and no torch."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from pullback_api.pictures import PictureError, kind_of, size_of
from pullback_api.pictures.claims import webp_size
from pullback_server.decoding.images import ImageError, PreparedTarget, Rectangle, prepare
from pullback_server.decoding.sounds import prepare_sound
from pullback_server.protocol.calls import Presentation, SoundShape
from pullback_server.worker.presentation import encode, present

Header = dict[str, Any]
# Of an image that is decoded beside others; what is larger is decoded one at a time.
SMALL_PIXELS = 16_000_000


def work(header: Header, parts: Sequence[bytes]) -> tuple[Header, Sequence[bytes]]:
    """Prepares a target.

    Args:
        header: `small`: whether large images are left alone; `image_shape`: (C, H, W) of the generator's images;
            `center_crop`; `ignore`: boxes, as (left, top, width, height); `shown`: for a reference image, what it looks
            like, as `Presentation` takes it, and its `format`. Of a sound: `sound`, the channels, length and rate of
            those that the generator draws, and `converted`; and nothing else but `small`.
        parts: The image's file; its mask's, if it has one.

    Returns:
        The image, and its mask if it has one, as PNG files; of a reference image its file as it is shown, and its
        `size`. A sound as a WAV file. Or `large`: it was left alone; or `fault` and `part`.
    """
    mask = parts[1] if len(parts) > 1 else None
    try:
        if "sound" in header:
            return {}, (prepare_sound(parts[0], SoundShape(**header["sound"]), converted=header["converted"]),)
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
    if "shown" in header:
        return _as_shown(prepared, channels, header["shown"])
    return {}, (prepared.image,) if prepared.mask is None else (prepared.image, prepared.mask)


def _as_shown(prepared: PreparedTarget, channels: int, shown: Header) -> tuple[Header, Sequence[bytes]]:
    size = shown["size"]
    presentation = Presentation(
        size=None if size is None else (size[0], size[1]),
        greyscale=shown["greyscale"],
        mean_luminance=shown["mean_luminance"],
        contrast=shown["contrast"],
    )
    levels = np.asarray(Image.open(io.BytesIO(prepared.image)), dtype=np.float32)
    pixels = (levels / 255).astype(np.float32).reshape(*levels.shape[:2], channels)
    image = present(pixels, presentation)
    return {"size": image.size}, (encode(image, shown["format"]),)


def _pixels(data: bytes) -> int:
    if kind_of(data).format == "WEBP" and (claimed := webp_size(data)) is not None:
        # Its decoder makes room for all of it before it tells the size.
        return claimed[0] * claimed[1]
    try:
        width, height = size_of(data)
    except PictureError:
        # It is told which of the files it is, and why, when it is decoded.
        return 0
    return width * height
