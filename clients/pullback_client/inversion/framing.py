"""Framing: which part of a photograph is compared, and what of it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from pullback_client.errors import InvalidArgumentError
from pullback_client.images import ImageInput, open_mask, open_photograph


class Box(NamedTuple):
    """A rectangle of a photograph, in its pixels as it lies when it is looked at."""

    left: int
    top: int
    width: int
    height: int


class Crop(NamedTuple):
    """A square of a photograph, in its pixels as it lies when it is looked at."""

    left: int
    top: int
    size: int


@dataclass(frozen=True)
class Framing:
    """Which part of a photograph was compared, and what of it counted.

    Attributes:
        crop: The square that was cut out; None = the whole photograph.
        ignore: Regions that did not count, in pixels of the whole photograph.
        mask: The file of the mask, of the whole photograph's size, white where it counted; None = everywhere.
        size: Width and height of the photograph, in whose pixels the others are; None where that is not known.
        originals: The files of photograph and mask, where they were files: nothing is saved over them.
    """

    crop: Crop | None = None
    ignore: tuple[Box, ...] = ()
    mask: bytes | None = None
    size: tuple[int, int] | None = None
    originals: tuple[Path, ...] = field(default=(), compare=False)

    @property
    def provenance(self) -> dict[str, Any]:
        """All but the mask and the files, as plain values."""
        return {
            "crop": None if self.crop is None else self.crop._asdict(),
            "ignore": [box._asdict() for box in self.ignore],
            "size": None if self.size is None else list(self.size),
        }

    @classmethod
    def read(cls, provenance: dict[str, Any] | None, mask: bytes | None) -> Framing:
        """The framing of `provenance`, and of a mask's file; of None, the whole photograph."""
        if provenance is None:
            return cls(mask=mask)
        crop, size = provenance["crop"], provenance["size"]
        return cls(
            crop=None if crop is None else Crop(**crop),
            ignore=tuple(Box(**box) for box in provenance["ignore"]),
            mask=mask,
            size=None if size is None else (size[0], size[1]),
        )

    def cut(self, photograph: Image.Image) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the part that was compared, in pixels of the photograph at another size."""
        if self.crop is None:
            return 0, 0, photograph.width, photograph.height
        across, down = self._scale(photograph)
        left, top, size = self.crop
        return left * across, top * down, (left + size) * across, (top + size) * down

    def weights(self, photograph: Image.Image) -> Image.Image | None:
        """What counted, at the photograph's size: mode L, white where it did, black where not; None = everything."""
        if self.mask is None and not self.ignore:
            return None
        weights = Image.new("L", photograph.size, 255)
        if self.mask is not None:
            mask = open_mask(self.mask)
            weights = mask if mask.size == photograph.size else mask.resize(photograph.size, Image.Resampling.BOX)
        across, down = self._scale(photograph)
        for left, top, width, height in self.ignore:
            # Every pixel that a region touches is hidden.
            right, bottom = -(-(left + width) * across // 1), -(-(top + height) * down // 1)
            weights.paste(0, (int(left * across), int(top * down), int(right), int(bottom)))
        return weights

    def _scale(self, photograph: Image.Image) -> tuple[float, float]:
        width, height = self.size or photograph.size
        return photograph.width / width, photograph.height / height


WHOLE = Framing()
"""All of the photograph counts."""


def cropped(
    image: ImageInput, crop: Crop, mask: ImageInput | None, ignore: Sequence[Box], what: str
) -> tuple[Image.Image, Image.Image | None, tuple[Box, ...], tuple[int, int]]:
    """A square of a photograph, with what is said of it in its own pixels.

    Args:
        image: The photograph.
        crop: The square.
        mask: The mask of the whole photograph, None where all of it counts.
        ignore: Regions of the whole photograph.
        what: Name of the photograph, for the messages.

    Returns:
        The square, its mask, the regions within it, and width and height of the whole photograph.

    Raises:
        InvalidArgumentError: The square or a region does not lie within the photograph, the mask is of another size,
            or one of them cannot be read.
    """
    photograph = open_photograph(image)
    size = photograph.size
    left, top, side = crop
    if left + side > size[0] or top + side > size[1]:
        raise InvalidArgumentError(
            f"{what} has {size[0]} × {size[1]} pixels, but the crop reaches from ({left}, {top}) to "
            f"({left + side}, {top + side}): give LEFT, TOP and SIZE of a square within the photograph, counted from "
            "its upper left corner as it lies when it is looked at"
        )
    for box in ignore:
        # The server would see it within the square alone.
        if box.left + box.width > size[0] or box.top + box.height > size[1]:
            raise InvalidArgumentError(
                f"a region to ignore reaches to ({box.left + box.width}, {box.top + box.height}), beyond the "
                f"{size[0]} × {size[1]} pixels of {what}: regions lie within the whole photograph, cropped or not"
            )
    square = (left, top, left + side, top + side)
    piece = None
    if mask is not None:
        whole = open_mask(mask)
        if whole.size != size:
            raise InvalidArgumentError(
                f"the mask has {whole.width} × {whole.height} pixels and {what} {size[0]} × {size[1]}: give a mask of "
                "the photograph's own size; it is cropped with it"
            )
        piece = _cut(whole, square)
    inside = tuple(box for box in (_within(each, crop) for each in ignore) if box is not None)
    return _cut(photograph, square), piece, inside, size


def _cut(image: Image.Image, square: tuple[int, int, int, int]) -> Image.Image:
    """A part of an upright image, without what its file says of turning it, which would be done again."""
    part = Image.new(image.mode, (square[2] - square[0], square[3] - square[1]))
    part.paste(image.crop(square))
    return part


def _within(box: Box, crop: Crop) -> Box | None:
    """The part of a region within a square, in its pixels; None where there is none."""
    left, top = max(box.left - crop.left, 0), max(box.top - crop.top, 0)
    right = min(box.left + box.width - crop.left, crop.size)
    bottom = min(box.top + box.height - crop.top, crop.size)
    return Box(left, top, right - left, bottom - top) if right > left and bottom > top else None
