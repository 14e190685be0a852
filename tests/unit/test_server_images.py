"""Photographs as people have them: what is taken and how it is converted, what is refused and with which words."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from pullback_server.decoding.images import ImageError, PreparedTarget, Rectangle, prepare

SIDE = 16
RED = (200, 30, 90)
LOSSLESS = ["PNG", "BMP", "TIFF"]


def prepare_square(data: bytes, mask: bytes | None = None, **options: Any) -> PreparedTarget:
    defaults = {"height": SIDE, "width": SIDE, "channels": 3, "center_crop": False}
    return prepare(data, mask, **{**defaults, **options})


def pixels(png: bytes) -> NDArray[np.int64]:
    return np.asarray(Image.open(io.BytesIO(png))).astype(np.int64)


def converted(image: Image.Image, image_format: str = "PNG", **options: Any) -> NDArray[np.int64]:
    return pixels(prepare_square(encode(image, image_format, **options)).image)


def encode(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def plain(mode: str = "RGB", colour: Any = RED, size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    return Image.new(mode, size, colour)


def noise(size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    levels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(levels)


def raw_png(width: int, height: int, *, depth: int, colour_type: int, rows: bytes, transparent: bytes = b"") -> bytes:
    """A PNG file written by hand, for what Pillow does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
    key = chunk(b"tRNS", transparent) if transparent else b""
    return b"\x89PNG\r\n\x1a\n" + header + key + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


# What is taken ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("image_format", LOSSLESS)
def test_an_image_of_the_right_size_passes_unchanged(image_format: str) -> None:
    picture = noise()
    np.testing.assert_array_equal(converted(picture, image_format), np.asarray(picture))


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "MPO", "WEBP", "BMP", "TIFF", "GIF"])
def test_every_format_of_the_contract_is_taken(image_format: str) -> None:
    assert np.abs(converted(plain(), image_format) - RED).max() <= 2


def test_a_phones_file_of_several_pictures_gives_its_first_one() -> None:
    found = converted(plain(), "MPO", save_all=True, append_images=[plain(colour="blue")])
    assert np.abs(found - RED).max() <= 2


def test_another_size_of_the_same_aspect_is_resized() -> None:
    assert converted(plain(size=(300, 300))).shape == (SIDE, SIDE, 3)
    assert converted(plain(size=(8, 8))).shape == (SIDE, SIDE, 3)


