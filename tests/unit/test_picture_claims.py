"""What a file claims is checked before a decoder makes room for it."""

from __future__ import annotations

import io
import struct
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from pullback_api.pictures import PictureError, decode, size_of
from pullback_api.pictures.claims import MAX_SCANS, webp_size


def encoded(image: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8))


def lossless_webp(width: int, height: int) -> bytes:
    """A WebP file of 34 bytes that promises so many pixels."""
    stream = b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(9)
    chunk = b"VP8L" + struct.pack("<I", len(stream)) + stream
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def test_a_few_bytes_that_promise_many_pixels_are_refused() -> None:
    bomb = lossless_webp(8_000, 7_999)
    assert len(bomb) == 34
    for look in (decode, size_of):
        tracemalloc.start()
        with pytest.raises(PictureError, match=r"8000 × 7999 pixels in 34 bytes.*scale it down, to 16,000,000"):
            look(bomb)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
        tracemalloc.stop()
    with pytest.raises(PictureError, match="at most 64,000,000 are taken"):
        decode(lossless_webp(16_000, 16_000))


@pytest.mark.parametrize(
    "options", [{"quality": 80}, {"lossless": True}, {"quality": 80, "exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}]
)
def test_the_size_of_a_webp_file_is_read_from_its_bytes(options: dict[str, object]) -> None:
    assert webp_size(encoded(NOISE, "WEBP", **options)) == NOISE.size
    alpha = NOISE.convert("RGBA")
    alpha.putalpha(7)
    assert webp_size(encoded(alpha, "WEBP", **options)) == NOISE.size


def test_large_pictures_with_nothing_in_them_are_taken_as_people_save_them() -> None:
    for mode, image_format in (("L", "PNG"), ("RGB", "JPEG"), ("1", "PNG")):
        side = 6_000 if mode != "1" else 4_000
        data = encoded(Image.new(mode, (side, side), 1), image_format)
        assert size_of(data) == (side, side)


def test_a_jpeg_file_of_hundreds_of_scans_is_refused() -> None:
    ordinary = encoded(NOISE, "JPEG", progressive=True)
    assert decode(ordinary).size == NOISE.size
    start = ordinary.rindex(b"\xff\xda")
    scan = ordinary[start:-2]
    many = ordinary[:-2] + scan * 500 + ordinary[-2:]
    with pytest.raises(PictureError, match=rf"has 5\d\d scans.*at most {MAX_SCANS} are taken"):
        decode(many)


def test_memory_that_is_short_is_no_fault_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", full)
    with pytest.raises(MemoryError):
        decode(encoded(NOISE, "PNG"))
