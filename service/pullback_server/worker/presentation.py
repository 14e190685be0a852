"""Presentation of images on the screen: their size, colour, luminance and contrast. Needs no torch."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pullback_server.protocol.calls import Presentation

# Luma of red, green and blue (ITU-R 601).
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def present(image: NDArray[np.float32], presentation: Presentation) -> Image.Image:
    """The picture of an image in [0, 1], shape (H, W, C), as it is shown.

    First the size, then the colour, then contrast and luminance. What leaves [0, 1] is clipped last, so that an image
    with very dark and very bright parts may keep a little less contrast than was asked for.
    """
    shown = image.clip(0, 1)
    if presentation.size is not None:
        shown = _resize(shown, presentation.size)
    if presentation.greyscale:
        shown = _luma(shown)
    shown = _adjust(shown, presentation)
    levels = (shown.clip(0, 1) * 255).round().astype(np.uint8)
    return Image.fromarray(levels.squeeze(-1) if levels.shape[-1] == 1 else levels)


def encode(image: Image.Image, image_format: str) -> bytes:
    """An image file; `image_format` is PNG or JPEG."""
    buffer = io.BytesIO()
    options = {"quality": 95} if image_format == "JPEG" else {}
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def _resize(image: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Bicubic interpolation, channel by channel, so that nothing is rounded before the end."""
    channels = [
        np.asarray(Image.fromarray(np.ascontiguousarray(channel)).resize(size, Image.Resampling.BICUBIC))
        for channel in np.moveaxis(image, -1, 0)
    ]
    # Bicubic interpolation overshoots at edges.
    return np.stack(channels, axis=-1).clip(0, 1)


def _luma(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Y = 0.299 R + 0.587 G + 0.114 B, shape (H, W, 1); what is grey already stays as it is."""
    return image if image.shape[-1] == 1 else (image @ _LUMA)[..., None]


def _adjust(image: NDArray[np.float32], presentation: Presentation) -> NDArray[np.float32]:
    luma = _luma(image)
    mean, deviation = float(luma.mean(dtype=np.float64)), float(luma.std(dtype=np.float64))
    target = mean if presentation.mean_luminance is None else presentation.mean_luminance
    # An image of one tone has no contrast to scale.
    scale = 1.0 if presentation.contrast is None or deviation == 0 else presentation.contrast / deviation
    # x ↦ s (x − m) + m', in every channel alike
    return ((image - mean) * scale + target).astype(np.float32) if (scale, target) != (1.0, mean) else image
