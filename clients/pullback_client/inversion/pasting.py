"""Pasting of a reconstruction back into its photograph."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from pullback_client.errors import InvalidArgumentError
from pullback_client.inversion.framing import WHOLE, Framing

FEATHER = 0.03
"""Width of the edge over which a reconstruction fades into its photograph, in sides of its frame."""

_ROUNDING = 1e-6  # of a pixel: what a coordinate may miss a whole number by
_MOST_FEATHER = 0.5


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


def check_feather(feather: float) -> None:
    """Raises InvalidArgumentError where the width of an edge is none."""
    if not 0 <= feather <= _MOST_FEATHER:
        raise InvalidArgumentError(
            f"feather must be from 0 (a hard edge) to {_MOST_FEATHER:g} sides of the frame, got {feather!r}"
        )


def paste(
    reconstruction: Image.Image,
    photograph: Image.Image,
    alignment: Alignment,
    framing: Framing = WHOLE,
    feather: float = FEATHER,
) -> Image.Image:
    """The photograph, at its own resolution, with the reconstruction where it belongs.

    What was compared is the photograph, or the square that was cut out of it, and of that the largest centred part
    that has the reconstruction's aspect; the alignment is relative to that part. What the reconstruction does not cover
    stays as it is, pixels covered in part included, and so does what was hidden by a mask or a region to ignore; where
    a mask is grey, both are mixed. The reconstruction fades in from the edges of its frame and of what was hidden, but
    not from the photograph's own edges.

    Args:
        reconstruction: The image that was found.
        photograph: The photograph, upright; mode RGB.
        alignment: Where the reconstruction lies.
        framing: What was cut out and hidden.
        feather: Width of the edge, in sides of the reconstruction's frame, 0 (hard) to 0.5.

    Raises:
        InvalidArgumentError: The width of the edge is out of range, or the mask cannot be read.
    """
    check_feather(feather)
    cut = framing.cut(photograph)
    frame_width, frame_height = _compared(cut[2] - cut[0], cut[3] - cut[1], reconstruction)
    width, height = alignment.scale * frame_width, alignment.scale * frame_height
    # The centre is moved from that of what was cut out by shifts in half sides of the frame.
    left = (cut[0] + cut[2] + alignment.shift_x * frame_width - width) / 2
    top = (cut[1] + cut[3] + alignment.shift_y * frame_height - height) / 2
    x, x_end = _pixels(left, left + width, cut[0], cut[2])
    y, y_end = _pixels(top, top + height, cut[1], cut[3])
    pasted = photograph.copy()
    if x_end <= x or y_end <= y:  # it lies outside, or is smaller than a pixel
        return pasted
    source = (
        *_within(reconstruction, (x - left) / width, (y - top) / height),
        *_within(reconstruction, (x_end - left) / width, (y_end - top) / height),
    )
    piece = reconstruction.convert("RGB").resize((x_end - x, y_end - y), Image.Resampling.LANCZOS, box=source)
    opacity = _opacity(photograph, (x, y, x_end, y_end), framing, feather * min(width, height))
    pasted.paste(piece, (x, y), opacity)
    return pasted


def _opacity(
    photograph: Image.Image, box: tuple[int, int, int, int], framing: Framing, edge: float
) -> Image.Image | None:
    """How much of the reconstruction is seen, mode L, at the size of its box; None = all of it.

    Along an edge the opacity rises linearly over 2 r + 1 pixels, from 0 at the last pixel that is hidden: what counts
    is worn away by r pixels, and then averaged over r pixels to each side, which never reaches what is hidden.

    Args:
        photograph: The photograph.
        box: The whole pixels that the reconstruction covers: left, top, right, bottom.
        framing: What was hidden.
        edge: Width of the edge in pixels.
    """
    weights = framing.weights(photograph)
    radius = max(round((edge - 1) / 2), 0)
    if radius == 0:
        return None if weights is None else weights.crop(box)
    left, top, right, bottom = box
    part = Image.new("L", photograph.size, 255) if weights is None else weights
    seen = np.asarray(part.crop(box))
    # Around the frame nothing is seen; but beyond the photograph there is nothing to fade into.
    ends = ((top > 0, bottom < photograph.height), (left > 0, right < photograph.width))
    for axis, (before, after) in enumerate(ends):
        seen = _padded(seen, axis, 2 * radius, before=before, after=after)
    for axis in (0, 1):
        seen = _least(seen, axis, 2 * radius + 1)
    # As far as pixels are averaged there is padding left, which is cut off again.
    soft = Image.fromarray(seen).filter(ImageFilter.BoxBlur(radius))
    return soft.crop((radius, radius, soft.width - radius, soft.height - radius))


def _padded(
    values: npt.NDArray[np.uint8], axis: int, width: int, *, before: bool, after: bool
) -> npt.NDArray[np.uint8]:
    """Values with more before and after them: nothing where the photograph goes on, else their like."""
    for end, hidden in ((0, before), (1, after)):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (width, 0) if end == 0 else (0, width)
        values = np.pad(values, pad, mode="constant" if hidden else "edge")
    return values


def _least(values: npt.NDArray[np.uint8], axis: int, window: int) -> npt.NDArray[np.uint8]:
    """The least value of each window along an axis; windows are put together from windows of half their length."""
    along, reach = np.moveaxis(values, axis, 0), 1
    while reach < window:
        step = min(reach, window - reach)
        along = np.minimum(along[:-step], along[step:])
        reach += step
    return np.moveaxis(along, 0, axis)


def _compared(width: float, height: float, reconstruction: Image.Image) -> tuple[float, float]:
    """Width and height of the part of a photograph, or of a square of it, that was compared, in its pixels."""
    exact_width = height * reconstruction.width / reconstruction.height
    # Within a pixel of the right aspect the server compares all of it.
    if abs(width - exact_width) <= 1:
        return width, height
    compared = min(width, exact_width)
    return compared, compared * reconstruction.height / reconstruction.width


def _pixels(start: float, end: float, least: float, most: float) -> tuple[int, int]:
    """The whole pixels that an interval covers, within another one."""
    return math.ceil(max(start, least) - _ROUNDING), math.floor(min(end, most) + _ROUNDING)


def _within(image: Image.Image, x: float, y: float) -> tuple[float, float]:
    """A point of an image in its pixels, from its fractions of the sides; rounding must not lead out of it."""
    return min(max(x, 0.0), 1.0) * image.width, min(max(y, 0.0), 1.0) * image.height
