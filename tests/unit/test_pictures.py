"""The decoder of photographs that client and server share: every mode of Pillow, profiles, formats, limits."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

import profiles
from cases import CASES
from pullback_api.pictures import PictureError, convert, decode, heif
from pullback_api.pictures.limits import MAX_PIXELS

SIZE = (16, 12)
GREY16 = 257 * 100
# c α + 255 (1 − α) with α = 51 / 255 and the colour (100, 0, 50)
ON_WHITE = (224, 204, 214)


def srgb_level(linear: float) -> float:
    """A level of sRGB, 0 to 255, by the standard's formula."""
    linear = min(max(linear, 0.0), 1.0)
    return 255 * (12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055)


def luminance_of_lab(lightness: float) -> float:
    """CIE 1976, above its linear part."""
    return ((lightness + 16) / 116) ** 3


def filled(mode: str, colour: Any) -> Image.Image:
    if mode in {"P", "PA"}:
        image = Image.new(mode, SIZE, (1, *colour[3:]) if mode == "PA" else 1)
        image.putpalette([0, 0, 0, *colour[:3]])
        return image
    return Image.new(mode, SIZE, colour)


def pixels(image: Image.Image) -> NDArray[np.int64]:
    return np.asarray(image.convert("RGB")).astype(np.int64)


def encoded(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def tiff(samples: bytes, bits: int, *, signed: bool = False, white_is_zero: bool = False, order: str = "<") -> bytes:
    """A greyscale TIFF file of `SIZE`, written by hand, for what Pillow does not write."""
    width, height = SIZE
    tags = [
        (256, width),
        (257, height),
        (258, bits),
        (259, 1),
        (262, 0 if white_is_zero else 1),
        (273, 8 + 2 + 12 * 10 + 4),
        (277, 1),
        (278, height),
        (279, len(samples)),
        (339, 2 if signed else 1),
    ]
    entries = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in tags)
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "IH", 8, len(tags)) + entries + bytes(4) + samples


# Modes --------------------------------------------------------------------------------------------------------------

# Of every mode a colour, the mode of the result and the colour that it is; within one level where Pillow rounds twice.
MODES: dict[str, tuple[Any, str, Any, int]] = {
    "1": (1, "L", 255, 0),
    "L": (77, "L", 77, 0),
    "LA": ((100, 51), "L", 224, 0),
    "La": ((20, 51), "L", 224, 0),
    "P": ((200, 30, 90), "RGB", (200, 30, 90), 0),
    "PA": ((100, 0, 50, 51), "RGB", ON_WHITE, 0),
    "RGB": ((200, 30, 90), "RGB", (200, 30, 90), 0),
    "RGBX": ((200, 30, 90, 7), "RGB", (200, 30, 90), 0),
    "RGBA": ((100, 0, 50, 51), "RGB", ON_WHITE, 0),
    "RGBa": ((20, 0, 10, 51), "RGB", ON_WHITE, 0),
    "CMYK": ((255, 0, 51, 0), "RGB", (0, 255, 204), 0),
    # ITU-R BT.601, full range: R = Y + 1.402 (Cr − 128), G = Y − 0.344136 (Cb − 128) − 0.714136 (Cr − 128), …
    "YCbCr": ((100, 148, 178), "RGB", (170.1, 57.4, 135.4), 1),
    # A third of the circle on from red is green.
    "HSV": ((85, 255, 200), "RGB", (0, 200, 0), 1),
    # a* and b* are stored as their sum with 128.
    "LAB": ((137, 128, 128), "RGB", (srgb_level(luminance_of_lab(100 * 137 / 255)),) * 3, 1),
    "I": (GREY16, "L", 100, 0),
    "I;16": (GREY16, "L", 100, 0),
    "I;16L": (GREY16, "L", 100, 0),
    "I;16B": (GREY16, "L", 100, 0),
    "I;16N": (GREY16, "L", 100, 0),
    "F": (100 / 255, "L", 100, 0),
}


@pytest.mark.parametrize("mode", Image.MODES)
def test_every_mode_of_pillow_has_its_colour(mode: str) -> None:
    colour, result, expected, within = MODES[mode]
    image = filled(mode, colour)
    found = convert(image)
    assert (found.mode, found.size) == (result, SIZE)
    np.testing.assert_allclose(pixels(found), np.broadcast_to(expected, (SIZE[1], SIZE[0], 3)), atol=within + 1e-3)
    assert image.mode == mode