def test_transparent_parts_are_laid_on_white() -> None:
    image = plain("RGBA", (*RED, 255))
    image.paste((0, 0, 0, 0), (0, 0, SIDE // 2, SIDE))
    image.putpixel((SIDE - 1, 0), (100, 0, 50, 51))
    found = converted(image)
    assert (found[:, : SIDE // 2] == 255).all()
    assert (found[1:, SIDE // 2 :] == RED).all()
    # c α + 255 (1 − α) with α = 51 / 255
    np.testing.assert_allclose(found[0, -1], [224, 204, 214], atol=1)


def test_a_palette_with_a_transparent_colour_is_laid_on_white() -> None:
    image = Image.new("P", (SIDE, SIDE), 0)
    image.putpalette([*RED, 0, 0, 255])
    image.paste(1, (0, 0, SIDE // 2, SIDE))
    found = converted(image, transparency=1)
    assert (found[:, : SIDE // 2] == 255).all()
    assert (found[:, SIDE // 2 :] == RED).all()


def test_a_palette_with_half_transparent_colours_is_laid_on_white() -> None:
    image = Image.new("P", (SIDE, SIDE), 0)
    image.putpalette([0, 0, 0])
    np.testing.assert_allclose(converted(image, transparency=bytes([51])), 204, atol=1)


@pytest.mark.parametrize(
    ("mode", "colour", "expected"), [("L", 77, 77), ("1", 1, 255), ("1", 0, 0), ("LA", (9, 0), 255)]
)
def test_greyscale_becomes_equal_channels(mode: str, colour: Any, expected: int) -> None:
    assert (converted(plain(mode, colour)) == expected).all()


@pytest.mark.parametrize("mask", [None, encode(noise((64, 64)).convert("L"))], ids=["whole", "masked"])
def test_grey_is_what_the_same_picture_in_three_equal_channels_is(mask: bytes | None) -> None:
    grey = noise((64, 64)).convert("L")
    assert prepare_square(encode(grey), mask) == prepare_square(encode(grey.convert("RGB")), mask)


def test_colour_becomes_grey_for_a_greyscale_generator() -> None:
    found = pixels(prepare_square(encode(plain()), channels=1).image)
    assert found.shape == (SIDE, SIDE)
    assert (found == np.asarray(plain().convert("L"))).all()


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_sixteen_bit_greyscale_is_scaled_and_not_clipped(image_format: str) -> None:
    levels = np.linspace(0, 65_535, SIDE * SIDE).astype(np.uint16).reshape(SIDE, SIDE)
    found = converted(Image.fromarray(levels), image_format)
    np.testing.assert_array_equal(found[..., 0], np.round(levels / 257))


def test_the_transparent_level_of_sixteen_bit_greyscale_is_laid_on_white() -> None:
    levels = np.full((SIDE, SIDE), 257 * 100, np.uint16)
    levels[:, 8:] = 257 * 20
    found = converted(Image.fromarray(levels), transparency=257 * 20)
    assert (found[:, :8] == 100).all()
    assert (found[:, 8:] == 255).all()


def test_sixteen_bit_colour_is_scaled() -> None:
    row = b"\0" + struct.pack(">HHH", 65_535, 257 * 128, 257 * 7) * SIDE
    found = pixels(prepare_square(raw_png(SIDE, SIDE, depth=16, colour_type=2, rows=row * SIDE)).image)
    assert (found == (255, 128, 7)).all()


def test_a_cmyk_jpeg_becomes_rgb() -> None:
    found = converted(plain("CMYK", (255, 0, 0, 0)), "JPEG", quality=95)
    np.testing.assert_allclose(found, np.broadcast_to((0, 255, 255), found.shape), atol=3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_a_photograph_is_turned_as_its_exif_orientation_says(image_format: str, orientation: int) -> None:
    stored = noise()
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(stored, image_format, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(pixels(prepare_square(data).image), np.asarray(upright))


def test_orientation_six_is_a_quarter_turn_clockwise() -> None:
    stored = noise()
    exif = Image.Exif()
    exif[0x0112] = 6
    np.testing.assert_array_equal(converted(stored, exif=exif), np.rot90(np.asarray(stored), -1))


def test_the_aspect_is_that_of_the_upright_photograph() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    portrait = encode(plain(size=(64, 32)), "JPEG", exif=exif)
    assert pixels(prepare_square(portrait, height=32, width=16).image).shape == (32, 16, 3)


def test_an_exif_field_of_the_wrong_type_does_not_spoil_the_photograph() -> None:
    # Orientation 6, and the resolution as the text "72", as some cameras and editors write it.
    orientation = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    resolution = struct.pack(">HHI4s", 0x011A, 2, 3, b"72")
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 2) + orientation + resolution + bytes(4)
    stored = noise()
    np.testing.assert_array_equal(converted(stored, exif=exif), np.rot90(np.asarray(stored), -1))


@pytest.mark.parametrize("orientation", [0, 9, 300])
def test_an_orientation_that_does_not_exist_is_upright(orientation: int) -> None:
    stored = noise()
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(converted(stored, exif=exif), np.asarray(stored))


# Aspect -------------------------------------------------------------------------------------------------------------


def test_another_aspect_is_refused_with_what_to_do() -> None:
    with pytest.raises(ImageError, match=r"40 × 20 pixels, but the generator draws 16 × 16: crop .*--center-crop"):
        prepare_square(encode(plain(size=(40, 20))))


@pytest.mark.parametrize(
    ("size", "box"), [((40, 16), (12, 0, 28, 16)), ((16, 40), (0, 12, 16, 28)), ((16, 18), (0, 1, 16, 17))]
)
def test_a_centred_crop_is_exactly_the_centre(size: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    picture = noise(size)
    found = pixels(prepare_square(encode(picture), center_crop=True).image)
    np.testing.assert_array_equal(found, np.asarray(picture.crop(box)))


def test_a_crop_keeps_the_aspect_of_a_generator_that_is_not_square() -> None:
    picture = noise((40, 20))
    found = pixels(prepare_square(encode(picture), height=20, width=10, center_crop=True).image)
    np.testing.assert_array_equal(found, np.asarray(picture.crop((15, 0, 25, 20))))


def test_one_pixel_off_the_aspect_is_taken_whole() -> None:
    assert converted(plain(size=(64, 63))).shape == (SIDE, SIDE, 3)


# Masks --------------------------------------------------------------------------------------------------------------


def test_a_mask_is_resized_with_its_image() -> None:
    mask = Image.new("L", (32, 32), 0)
    mask.paste(255, (0, 0, 16, 32))
    found = prepare_square(encode(plain(size=(32, 32))), encode(mask))
    assert found.mask is not None
    expected = np.zeros((SIDE, SIDE))
    expected[:, :8] = 255
    np.testing.assert_array_equal(pixels(found.mask), expected)


def test_a_mask_is_cropped_with_its_image() -> None:
    mask = noise((40, 16)).convert("L")
    found = prepare_square(encode(plain(size=(40, 16))), encode(mask), center_crop=True)
    assert found.mask is not None
    np.testing.assert_array_equal(pixels(found.mask), np.asarray(mask.crop((12, 0, 28, 16))))


def test_there_is_no_mask_where_none_was_sent() -> None:
    assert prepare_square(encode(plain())).mask is None


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (encode(plain("L", 255, (16, 15))), r"the mask has 16 × 15 pixels and its image 16 × 16"),
        (encode(plain("L", 0)), r"the mask is black everywhere"),
        (b"", r"0 bytes"),
        (b"not an image", r"a text file"),
    ],
    ids=["another size", "black", "empty", "text"],
)
def test_a_bad_mask_is_refused_and_named(mask: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        prepare_square(encode(plain()), mask)
    assert caught.value.part == "mask"


def test_what_a_mask_hides_leaves_no_trace_in_a_photograph_that_is_resized() -> None:
    mask = Image.new("L", (64, 64), 255)
    mask.paste(0, (10, 20, 41, 50))
    clean, spoiled = noise((64, 64)), noise((64, 64))
    spoiled.paste((255, 0, 255), (10, 20, 41, 50))
    assert prepare_square(encode(clean), encode(mask)) == prepare_square(encode(spoiled), encode(mask))


def test_regions_to_ignore_are_black_in_the_mask() -> None:
    found = prepare_square(encode(plain()), ignore=[Rectangle(0, 0, 4, 2), Rectangle(15, 15, 1, 1)])
    assert found.mask is not None
    expected = np.full((SIDE, SIDE), 255)
    expected[:2, :4] = expected[15, 15] = 0
    np.testing.assert_array_equal(pixels(found.mask), expected)


def test_regions_to_ignore_hide_more_than_a_mask_does() -> None:
    mask = Image.new("L", (SIDE, SIDE), 128)
    found = prepare_square(encode(plain()), encode(mask), ignore=[Rectangle(8, 0, 8, 16)])
    assert found.mask is not None
    assert (pixels(found.mask)[:, :8] == 128).all()
    assert (pixels(found.mask)[:, 8:] == 0).all()


def test_regions_to_ignore_lie_in_the_upright_photograph_before_it_is_cropped_and_resized() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    # Stored lying, 32 high and 64 wide; upright 64 high and 32 wide; the crop begins at row 16.
    data = encode(plain(size=(64, 32)), exif=exif)
    found = prepare_square(data, center_crop=True, ignore=[Rectangle(0, 16, 32, 8), Rectangle(0, 0, 32, 16)])
    assert found.mask is not None
    assert (pixels(found.mask)[:4] == 0).all()
    assert (pixels(found.mask)[4:] == 255).all()


@pytest.mark.parametrize("region", [Rectangle(10, 0, 7, 1), Rectangle(0, 16, 1, 1), Rectangle(100, 100, 1, 1)])
def test_a_region_that_leaves_the_photograph_is_refused_and_named(region: Rectangle) -> None:
    with pytest.raises(ImageError, match="beyond the image's 16 × 16 pixels") as caught:
        prepare_square(encode(plain()), ignore=[Rectangle(0, 0, 1, 1), region])
    assert caught.value.part == "ignore[1]"


def test_regions_that_hide_everything_are_refused() -> None:
    halves = [Rectangle(0, 0, 8, 16), Rectangle(8, 0, 8, 16)]
    with pytest.raises(ImageError, match="hide all of the image") as caught:
        prepare_square(encode(plain()), ignore=halves)
    assert caught.value.part == "ignore"


def test_a_mask_that_is_white_only_outside_the_crop_is_refused() -> None:
    mask = Image.new("L", (40, 16), 0)
    mask.paste(255, (0, 0, 10, 16))
    with pytest.raises(ImageError, match="black everywhere"):
        prepare_square(encode(plain(size=(40, 16))), encode(mask), center_crop=True)


# What is refused ----------------------------------------------------------------------------------------------------


def animation(image_format: str) -> bytes:
    return encode(plain(), image_format, save_all=True, append_images=[plain(colour="blue")])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"the file is empty \(0 bytes\)"),
        (b"hello, world", r"a text file: it holds no picture"),
        (b"\0hello", r"not an image.*6 bytes came.*PNG, JPEG, WEBP, BMP, TIFF, GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", r"a vector drawing \(SVG\): export its picture as PNG or JPEG"),
        (encode(plain(), "PPM"), r"a Netpbm picture.*PNG or JPEG"),
        (encode(plain(), "ICO", sizes=[(16, 16)]), r"an icon.*PNG or JPEG"),
        (encode(noise())[:5], r"not an image.*damaged at its very beginning"),
        (encode(noise())[:30], r"PNG file cannot be read as an image"),
        (encode(noise())[:200], r"PNG file is truncated or corrupted"),
        (encode(noise((64, 64)), "JPEG")[:1500], r"JPEG file is truncated or corrupted"),
        (encode(noise((64, 64)), "TIFF")[:-500], r"TIFF file is truncated or corrupted"),
        (encode(noise((64, 64)), "GIF")[:-500], r"GIF file is truncated or corrupted"),
        (encode(noise((64, 64)), "WEBP")[:-100], r"cannot be read as an image"),
        (
            raw_png(20_000, 20_000, depth=8, colour_type=0, rows=bytes(1000)),
            r"20000 × 20000 pixels; at most 64,000,000",
        ),
        (raw_png(8_001, 8_000, depth=8, colour_type=0, rows=bytes(1000)), r"8001 × 8000 pixels; at most 64,000,000"),
        (encode(plain(size=(7, 300))), r"7 × 300 pixels; each side needs at least 8"),
        (animation("GIF"), r"GIF file is animated or has several pages; send one frame"),
        (animation("PNG"), r"PNG file is animated"),
        (animation("WEBP"), r"WEBP file is animated"),
        (animation("TIFF"), r"TIFF file is animated or has several pages"),
        (encode(plain("F", 90.5), "TIFF"), r"floats must lie in \[0, 1\], got 90.5 to 90.5; divide by 255"),
        (encode(plain("I", 70_000), "TIFF"), r"levels from 0 to 65535"),
        (encode(plain("I", -1), "TIFF"), r"levels from 0 to 65535"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
# Decoders warn of what they then refuse.
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_cannot_be_used_is_refused_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        prepare_square(data)
    assert caught.value.part == "image"


def test_a_bomb_of_zeros_is_refused_from_its_header() -> None:
    # 20,000 rows of 20,000 levels and a filter byte: 400 MB that compress to a file that anyone can send.
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(20_001)) for _ in range(200))
    bomb = raw_png(20_000, 20_000, depth=8, colour_type=0, rows=b"").replace(zlib.compress(b""), rows + packer.flush())
    with pytest.raises(ImageError, match="20000 × 20000 pixels; at most 64,000,000"):
        prepare_square(bomb)


def test_what_pillow_itself_warns_of_is_refused_without_a_warning() -> None:
    # Here warnings are errors; Pillow has one for more than 89 million pixels.
    with pytest.raises(ImageError, match="11000 × 11000 pixels; at most 64,000,000"):
        prepare_square(raw_png(11_000, 11_000, depth=8, colour_type=0, rows=bytes(1000)))


def test_colours_are_converted_from_the_files_own_profile() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # The same profile with its red and blue primaries exchanged.
    exchanged = profile.replace(b"rXYZ", b"----").replace(b"bXYZ", b"rXYZ").replace(b"----", b"bXYZ")
    found = converted(plain(), icc_profile=exchanged)
    assert np.abs(found - np.array(RED[::-1])).max() <= 2
    assert np.abs(converted(plain(), icc_profile=profile) - np.array(RED)).max() <= 1


def test_a_damaged_profile_leaves_the_colours_as_they_are() -> None:
    np.testing.assert_array_equal(converted(plain(), icc_profile=b"no profile"), converted(plain()))


def test_a_mask_with_transparent_parts_is_refused() -> None:
    mask = Image.new("LA", (SIDE, SIDE), (255, 0))
    with pytest.raises(ImageError, match="transparent parts can be read in two ways") as caught:
        prepare_square(encode(noise()), encode(mask))
    assert caught.value.part == "mask"
