"""Files that are damaged anywhere: a picture or a `PictureError`, and nothing else."""

from __future__ import annotations

import io
from typing import Any

import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import profiles
from pullback_api.pictures import PictureError, convert, decode


def _file(image: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def _heic(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, format="HEIF")
    return buffer.getvalue()


_PICTURE = Image.linear_gradient("L").resize((24, 16)).convert("RGB")
_EXIF = Image.Exif()
_EXIF[0x0112] = 6
_P3 = profiles.rgb(profiles.DISPLAY_P3, 2.2)
FILES = [
    _file(_PICTURE, "PNG", icc_profile=_P3, exif=_EXIF),
    _file(_PICTURE.quantize(16), "PNG", transparency=3),
    _file(_PICTURE, "JPEG", icc_profile=_P3, exif=_EXIF),
    _file(_PICTURE.convert("CMYK"), "JPEG", icc_profile=profiles.black_inks()),
    _file(_PICTURE, "TIFF", exif=_EXIF),
    _file(_PICTURE.convert("F").point(lambda level: level / 255), "TIFF"),
    _file(_PICTURE, "WEBP", icc_profile=_P3),
    _file(_PICTURE, "BMP"),
    _file(_PICTURE, "GIF"),
    _heic(_PICTURE),
]


@pytest.mark.filterwarnings("ignore")  # decoders warn of what is damaged
@settings(max_examples=200, deadline=None)
@given(
    data=st.sampled_from(FILES),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    kept=st.floats(0.2, 1),
    mask=st.booleans(),
)
def test_a_damaged_file_is_a_picture_or_an_error_that_says_why(
    data: bytes, changes: list[tuple[int, int]], kept: float, mask: bool
) -> None:
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    try:
        found = decode(bytes(damaged[: round(kept * len(damaged))]), mask=mask)
    except PictureError:
        return  # any other error would be one
    assert found.mode in ({"L"} if mask else {"L", "RGB"})


@settings(max_examples=100, deadline=None)
@given(
    profile=st.binary(max_size=300)
    | st.sampled_from([_P3, profiles.grey(1.0), profiles.black_inks()]).flatmap(
        lambda whole: st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)).map(
            lambda change: whole[: change[0]] + bytes([change[1]]) + whole[change[0] + 1 :]
        )
    )
)
def test_a_profile_that_is_damaged_anywhere_spoils_no_picture(profile: bytes) -> None:
    for mode in ("L", "RGB", "CMYK", "LAB", "RGBA"):
        image = Image.new(mode, (8, 8), "white" if mode != "LAB" else (200, 128, 128))
        image.info["icc_profile"] = profile
        assert convert(image).size == (8, 8)