@pytest.mark.parametrize("mode", [mode for mode in Image.MODES if mode not in {"LA", "La", "PA", "RGBA", "RGBa"}])
def test_every_opaque_mode_is_a_mask_of_its_luma(mode: str) -> None:
    colour = MODES[mode][0]
    found = convert(filled(mode, colour), mask=True)
    assert found.mode == "L"
    np.testing.assert_array_equal(np.asarray(found), np.asarray(convert(filled(mode, colour)).convert("L")))


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBA", "RGBa"])
def test_no_mask_has_transparent_parts(mode: str) -> None:
    with pytest.raises(PictureError, match="transparent parts can be read in two ways"):
        convert(filled(mode, MODES[mode][0]), mask=True)


@pytest.mark.parametrize(("mode", "colour"), [("LA", (90, 255)), ("RGBA", (90, 90, 90, 255))])
def test_a_mask_whose_alpha_channel_is_opaque_throughout_is_a_mask(mode: str, colour: Any) -> None:
    assert set(convert(filled(mode, colour), mask=True).tobytes()) == {90}


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B", "I;16N", "I"])
def test_sixteen_bit_levels_are_divided_by_257_and_rounded(mode: str) -> None:
    levels = np.linspace(0, 65_535, SIZE[0] * SIZE[1]).astype(np.uint16).reshape(SIZE[1], SIZE[0])
    stored = levels.astype({"I": "<i4", "I;16B": ">u2"}.get(mode, "<u2")).tobytes()
    image = Image.frombytes(mode, SIZE, stored)
    np.testing.assert_array_equal(np.asarray(convert(image)), np.round(levels / 257))


