"""Levels of 12, 16 and 32 bits and of floats, as 8 bits. Pillow's own conversion clips them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pullback_api.pictures.errors import PictureError

_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0  # tags of TIFF files, and a value
_SIXTEEN_BITS = 65_535
# v / 257, rounded, of every 16-bit level v: a table takes no more room than the result.
_DIVIDED: npt.NDArray[np.uint8] = ((np.arange(_SIXTEEN_BITS + 1) + 128) // 257).astype(np.uint8)


def to_eight_bits(image: Image.Image) -> Image.Image:
    """An image whose channels have 8 bits or fewer, of the mode it has; `I…` and `F` become `L` or `LA`.

    Integers are 16-bit levels v and become v / 257, rounded, as 65535 = 255 · 257; floats x in [0, 1] become 255 x,
    rounded. (Colours of 16 bits never come here: Pillow's decoders keep their upper 8 bits, which is the same but for
    at most one level.)

    Args:
        image: The image, loaded. Where it was read from a TIFF file, its tags say whether 0 is white, and whether its
            integers have 12 bits.

    Raises:
        PictureError: Levels without a meaning: floats outside [0, 1], integers outside 0 to 65535, or so small that
            they were meant as 8-bit ones.
    """
    if image.mode != "F" and not image.mode.startswith("I"):
        return image
    tags: Any = getattr(image, "tag_v2", {})
    white_is_zero = tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    # `I;16B` is of another byte order than the machine's.
    stored = np.asarray(image)
    levels = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    if image.mode == "F":
        grey = from_floats(levels)
    else:
        if tags.get(_BITS) in (12, (12,)):
            # 65535 = 15 · 4369 and 4095 = 15 · 273
            levels = (levels.astype(np.int32) * 4369 + 136) // 273
        grey = from_integers(levels)
    converted = Image.fromarray(255 - grey if white_is_zero else grey)
    if (transparent := image.info.get("transparency")) is not None:
        converted.putalpha(Image.fromarray(np.where(levels == transparent, 0, 255).astype(np.uint8)))
    return converted


def from_floats(levels: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8]:
    """Floats in [0, 1], of any shape, as 8-bit levels.

    Raises:
        PictureError: They lie elsewhere, or are no numbers.
    """
    if unusable := int(np.count_nonzero(~np.isfinite(levels))):
        raise PictureError(
            f"{unusable} of {levels.size} values are NaN or infinite; replace them, or hide them with a mask "
            "(numpy.nan_to_num makes zeros of NaN)"
        )
    least, most = float(levels.min()), float(levels.max())
    if least < 0 or most > 1:
        if least >= 0 and most <= 255:
            advice = "divide by 255, or convert to uint8"
        elif least >= 0 and most <= _SIXTEEN_BITS:
            advice = "divide by 65535, or convert to uint16"
        elif least >= -1 and most <= 1:
            advice = "if they go from -1 to 1, take (x + 1) / 2"
        else:
            advice = "scale them, or convert to 8- or 16-bit levels"
        raise PictureError(f"floats must lie in [0, 1], got {least:.4g} to {most:.4g}; {advice}")
    wide = levels.astype(np.promote_types(levels.dtype, np.float32), copy=False)
    eight_bits: npt.NDArray[np.uint8] = np.rint(wide * wide.dtype.type(255)).astype(np.uint8)
    return eight_bits


def from_integers(levels: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
    """16-bit levels, of any shape and integer type, as 8-bit ones.

    Raises:
        PictureError: They lie outside 0 to 65535, or within 0 to 255, where 8-bit levels were meant.
    """
    least, most = int(levels.min()), int(levels.max())
    if least < 0 or most > _SIXTEEN_BITS:
        raise PictureError(
            f"integer images must have levels from 0 to 65535, got {least} to {most}; "
            "scale them, or save as 8- or 16-bit greyscale"
        )
    if 0 < most <= 255:
        raise PictureError(
            f"the levels go from {least} to {most}, of 65535: all but black, unless 8-bit levels were meant; "
            "convert them to 8 bits (uint8), or scale them to 0 to 65535"
        )
    eight_bits: npt.NDArray[np.uint8] = _DIVIDED[levels]
    return eight_bits
