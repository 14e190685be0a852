"""Colours of every mode that Pillow has, as sRGB or grey."""

from __future__ import annotations

import io

from PIL import Image, ImageCms

from pullback_api.pictures.errors import PictureError

_GREY = frozenset({"1", "L", "LA", "La"})
_COLOURED = frozenset({"P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "YCbCr", "HSV"})
_OF_PRINT = frozenset({"CMYK", "LAB"})


def separate(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours of an image, and its alpha channel; None where all of it is opaque.

    Args:
        image: Of 8 bits per channel.

    Returns:
        Mode L, RGB, CMYK or LAB, and mode L.

    Raises:
        PictureError: A mode that is not known.
    """
    if image.mode in _OF_PRINT:
        return image, None
    if image.mode not in _GREY | _COLOURED:
        raise PictureError(f"images of colour mode {image.mode} are not taken; save as RGB or greyscale")
    plain, with_alpha = ("L", "LA") if image.mode in _GREY else ("RGB", "RGBA")
    if not image.has_transparency_data:
        return _as(image, plain), None
    both = _as(image, with_alpha)
    # Colours of a mode with alpha are taken by themselves: conversions may mix them.
    *bands, alpha = both.split()
    opaque = alpha.getextrema() == (255, 255)
    return bands[0] if plain == "L" else Image.merge(plain, bands), None if opaque else alpha


def to_srgb(colours: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours as sRGB, by the file's own ICC profile, such as a phone's Display P3 or a printer's CMYK; greys as grey.

    A profile that is damaged, or of another kind of colours than the image has, says nothing; as browsers do, the
    colours are taken for sRGB then, and CMYK for plain inks.

    Args:
        colours: Mode L, RGB, CMYK or LAB.
        profile: The file's profile.

    Returns:
        Mode L of L, RGB of the others.
    """
    if profile and colours.mode != "LAB":
        try:
            return _converted(colours, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            # Pillow raises any of these where a profile is damaged.
            pass
    return colours if colours.mode == "L" else colours.convert("RGB")


def on_white(colours: Image.Image, alpha: Image.Image | None) -> Image.Image:
    """Colours laid on white where they are transparent; modes L and RGB."""
    if alpha is None:
        return colours
    return Image.composite(colours, Image.new(colours.mode, colours.size, "white"), alpha)


def _as(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == mode:
        return image
    # Of premultiplied colours Pillow has one way only.
    straight = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)
    return image.convert(straight).convert(mode) if straight else image.convert(mode)


def _converted(colours: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """By a profile; raises ValueError where it is of other colours than the image."""
    space = profile.profile.xcolor_space.strip()
    srgb = ImageCms.createProfile("sRGB")
    if colours.mode == "L":
        if space not in {"GRAY", "RGB"}:
            raise ValueError(space)
        # Each level is one colour, so 256 of them tell all.
        ramp = Image.frombytes("L", (256, 1), bytes(range(256)))
        source = ramp if space == "GRAY" else ramp.convert("RGB")
        table = ImageCms.profileToProfile(source, profile, srgb, outputMode="RGB")
        return colours if table is None else colours.point(list(table.convert("L").tobytes()))
    if space != colours.mode:
        raise ValueError(space)
    found = ImageCms.profileToProfile(colours, profile, srgb, outputMode="RGB")
    return colours.convert("RGB") if found is None else found