@pytest.mark.parametrize(
    ("mode", "colour", "message"),
    [
        ("I", -1, "levels from 0 to 65535, got -1 to -1"),
        ("I", 70_000, "levels from 0 to 65535, got 70000 to 70000"),
        ("I", 255, r"from 255 to 255, of 65535: all but black.*convert them to 8 bits"),
        ("I;16", 200, r"from 200 to 200, of 65535: all but black.*convert them to 8 bits"),
        ("F", 200.0, r"floats must lie in \[0, 1\], got 200 to 200; divide by 255"),
        ("F", 40_000.0, r"got 4e\+04 to 4e\+04; divide by 65535"),
        ("F", -0.5, r"got -0.5 to -0.5; if they go from -1 to 1, take \(x \+ 1\) / 2"),
        ("F", float("nan"), "192 of 192 values are NaN or infinite"),
        ("F", float("inf"), "192 of 192 values are NaN or infinite"),
    ],
)
def test_levels_without_a_meaning_are_refused_with_what_to_do(mode: str, colour: float, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        convert(Image.new(mode, SIZE, colour))


@pytest.mark.parametrize("mode", ["1", "L", "I", "I;16", "F"])
def test_what_is_black_everywhere_is_black(mode: str) -> None:
    assert not any(convert(Image.new(mode, SIZE, 0)).tobytes())


def test_a_mask_of_zeros_and_ones_is_refused() -> None:
    mask = np.eye(16, dtype=np.uint8)
    with pytest.raises(PictureError, match=r"levels are 0 and 1, of 255.*multiply them by 255"):
        convert(Image.fromarray(mask), mask=True)
    assert set(convert(Image.fromarray(mask.astype(bool)), mask=True).tobytes()) == {0, 255}


def test_the_frame_of_an_opened_image_is_the_one_that_is_shown() -> None:
    data = encoded(filled("RGB", "red"), "GIF", save_all=True, append_images=[filled("RGB", "blue")])
    image = Image.open(io.BytesIO(data))
    image.seek(1)
    assert tuple(pixels(convert(image))[0, 0]) == (0, 0, 255)


def test_an_image_that_cannot_be_loaded_is_refused() -> None:
    image = Image.open(io.BytesIO(encoded(Image.effect_noise((64, 64), 50))[:-200]))
    with pytest.raises(PictureError, match="cannot be loaded"):
        convert(image)


# TIFF files ---------------------------------------------------------------------------------------------------------


def test_a_big_endian_ramp_of_sixteen_bits_is_grey() -> None:
    found = np.asarray(decode((CASES / "gray16_be.tif").read_bytes()))
    row = np.array([0, 689, 1379, 2069, 2759, 3449, 4139, 4828])
    np.testing.assert_array_equal(found[0, :8], np.round(row / 257))
    assert (found.min(), found.max()) == (0, 255)


def test_sixteen_bits_whose_zero_is_white_are_no_negative() -> None:
    data = (CASES / "minwhite16.tif").read_bytes()
    # 64 × 64 samples from byte 256 on, little-endian.
    samples = np.frombuffer(data, "<u2", count=64 * 64, offset=256).reshape(64, 64)
    np.testing.assert_array_equal(np.asarray(decode(data)), np.round((65_535 - samples.astype(int)) / 257))


@pytest.mark.parametrize("order", ["<", ">"])
def test_signed_sixteen_bits_are_grey(order: str) -> None:
    levels = np.linspace(0, 32_767, SIZE[0] * SIZE[1]).astype(np.int16)
    data = tiff(levels.astype(f"{order}i2").tobytes(), 16, signed=True, order=order)
    np.testing.assert_array_equal(np.asarray(decode(data)).ravel(), np.round(levels / 257))


@pytest.mark.parametrize("white_is_zero", [False, True])
def test_eight_bits_are_as_the_file_says(white_is_zero: bool) -> None:
    levels = np.arange(SIZE[0] * SIZE[1], dtype=np.uint8)
    found = np.asarray(decode(tiff(levels.tobytes(), 8, white_is_zero=white_is_zero))).ravel()
    np.testing.assert_array_equal(found, 255 - levels if white_is_zero else levels)


def test_twelve_bits_reach_white() -> None:
    # Two samples of twelve bits in three bytes.
    white, grey = b"\xff\xff\xff", bytes([0x80, 0x88, 0x08])
    found = np.asarray(decode(tiff((white + grey) * (SIZE[0] * SIZE[1] // 4), 12)))
    np.testing.assert_array_equal(found[0, :4], [255, 255, 128, 128])


def test_a_preview_or_a_mask_beside_the_picture_is_no_second_page() -> None:
    picture, small = filled("RGB", (200, 30, 90)), Image.new("RGB", (8, 8))
    for kind in (1, 4):
        small.encoderinfo = {"tiffinfo": {254: kind}}
        data = encoded(picture, "TIFF", save_all=True, append_images=[small])
        assert tuple(pixels(decode(data))[0, 0]) == (200, 30, 90)
    with pytest.raises(PictureError, match="the TIFF file is animated or has several pages"):
        decode(encoded(picture, "TIFF", save_all=True, append_images=[picture]))


def test_of_very_many_pages_a_few_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.new("L", (8, 8)), "TIFF", save_all=True, append_images=[Image.new("L", (8, 8))] * 100)
    looked_at: list[int] = []
    seek = TiffImageFile.seek
    monkeypatch.setattr(TiffImageFile, "seek", lambda self, page: (looked_at.append(page), seek(self, page))[1])
    with pytest.raises(PictureError, match="several pages"):
        decode(data)
    assert max(looked_at) < 20


@pytest.mark.parametrize("tag", [{50706: b"\1\4\0\0"}, {254: 1}], ids=["DNG", "preview"])
def test_a_raw_file_is_not_mistaken_for_its_preview(tag: dict[int, Any]) -> None:
    data = encoded(filled("RGB", (200, 30, 90)), "TIFF", tiffinfo=tag)
    with pytest.raises(PictureError, match=r"a camera's raw file.*develop it"):
        decode(data)


def test_a_lab_file_has_its_colour() -> None:
    np.testing.assert_array_equal(
        pixels(decode(encoded(filled("LAB", MODES["LAB"][0]), "TIFF"))), pixels(convert(filled("LAB", MODES["LAB"][0])))
    )


# Profiles -----------------------------------------------------------------------------------------------------------


def from_p3(colour: tuple[int, int, int], exponent: float) -> list[float]:
    """A colour of Display P3's primaries and an exponent, in sRGB, by the matrices of both."""
    xyz = np.array(profiles.DISPLAY_P3).T @ [(level / 255) ** exponent for level in colour]
    return [srgb_level(x) for x in np.linalg.solve(np.array(profiles.SRGB).T, xyz)]


@pytest.mark.parametrize("name", ["p3_rgb.png", "p3_rgba.png"])
def test_display_p3_is_converted_with_alpha_and_without(name: str) -> None:
    found = pixels(decode((CASES / name).read_bytes()))
    # The curve of their profile is an exponent of 563 / 256.
    np.testing.assert_allclose(found, np.broadcast_to(from_p3((60, 200, 60), 563 / 256), found.shape), atol=1.5)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "PA", "RGBX", "RGBa"])
def test_every_mode_of_colours_is_converted_from_its_profile(mode: str) -> None:
    colour = (100, 160, 50, 255)[: {"RGB": 3, "P": 3}.get(mode, 4)]
    image = filled(mode, colour)
    image.info["icc_profile"] = profiles.rgb(profiles.DISPLAY_P3, 2.2)
    found = pixels(convert(image))
    np.testing.assert_allclose(found, np.broadcast_to(from_p3((100, 160, 50), 2.2), found.shape), atol=1.5)


def test_the_converted_colours_are_laid_on_white() -> None:
    image = filled("RGBA", (100, 160, 50, 51))
    image.info["icc_profile"] = profiles.rgb(profiles.DISPLAY_P3, 2.2)
    expected = 0.2 * np.array(from_p3((100, 160, 50), 2.2)) + 0.8 * 255
    np.testing.assert_allclose(pixels(convert(image)), np.broadcast_to(expected, (12, 16, 3)), atol=1)


@pytest.mark.parametrize(
    ("mode", "level"), [("L", 60), ("LA", (60, 255)), ("I;16", 257 * 60), ("I;16B", 257 * 60), ("F", 60 / 255)]
)
@pytest.mark.parametrize("profile", [profiles.grey(1.0), profiles.rgb(profiles.DISPLAY_P3, 1.0)], ids=["grey", "rgb"])
def test_every_mode_of_greys_is_converted_from_its_profile_and_stays_grey(
    mode: str, level: Any, profile: bytes
) -> None:
    image = filled(mode, level)
    image.info["icc_profile"] = profile
    found = convert(image)
    assert found.mode == "L"
    np.testing.assert_allclose(np.asarray(found), srgb_level(60 / 255), atol=1)


def test_inks_are_converted_from_their_profile() -> None:
    cyan = filled("CMYK", (255, 0, 0, 0))
    assert tuple(pixels(convert(cyan))[0, 0]) == (0, 255, 255)
    cyan.info["icc_profile"] = profiles.black_inks()
    assert pixels(convert(cyan)).max() <= 1
    paper = filled("CMYK", (0, 0, 0, 0))
    paper.info["icc_profile"] = profiles.black_inks()
    assert pixels(convert(paper)).min() >= 254


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "CMYK", "I;16", "LAB"])
@pytest.mark.parametrize(
    "profile",
    [
        b"no profile",
        b"",
        profiles.grey(1.0)[:140],
        profiles.black_inks()[:-700],
        # Of other colours than any of these images has, or of none at all.
        profiles.grey(1.0).replace(b"GRAY", b"HSV "),
        profiles.grey(1.0).replace(b"GRAY", b"????"),
    ],
    ids=["text", "empty", "cut", "cut inks", "other colours", "none"],
)
def test_a_profile_that_says_nothing_leaves_the_colours(mode: str, profile: bytes) -> None:
    plain, marked = filled(mode, MODES[mode][0]), filled(mode, MODES[mode][0])
    marked.info["icc_profile"] = profile
    np.testing.assert_array_equal(pixels(convert(marked)), pixels(convert(plain)))


