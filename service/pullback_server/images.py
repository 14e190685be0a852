"""Photographs as people have them, turned into what a generator can be compared with."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageStat, UnidentifiedImageError

MIN_SIDE = 8
MAX_PIXELS = 64_000_000
# JPEG includes the MPO files of phones: Pillow opens both in one place.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
# What undoes each EXIF orientation; 1 is upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


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
            everything; a region that does not lie within the photograph.
    """
    image = _decode(data).convert("RGB" if channels == 3 else "L")
    weights = _weights(image, mask, ignore)
    box = _crop_box(image, height=height, width=width, center_crop=center_crop)
    if weights is None:
        return PreparedTarget(encode_png(_shrink(image, (width, height), box)), None)
    image = _cover(image, weights)
    # A mask must not overshoot its range, so it is averaged.
    weights = weights.resize((width, height), Image.Resampling.BOX, box=box)
    if weights.getextrema() == (0, 0):
        message = "the mask is black everywhere, so no pixel counts; white pixels count, black ones do not"
        if mask is None:
            message = "the regions to ignore hide all of the image that is compared; leave some of it"
        raise ImageError(message, part="ignore" if mask is None else "mask")
    return PreparedTarget(encode_png(_shrink(image, (width, height), box)), encode_png(weights))


def _weights(image: Image.Image, mask: bytes | None, ignore: Sequence[Rectangle]) -> Image.Image | None:
    """The mask at the image's own size, black within the regions to ignore; None where every pixel counts."""
    if mask is None and not ignore:
        return None
    weights = Image.new("L", image.size, 255) if mask is None else _decode_mask(mask)
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


def _shrink(image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    # Lanczos keeps the detail of a photograph.
    return image.resize(size, Image.Resampling.LANCZOS, box=box)


def _decode_mask(data: bytes) -> Image.Image:
    try:
        return _decode(data, transparent=False).convert("L")
    except ImageError as error:
        raise ImageError(str(error), part="mask") from None


def _decode(data: bytes, *, transparent: bool = True) -> Image.Image:
    """Decodes an image file into mode L or RGB, upright; `transparent` says whether it may have transparent parts."""
    if not data:
        raise ImageError("the file is empty (0 bytes)")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        # The warning is raised where the process makes errors of warnings.
        raise ImageError(f"the image has too many pixels; at most {MAX_PIXELS:,} are taken") from None
    except UnidentifiedImageError:
        raise ImageError(
            f"not an image, or one that is damaged at its very beginning ({len(data):,} bytes came); "
            f"send a whole file of one of the formats {', '.join(FORMATS)}"
        ) from None
    except Exception as error:
        # Decoders raise whatever a malformed header makes them raise.
        raise ImageError(f"the {len(data):,} bytes cannot be read as an image: {error}") from None
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(
            f"the image has {image.width} × {image.height} pixels; at most {MAX_PIXELS:,} are taken: make it smaller"
        )
    if min(image.size) < MIN_SIDE:
        raise ImageError(f"the image has {image.width} × {image.height} pixels; each side needs at least {MIN_SIDE}")
    try:
        frames = getattr(image, "n_frames", 1)
        image.load()
        upright = _turn_upright(image)
    except Exception as error:
        raise ImageError(f"the {image.format} file is truncated or corrupted: {error}") from None
    # A phone's MPO file has several frames too, but its first one is the photograph.
    if frames > 1 and image.format != "MPO":
        raise ImageError(f"the {image.format} file is animated or has several pages; send one frame")
    eight_bits = _to_eight_bits(upright)
    if not transparent and eight_bits.has_transparency_data:
        raise ImageError("a mask with transparent parts can be read in two ways; save it as greyscale without alpha")
    return _to_grey_or_colour(_to_srgb(_flatten(eight_bits)))


def _turn_upright(image: Image.Image) -> Image.Image:
    """Rotates and mirrors as the EXIF orientation says.

    Pillow's `exif_transpose` also writes the EXIF data anew, and refuses photographs with a field that it cannot write.
    """
    undo = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return image if undo is None else image.transpose(undo)


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Scales 16-bit greyscale to 8 bits (Pillow's own conversion clips); colour has been scaled by its decoder."""
    if image.mode == "F":
        raise ImageError("floating-point images have no defined range; save as 8- or 16-bit greyscale or colour")
    if not image.mode.startswith("I"):
        return image
    levels = np.asarray(image.convert("I"))
    if levels.min() < 0 or levels.max() > 65_535:
        raise ImageError("integer images must have levels from 0 to 65535; save as 8- or 16-bit greyscale")
    # 65535 = 255 · 257
    scaled = Image.fromarray(((levels + 128) // 257).astype(np.uint8))
    if (transparent := image.info.get("transparency")) is not None:
        scaled.putalpha(Image.fromarray(np.where(levels == transparent, 0, 255).astype(np.uint8)))
    return scaled


def _flatten(image: Image.Image) -> Image.Image:
    """Lays transparent parts on white."""
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _to_srgb(image: Image.Image) -> Image.Image:
    """Converts colours from the file's own profile, such as a phone's Display P3 or a printer's CMYK."""
    profile = image.info.get("icc_profile")
    if profile is None or image.mode not in {"RGB", "CMYK"}:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError):
        # A damaged profile says nothing; as browsers do, the colours are taken for sRGB.
        return image


def _to_grey_or_colour(image: Image.Image) -> Image.Image:
    if image.mode in {"L", "RGB"}:
        return image
    try:
        return image.convert("RGB")
    except ValueError:
        # Older versions of Pillow have no way from LAB.
        raise ImageError(f"images of colour mode {image.mode} are not taken; save as RGB or greyscale") from None


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
