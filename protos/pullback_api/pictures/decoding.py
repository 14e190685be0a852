"""Decoding of photographs: from a file's bytes, or from what Pillow has opened, to upright 8-bit grey or sRGB."""

from __future__ import annotations

import io
from typing import Any

from PIL import ExifTags, Image

from pullback_api.pictures import heif
from pullback_api.pictures.claims import check_claims, check_density
from pullback_api.pictures.colours import on_white, separate, to_srgb
from pullback_api.pictures.errors import PictureError
from pullback_api.pictures.kinds import UNKNOWN, FileKind, kind_of
from pullback_api.pictures.levels import to_eight_bits
from pullback_api.pictures.limits import MAX_PIXELS, check_least, check_most

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
_TURNED = frozenset({5, 6, 7, 8})  # of which a quarter turn is part
# Formats whose files hold more than the photograph, which is the one that is opened first.
_OF_PHONES = frozenset({"MPO", "HEIF"})
_SUBFILE_TYPE, _WIDTH, _HEIGHT, _DNG_VERSION = 254, 256, 257, 50_706  # tags of TIFF files
_PREVIEW, _MASK = 1, 4  # bits of the first
_MANY_PAGES = 16


def decode(data: bytes, *, mask: bool = False) -> Image.Image:
    """A photograph or a mask of a file's bytes; see `convert` for what becomes of it.

    JPEG files are decoded whole (no draft mode), so that every size of result comes from the same pixels.

    Args:
        data: The whole file.
        mask: Whether it is a mask.

    Returns:
        Upright; mode L of grey files and of masks, RGB of others.

    Raises:
        PictureError: Not a picture or of a format that is not taken (the message says what it is), too small, too
            large (told from the header, before anything is decoded), animated, damaged, or as `convert` says.
    """
    image, kind = _open(data)
    check_least(*image.size)
    try:
        several = _holds_several(image)
        image.load()
    except MemoryError:
        raise  # nothing is wrong with the file
    except Exception as error:
        # Decoders raise whatever a malformed file makes them raise.
        raise PictureError(f"the {kind.noun} is truncated or corrupted: {error}") from None
    if several:
        raise PictureError(f"the {kind.noun} is animated or has several pages; send one frame")
    return convert(image, mask=mask)


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height of a photograph, upright, by its header; nothing is decoded.

    Raises:
        PictureError: As `decode`, as far as the header tells.
    """
    image, _ = _open(data)
    return upright_size(image)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of an image as it lies when it is looked at.

    Raises:
        PictureError: Its EXIF data cannot be read.
    """
    turned = _orientation(image) in _TURNED
    # Of a turned TIFF file Pillow may tell the upright size already.
    tags: Any = getattr(image, "tag_v2", {})
    stored = (int(tags[_WIDTH]), int(tags[_HEIGHT])) if turned and _WIDTH in tags else image.size
    return (stored[1], stored[0]) if turned else stored


def convert(image: Image.Image, *, mask: bool = False) -> Image.Image:
    """An image of any mode that Pillow has, as it is compared: upright, of 8 bits, in sRGB, on white.

    It is turned as its EXIF orientation says; levels of more than 8 bits are scaled, see `to_eight_bits`; colours are
    converted from the image's own ICC profile, see `to_srgb`; transparent parts are laid on white. Of an image with
    several frames it is the one that is shown.

    A mask's levels are weights: no profile changes them.

    Args:
        image: The image; it stays as it is.
        mask: Whether it is a mask.

    Returns:
        Mode L of grey images and of masks, RGB of others.

    Raises:
        PictureError: Levels without a meaning; a mask with transparent parts, or with levels 0 and 1 of 255 only; too
            many pixels; an image that Pillow cannot load.
    """
    check_most(*image.size)
    try:
        image.load()
    except Exception as error:
        raise PictureError(f"the image cannot be loaded: {error}") from None
    # Pillow's `exif_transpose` also writes the EXIF data anew, and refuses photographs with a field that it cannot
    # write.
    undo = _UPRIGHT.get(_orientation(image))
    colours, alpha = separate(to_eight_bits(image))
    profile = image.info.get("icc_profile")
    converted = _weights(colours, alpha) if mask else on_white(to_srgb(colours, profile), alpha)
    upright = converted if undo is None else converted.transpose(undo)
    # No profile or orientation goes on with what has been converted from it and turned.
    plain = upright.copy() if upright is image else upright
    plain.info = {}
    return plain


def _orientation(image: Image.Image) -> Any:
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception as error:
        raise PictureError(f"the image's EXIF data cannot be read: {error}") from None


def _open(data: bytes) -> tuple[Image.Image, FileKind]:
    """Reads the header; nothing is decoded.

    Pillow's `Image.open` is not asked: it tries every format, and warns of large images, or refuses them, in its own
    words.
    """
    kind = kind_of(data)
    if not kind.is_taken or kind.format is None:
        came = f" ({len(data):,} bytes came)" if kind is UNKNOWN else ""
        raise PictureError(f"the file is {kind.name}{came}: {kind.advice}")
    check_claims(data, kind.format)
    Image.init()
    opener: Any = heif.opener() if kind.format == "HEIF" else Image.OPEN[kind.format][0]
    try:
        image: Image.Image = opener(io.BytesIO(data), "")
    except MemoryError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        # Some of Pillow's formats have a limit of their own, above ours.
        raise PictureError(f"the image has too many pixels; at most {MAX_PIXELS:,} are taken: scale it down") from None
    except Exception as error:
        raise PictureError(f"the {kind.noun} cannot be read as an image: {error}") from None
    _refuse_raw(image)
    check_most(*image.size)
    check_density(*image.size, len(data))
    return image, kind


def _refuse_raw(image: Image.Image) -> None:
    """Raw files of many cameras are TIFF files, whose first page is a small preview."""
    tags: Any = getattr(image, "tag_v2", {})
    if image.format == "TIFF" and (_DNG_VERSION in tags or tags.get(_SUBFILE_TYPE, 0) & _PREVIEW):
        raise PictureError(
            "the file is a camera's raw file, of which only a preview could be read: develop it to PNG, JPEG or "
            "16-bit TIFF, for example with darktable or the camera's own program"
        )


def _holds_several(image: Image.Image) -> bool:
    """Whether a file holds several pictures; previews and masks of a TIFF file's only page are none."""
    if image.format in _OF_PHONES or not getattr(image, "is_animated", False):
        return False
    if image.format != "TIFF":
        return True
    # Page by page: to count them all would read as many as someone cares to send.
    tiff: Any = image
    for page in range(1, _MANY_PAGES):
        try:
            tiff.seek(page)
        except EOFError:
            tiff.seek(0)
            return False
        if not tiff.tag_v2.get(_SUBFILE_TYPE, 0) & (_PREVIEW | _MASK):
            return True
    return True


def _weights(colours: Image.Image, alpha: Image.Image | None) -> Image.Image:
    if alpha is not None:
        raise PictureError("a mask with transparent parts can be read in two ways; save it as greyscale without alpha")
    weights = colours if colours.mode == "L" else colours.convert("RGB").convert("L")
    if weights.getextrema() == (0, 1):
        raise PictureError(
            "the mask's levels are 0 and 1, of 255: all but black; white (255) counts, so multiply them by 255, "
            "or save the mask with 1 bit per pixel"
        )
    return weights
