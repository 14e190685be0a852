"""Claims of a picture's file, told from its bytes before any decoder is asked: decoders make room for them."""

from __future__ import annotations

from pullback_api.pictures.errors import PictureError
from pullback_api.pictures.limits import check_most

MAX_SCANS = 100
"""Scans of a progressive JPEG file: ordinary ones have about ten, and each goes over all of the picture."""
FREE_PIXELS = 16_000_000
"""Pixels that a file may have however few bytes it has."""
PIXELS_PER_BYTE = 4_000
"""Beyond them, most pixels for each byte: a white picture of 8 bits has about a thousand as PNG."""

_SCAN = b"\xff\xda"
_VP8_START = b"\x9d\x01\x2a"


def check_claims(data: bytes, image_format: str) -> None:
    """Refuses a file by what it claims, as far as that is told without a decoder.

    Args:
        data: The whole file.
        image_format: Pillow's name of its format.

    Raises:
        PictureError: Too many pixels, or too many scans.
    """
    if image_format == "WEBP" and (size := webp_size(data)) is not None:
        check_most(*size)
        check_density(*size, len(data))
    if image_format == "JPEG" and (scans := data.count(_SCAN)) > MAX_SCANS:
        raise PictureError(
            f"the JPEG file has {scans:,} scans, each of which goes over the whole picture; at most {MAX_SCANS} are "
            "taken: save it anew, as an ordinary JPEG or PNG file"
        )


def check_density(width: int, height: int, length: int) -> None:
    """Raises PictureError where so large a picture cannot be in so few bytes, unless nothing is in it."""
    pixels = width * height
    if pixels > max(FREE_PIXELS, PIXELS_PER_BYTE * length):
        raise PictureError(
            f"the image has {width} × {height} pixels in {length:,} bytes, so there is next to nothing in it: "
            f"scale it down, to {FREE_PIXELS:,} pixels or fewer"
        )


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Width and height by the first chunk of a WebP file; None where it is none that is known."""
    kind, head = data[12:16], data[20:30]
    if len(head) < 10:
        return None
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and head[3:6] == _VP8_START:
        return int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF
    return None
