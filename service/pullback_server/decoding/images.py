"""Images as targets of an inversion: photographs as people have them, turned into what a generator renders."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageStat

from pullback_api.pictures import PictureError, decode


class ImageError(ValueError):
    """An image that cannot be used; says what came, what was expected and what to do.

    Attributes:
        part: What is at fault: `image`, `mask`, or a box such as `ignore[2]`.
    """

    def __init__(self, message: str, part: str = "image") -> None:
        super().__init__(message)
        self.part = part


@dataclass(frozen=True)
class PreparedTarget:
    """A target at the generator's size, and its mask, as PNG files (RGB or greyscale; greyscale)."""

    image: bytes
    mask: bytes | None


@dataclass(frozen=True)
class Rectangle:
    """A region of an upright photograph, in its pixels."""

    left: int
    top: int
    width: int
    height: int


def encode_png(image: Image.Image) -> bytes:
    """The image as a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def prepare(
    data: bytes,
    mask: bytes | None,
    *,
    height: int,
    width: int,
    channels: int,
    center_crop: bool,
    ignore: Sequence[Rectangle] = (),
) -> PreparedTarget:
    """Decodes, converts, crops and resizes one target and its mask.

    Args:
        data: An image file.
        mask: An image file of the same pixel size, or none.
        height: Height of the generator's images.
        width: Width of the generator's images.
        channels: 3 for colour, 1 for greyscale.
        center_crop: Cut the largest centred part of the right aspect; otherwise another aspect is an error.
        ignore: Regions of the upright photograph that the mask hides too.

    Raises:
        ImageError: Not an image, truncated, too small, too large, animated or of the wrong aspect; a mask that hides
            everything or has transparent parts; a region that does not lie within the photograph.
    """
    image, mode = _decode(data, "image"), "RGB" if channels == 3 else "L"
    if image.mode == "RGB" and mode == "L":
        image = image.convert(mode)
    weights = _weights(image, mask, ignore)
    box = _crop_box(image, height=height, width=width, center_crop=center_crop)
    if weights is None:
        return PreparedTarget(_shrunk(image, mode, (width, height), box), None)
    image = _cover(image, weights)
    # A mask must not overshoot its range, so it is averaged.
    weights = weights.resize((width, height), Image.Resampling.BOX, box=box)
    if weights.getextrema() == (0, 0):
        message = "the mask is black everywhere, so no pixel counts; white pixels count, black ones do not"
        if mask is None:
            message = "the regions to ignore hide all of the image that is compared; leave some of it"
        raise ImageError(message, part="ignore" if mask is None else "mask")
    return PreparedTarget(_shrunk(image, mode, (width, height), box), encode_png(weights))


def _weights(image: Image.Image, mask: bytes | None, ignore: Sequence[Rectangle]) -> Image.Image | None:
    """The mask at the image's own size, black within the regions to ignore; None where every pixel counts."""
    if mask is None and not ignore:
        return None
    weights = Image.new("L", image.size, 255) if mask is None else _decode(mask, "mask")
    if weights.size != image.size:
        raise ImageError(
            f"the mask has {weights.width} × {weights.height} pixels and its image "
            f"{image.width} × {image.height}; send a mask of the image's own size",
            part="mask",
        )
    for number, region in enumerate(ignore):
        right, bottom = region.left + region.width, region.top + region.height
        if right > image.width or bottom > image.height:
            raise ImageError(
                f"the region reaches to ({right}, {bottom}), beyond the image's {image.width} × {image.height} pixels; "
                "regions lie within the image, counted from its upper left corner after EXIF rotation",
                part=f"ignore[{number}]",
            )
        weights.paste(0, (region.left, region.top, right, bottom))
    return weights


def _cover(image: Image.Image, weights: Image.Image) -> Image.Image:
    """The image with what does not count in the mean colour of what does, so that resizing mixes nothing of it in."""
    counts = weights.point(lambda level: 255 if level else 0)
    mean = ImageStat.Stat(image, counts).mean if counts.getbbox() else [0.0] * len(image.getbands())
    plain = Image.new(image.mode, image.size, tuple(round(level) for level in mean))
    return Image.composite(image, plain, counts)


def _shrunk(image: Image.Image, mode: str, size: tuple[int, int], box: tuple[float, float, float, float]) -> bytes:
    # Lanczos keeps the detail of a photograph. Grey becomes colour only now: before, it would take four times as much.
    return encode_png(image.resize(size, Image.Resampling.LANCZOS, box=box).convert(mode))


def _decode(data: bytes, part: str) -> Image.Image:
    try:
        return decode(data, mask=part == "mask")
    except PictureError as error:
        raise ImageError(str(error), part) from None


def _crop_box(image: Image.Image, *, height: int, width: int, center_crop: bool) -> tuple[float, float, float, float]:
    # Within a pixel of the right aspect the whole image is used.
    exact_width = image.height * width / height
    if abs(image.width - exact_width) <= 1:
        return (0, 0, image.width, image.height)
    if not center_crop:
        raise ImageError(
            f"the image has {image.width} × {image.height} pixels, but the generator draws {width} × {height}: "
            "crop it to that aspect, or ask for a centred crop (FIT_CENTER_CROP, center_crop=True, --center-crop)"
        )
    crop_width = min(image.width, exact_width)
    crop_height = crop_width * height / width
    left, top = (image.width - crop_width) / 2, (image.height - crop_height) / 2
    return (left, top, left + crop_width, top + crop_height)