def test_a_profile_of_inks_says_nothing_of_a_screens_colours() -> None:
    image = filled("RGB", (200, 30, 90))
    image.info["icc_profile"] = profiles.black_inks()
    assert tuple(pixels(convert(image))[0, 0]) == (200, 30, 90)


def test_the_levels_of_a_mask_are_weights_that_no_profile_changes() -> None:
    mask = filled("L", 60)
    mask.info["icc_profile"] = profiles.grey(1.0)
    assert set(convert(mask, mask=True).tobytes()) == {60}


# HEIC and AVIF ------------------------------------------------------------------------------------------------------


def heic(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, format="HEIF", quality=-1, chroma=444, **options)
    return buffer.getvalue()


def half_and_half() -> Image.Image:
    image = Image.new("RGB", (64, 32), (200, 30, 90))
    image.paste((20, 60, 220), (32, 0, 64, 32))
    return image


def test_a_heic_photograph_is_read() -> None:
    found = decode(heic(half_and_half()))
    assert found.size == (64, 32)
    np.testing.assert_allclose(pixels(found), pixels(half_and_half()), atol=3)


def test_a_heic_photograph_has_its_profile_and_its_orientation() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = half_and_half()
    image.info["icc_profile"] = profiles.rgb(profiles.DISPLAY_P3, 2.2)
    found = pixels(decode(heic(image, exif=exif.tobytes())))
    # A quarter turn clockwise brings the left half up.
    assert found.shape == (64, 32, 3)
    np.testing.assert_allclose(found[4, 4], from_p3((200, 30, 90), 2.2), atol=4)
    np.testing.assert_allclose(found[-4, 4], from_p3((20, 60, 220), 2.2), atol=4)


