"""Laying a reconstruction back into its photograph."""

from __future__ import annotations

import math
from typing import NamedTuple

from PIL import Image

_ROUNDING = 1e-6  # of a pixel: what a coordinate may miss a whole number by


class Alignment(NamedTuple):
    """Where a reconstruction lies within its photograph, as that was compared.

    Attributes:
        scale: Side of the reconstruction's frame in units of the photograph's.
        shift_x: Its centre to the right of the photograph's, in units of the photograph's half width.
        shift_y: Its centre below the photograph's, in units of the photograph's half height.
    """

    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0


def paste(reconstruction: Image.Image, photograph: Image.Image, alignment: Alignment) -> Image.Image:
    """The photograph, at its own resolution, with the reconstruction where it belongs.

    What was compared is the largest centred part of the photograph that has the reconstruction's aspect; the alignment
    is relative to that part. What the reconstruction does not cover stays as it is, pixels covered in part included.

    Args:
        reconstruction: The image that was found.
        photograph: The photograph, upright; mode RGB.
        alignment: Where the reconstruction lies.
    """
    frame_width, frame_height = _compared(photograph, reconstruction)
    width, height = alignment.scale * frame_width, alignment.scale * frame_height
    # The centre is moved from the photograph's by shifts in half sides of the frame.
    left = (photograph.width + alignment.shift_x * frame_width - width) / 2
    top = (photograph.height + alignment.shift_y * frame_height - height) / 2
    x, x_end = _pixels(left, width, photograph.width)
    y, y_end = _pixels(top, height, photograph.height)
    pasted = photograph.copy()
    if x_end <= x or y_end <= y:  # it lies outside, or is smaller than a pixel
        return pasted
    box = (
        *_within(reconstruction, (x - left) / width, (y - top) / height),
        *_within(reconstruction, (x_end - left) / width, (y_end - top) / height),
    )
    piece = reconstruction.convert("RGB").resize((x_end - x, y_end - y), Image.Resampling.LANCZOS, box=box)
    pasted.paste(piece, (x, y))
    return pasted


def _compared(photograph: Image.Image, reconstruction: Image.Image) -> tuple[float, float]:
    """Width and height of the part of the photograph that was compared, in its pixels."""
    exact_width = photograph.height * reconstruction.width / reconstruction.height
    # Within a pixel of the right aspect the server compares the whole photograph.
    if abs(photograph.width - exact_width) <= 1:
        return photograph.width, photograph.height
    width = min(photograph.width, exact_width)
    return width, width * reconstruction.height / reconstruction.width


def _pixels(start: float, length: float, most: int) -> tuple[int, int]:
    """The whole pixels of a photograph's side that an interval covers."""
    return max(math.ceil(start - _ROUNDING), 0), min(math.floor(start + length + _ROUNDING), most)


def _within(image: Image.Image, x: float, y: float) -> tuple[float, float]:
    """A point of an image in its pixels, from its fractions of the sides; rounding must not lead out of it."""
    return min(max(x, 0.0), 1.0) * image.width, min(max(y, 0.0), 1.0) * image.height