def test_a_heic_photograph_is_laid_on_white() -> None:
    image = Image.new("RGBA", (64, 64), (100, 0, 50, 51))
    np.testing.assert_allclose(pixels(decode(heic(image)))[8, 8], ON_WHITE, atol=3)


def test_a_damaged_heic_photograph_is_said_to_be_one() -> None:
    with pytest.raises(PictureError, match=r"the HEIC photograph (cannot be read|is truncated)"):
        decode((CASES / "fake.heic").read_bytes())
    whole = heic(Image.effect_noise((64, 64), 80).convert("RGB"))
    with pytest.raises(PictureError, match=r"the HEIC photograph (cannot be read|is truncated)"):
        decode(whole[: len(whole) // 2])


def test_without_a_decoder_a_heic_photograph_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heif, "is_readable", lambda: False)
    message = "the file is a HEIC photograph: convert it to JPEG or PNG, or install .*pip install pillow-heif"
    for data in ((CASES / "fake.heic").read_bytes(), heic(half_and_half())):
        with pytest.raises(PictureError, match=message):
            decode(data)


@pytest.mark.skipif(not heif.is_avif_readable(), reason="Pillow was built without AVIF")
def test_an_avif_picture_is_read() -> None:
    data = encoded(half_and_half(), "AVIF", quality=100, subsampling="4:4:4")
    np.testing.assert_allclose(pixels(decode(data))[16, (4, -4)], [(200, 30, 90), (20, 60, 220)], atol=4)


# Limits -------------------------------------------------------------------------------------------------------------


def test_a_picture_of_200_million_pixels_is_refused_from_its_header() -> None:
    data = (CASES / "huge_200MP.png").read_bytes()
    message = "20000 × 10000 pixels; at most 64,000,000 are taken: scale it down, to 11313 × 5656 or fewer"
    assert MAX_PIXELS >= 11_313 * 5_656
    # Its header is enough.
    for came in (data, data[:200]):
        with pytest.raises(PictureError, match=message):
            decode(came)


@pytest.mark.parametrize("image_format", ["JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_every_format_says_its_size_before_it_is_decoded(image_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pullback_api.pictures.limits.MAX_PIXELS", 1000)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("was decoded"))
    data = encoded(Image.new("RGB", (64, 64)), image_format)
    with pytest.raises(PictureError, match="64 × 64 pixels; at most 1,000 are taken: scale it down, to 31 × 31"):
        decode(data)


def test_a_webp_file_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    data = bytearray(encoded(filled("RGB", "red"), "WEBP", save_all=True, append_images=[filled("RGB", "blue")]))
    # Width and height, each less one, in 24 bits, after a byte of flags and three reserved ones.
    canvas = data.index(b"VP8X") + 8 + 4
    data[canvas : canvas + 6] = (16_382).to_bytes(3, "little") * 2
    with pytest.raises(PictureError, match=r"pixels; at most 64,000,000 are taken: scale it down"):
        decode(bytes(data))
