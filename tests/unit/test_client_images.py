"""Images that a client is given: what is one and what a list of them, what is sent, how it is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import profiles
from cases import CASES
from in_process import InProcessServer
from pullback_api.pictures import heif
from pullback_client import Client, InvalidArgumentError, Inversion, ResourceExhaustedError
from pullback_client.images import ImageInput, encode, is_image, listed, name_of, open_mask, open_photograph, size_of
from pullback_server.decoding.images import ImageError, prepare

NOISE = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
MODES = [mode for mode in Image.MODES if mode not in {"I", "F"} and not mode.startswith("I;")]


def pixels(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)))


def saved(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def as_compared(data: bytes, size: tuple[int, int]) -> NDArray[np.uint8]:
    """What the server makes of a file, at its own size."""
    return pixels(prepare(data, None, height=size[1], width=size[0], channels=3, center_crop=False).image)


# Client and server alike --------------------------------------------------------------------------------------------


def photographs() -> dict[str, bytes]:
    """Files whose decoding has once gone two ways, or might."""
    image = Image.fromarray(NOISE)
    exif = Image.Exif()
    exif[0x0112] = 6
    p3 = profiles.rgb(profiles.DISPLAY_P3, 2.2)
    files = {
        name: (CASES / name).read_bytes() for name in ("gray16_be.tif", "minwhite16.tif", "p3_rgb.png", "p3_rgba.png")
    }
    files["signed"] = saved(Image.fromarray(np.linspace(0, 32767, 256).astype(np.int32).reshape(16, 16)), "TIFF")
    files["floats"] = saved(Image.fromarray(NOISE[..., 0].astype(np.float32) / 255), "TIFF")
    files["turned"] = saved(image, "JPEG", exif=exif)
    files["turned p3"] = saved(image, "TIFF", exif=exif, icc_profile=p3)
    files["inks"] = saved(image.convert("CMYK"), "JPEG", icc_profile=profiles.black_inks())
    files["palette p3"] = saved(image.quantize(64), "PNG", icc_profile=p3, transparency=3)
    files["grey"] = saved(image.convert("L"), "PNG", icc_profile=profiles.grey(1.0))
    files["grey alpha"] = saved(image.convert("LA"), "PNG", icc_profile=profiles.grey(1.0))
    files["lab"] = saved(Image.fromarray(NOISE, "RGB").convert("LAB"), "TIFF")
    files["webp"] = saved(image, "WEBP", icc_profile=p3)
    files["heic"] = heic(Image.fromarray(NOISE).resize((64, 48)), icc_profile=p3)
    return files


def heic(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, format="HEIF", **options)
    return buffer.getvalue()


@pytest.mark.parametrize(("name", "data"), photographs().items(), ids=photographs())
def test_a_file_is_bit_for_bit_the_same_for_client_and_server(name: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "photograph"
    path.write_bytes(data)
    here = open_photograph(path)
    expected = as_compared(data, here.size)
    np.testing.assert_array_equal(np.asarray(here), expected)
    # However it is given, and however it is sent.
    given: list[ImageInput] = [path, str(path), data, bytearray(data), memoryview(data), io.BytesIO(data)]
    if name != "heic":
        given.append(Image.open(path))
    for image in given:
        np.testing.assert_array_equal(np.asarray(open_photograph(image)), expected)
        np.testing.assert_array_equal(as_compared(encode(image), here.size), expected)


@pytest.mark.parametrize("mode", MODES)
def test_a_pillow_image_of_any_mode_is_sent_as_it_is_seen(mode: str) -> None:
    image = Image.frombytes(
        mode, (16, 12), np.resize(NOISE, 16 * 12 * 4).tobytes()[: len(Image.new(mode, (16, 12)).tobytes())]
    )
    sent = as_compared(encode(image), image.size)
    np.testing.assert_array_equal(sent, np.asarray(open_photograph(image)))


def test_what_the_server_refuses_the_client_refuses_in_its_words(tmp_path: Path) -> None:
    for data in ((CASES / "fake.heic").read_bytes(), (CASES / "huge_200MP.png").read_bytes(), b"<html></html>", b"?"):
        with pytest.raises(ImageError) as on_the_server:
            as_compared(data, (64, 64))
        with pytest.raises(InvalidArgumentError) as here:
            open_photograph(data)
        assert str(here.value) == f"the photograph cannot be read as an image: {on_the_server.value}"


# Files --------------------------------------------------------------------------------------------------------------


def test_a_rotated_photograph_is_sent_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter
    Image.new("RGB", (10, 20)).save(tmp_path / "turned.jpg", exif=exif)
    with Image.open(tmp_path / "turned.jpg") as photo:
        sent = Image.open(io.BytesIO(encode(photo)))
    assert sent.size == (20, 10)
    assert 0x0112 not in sent.getexif()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"no such file: .*nobody\.jpg"):
        encode(tmp_path / "nobody.jpg")


def test_an_address_is_no_file() -> None:
    with pytest.raises(InvalidArgumentError, match=r"https://example.org/a.jpg is an address: download the photograph"):
        encode("https://example.org/a.jpg")


def test_a_path_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"cannot read a.*: embedded null"):
        encode("a\0b")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(InvalidArgumentError, match=r"empty\.jpg is empty"):
        encode(tmp_path / "empty.jpg")
    with pytest.raises(InvalidArgumentError, match="image 3 is empty"):
        encode(b"", "image 3")


def test_a_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    for name, head in (("huge.tif", b"II*\0"), ("huge.mp4", b"\0\0\0\x14ftypisom\0\0\0\0mp41")):
        with (tmp_path / name).open("wb") as file:
            file.write(head)
            file.truncate(65 * 2**20)
    with pytest.raises(ResourceExhaustedError, match=r"huge\.tif takes 65\.0 MiB; at most 64 MiB"):
        encode(tmp_path / "huge.tif")
    with pytest.raises(InvalidArgumentError, match=r"huge\.mp4 is an MP4 video: save the frames"):
        encode(tmp_path / "huge.mp4")
    with (
        (tmp_path / "huge.tif").open("rb") as file,
        pytest.raises(ResourceExhaustedError, match=r"the mask takes 64\.0"),
    ):
        encode(file, "the mask")


def test_an_open_file_is_read_from_its_start_and_left_where_it_was(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(NOISE).save(buffer, "PNG")
    place = buffer.tell()
    assert place > 0
    for _ in range(2):
        assert encode(buffer) == buffer.getvalue()
        assert buffer.tell() == place
    path = tmp_path / "photograph.png"
    path.write_bytes(buffer.getvalue())
    with path.open("rb") as file:
        assert encode(file) == buffer.getvalue()
        assert name_of(file) == "photograph.png"
    with pytest.raises(InvalidArgumentError, match=r"image: cannot read the open file: .*closed file"):
        encode(file)
    with path.open(encoding="latin-1") as text, pytest.raises(InvalidArgumentError, match=r'open\(path, "rb"\)'):
        encode(text)  # type: ignore[arg-type]


def test_heic_is_sent_as_png_where_it_can_be_read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    data = heic(Image.new("RGB", (64, 64), (200, 30, 90)))
    np.testing.assert_allclose(pixels(encode(data))[32, 32], (200, 30, 90), atol=4)
    with pytest.raises(InvalidArgumentError, match="image 2: the HEIC photograph"):
        encode((CASES / "fake.heic").read_bytes(), "image 2")
    # Where it cannot, the server may know more.
    monkeypatch.setattr(heif, "is_readable", lambda: False)
    assert encode(data) == data
    with pytest.raises(InvalidArgumentError, match=r"the file is a HEIC photograph: .*pip install pillow-heif"):
        open_photograph(data)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF"])
def test_the_size_of_a_file_is_that_of_the_photograph_that_is_seen(image_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(NOISE), image_format, exif=exif)
    opened, loaded = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(data))
    loaded.load()
    expected = open_photograph(data).size
    assert expected == ((16, 12) if orientation < 5 else (12, 16))
    assert [size_of(image) for image in (data, io.BytesIO(data), opened, loaded)] == [expected] * 4


def test_the_size_of_pixels_is_their_arrays() -> None:
    for image in (NOISE, torch.from_numpy(NOISE), Image.fromarray(NOISE)):
        assert size_of(image) == (16, 12)
    for broken in (b"no image", "nobody.png", np.zeros(3)):
        assert size_of(broken) is None


# Arrays -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 1), (4, 6, 3), (3, 6, 3), (3, 3, 3), (3, 6)])
def test_arrays_keep_their_pixels(shape: tuple[int, ...]) -> None:
    levels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected = levels[..., 0] if shape[2:] == (1,) else levels
    wide = levels.astype(np.uint16) * 257
    for given in (
        levels,
        levels / 255.0,
        (levels / 255.0).astype(np.float32),
        wide,
        wide.astype(">u2"),
        levels[::-1][::-1],
    ):
        np.testing.assert_array_equal(pixels(encode(given)), expected)


def test_a_boolean_mask_is_black_and_white() -> None:
    mask = np.eye(8, dtype=bool)
    np.testing.assert_array_equal(pixels(encode(mask, mask=True)), 255 * mask)


def test_alpha_of_an_array_is_laid_on_white() -> None:
    found = pixels(encode(np.broadcast_to(np.array([100, 0, 50, 51], np.uint8), (4, 6, 4))))
    np.testing.assert_array_equal(found, np.broadcast_to((224, 204, 214), (4, 6, 3)))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 4, 4, 3), np.uint8), "got (2, 4, 4, 3); give several images as a list: list(images)"),
        (
            np.zeros((2, 3, 8, 8), np.uint8),
            "channels come last: give several images as a list: list(images.transpose(0, 2, 3, 1))",
        ),
        (np.zeros((3, 4, 5), np.uint8), "got (3, 4, 5); channels come last: give image.transpose(1, 2, 0)"),
        (np.zeros((1, 4, 5), np.uint8), "got (1, 4, 5); channels come last: give image.transpose(1, 2, 0)"),
        (np.zeros((9, 8, 8), np.uint8), "got (9, 8, 8); give several grey images as a list: list(images)"),
        (np.zeros((4, 4, 2), np.uint8), "got (4, 4, 2)"),
        (np.zeros((0, 4), np.uint8), "got (0, 4)"),
        (np.zeros(64), "expected one image of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), got (64,)"),
        (np.float32(3), "got ()"),
        (np.full((4, 4), 200), "got dtype int64; levels from 200 to 200 came: convert with .astype(numpy.uint8)"),
        (np.zeros((4, 4), complex), "expected uint8, uint16, bool, or floats in [0, 1], got dtype complex128"),
        (np.full((4, 4), 200.0), "floats must lie in [0, 1], got 200 to 200; divide by 255"),
        (np.array([[0, 0.5], [0.25, np.nan]]), "1 of 4 values are NaN or infinite"),
        (np.full((4, 4), 200, np.uint16), "go from 200 to 200, of 65535: all but black"),
    ],
)
def test_an_array_that_is_no_image_is_refused(array: NDArray[Any], message: str) -> None:
    for mask in (False, True):
        with pytest.raises(InvalidArgumentError) as caught:
            encode(array, "image 3", mask=mask)
        assert message in str(caught.value)
        assert str(caught.value).startswith("image 3: ")


def test_a_tensor_is_taken_from_its_graph() -> None:
    tensor = torch.from_numpy(NOISE / 255.0).requires_grad_()
    assert is_image(tensor)
    np.testing.assert_array_equal(pixels(encode(tensor)), NOISE)
    np.testing.assert_array_equal(np.asarray(open_photograph(tensor)), NOISE)


def test_the_advice_for_a_tensor_whose_channels_come_first_works() -> None:
    image = torch.from_numpy(NOISE).permute(2, 0, 1)
    with pytest.raises(
        InvalidArgumentError, match=r"got \(3, 12, 16\); channels come last: give image.permute\(1, 2, 0\)"
    ):
        encode(image)
    np.testing.assert_array_equal(pixels(encode(image.permute(1, 2, 0))), NOISE)
    images = image[None].expand(5, -1, -1, -1)
    with pytest.raises(InvalidArgumentError, match=r"list\(images.permute\(0, 2, 3, 1\)\)"):
        encode(images)
    assert len(listed(list(images.permute(0, 2, 3, 1)))) == 5


def test_the_advice_for_a_tensor_that_numpy_does_not_have_works() -> None:
    tensor = torch.zeros(8, 8, dtype=torch.bfloat16)
    with pytest.raises(InvalidArgumentError, match=r"Tensor cannot be made a NumPy array .*for example to float32"):
        encode(tensor)
    assert not pixels(encode(tensor.to(torch.float32))).any()


# One image or several -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "one"),
    [
        ("a.png", True),
        (Path("a.png"), True),
        (b"\x89PNG", True),
        (bytearray(b"\x89PNG"), True),
        (memoryview(b"\x89PNG"), True),
        (io.BytesIO(), True),
        (Image.new("L", (8, 8)), True),
        (np.zeros((8, 8)), True),
        (np.zeros((2, 8, 8, 3)), True),
        (torch.zeros(3, 8, 8), True),
        (np.array(["a.png", "b.png"]), False),
        (np.array([Path("a.png"), None], dtype=object), False),
        (["a.png"], False),
        (("a.png",), False),
        ({"a.png": 1}, False),
        (3, False),
        (None, False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_one_image_is_told_from_several(value: Any, one: bool) -> None:
    assert is_image(value) == one


def test_any_iterable_of_images_is_a_list_of_them() -> None:
    names = ["a.png", "b.png"]
    for images in (
        names,
        tuple(names),
        iter(names),
        np.array(names),
        (name for name in names),
        dict.fromkeys(names).keys(),
    ):
        if isinstance(images, type({}.keys())):
            continue
        assert [str(image) for image in listed(images)] == names


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (3, "expected one image or a list of them, got int"),
        (None, "expected one image or a list of them, got NoneType"),
        ({"a": "a.png"}, "expected one image or a list of them, got dict"),
        ({"a.png"}, "expected one image or a list of them, got set"),
        (["a.png", 3], "image 2 of 2: expected a path, .* got int"),
        ([[[0, 0], [0, 0]]], r"image 1 of 1: expected .* got list; make an array of the pixels: numpy.asarray"),
        (["a.png", None], "image 2 of 2: expected a path, .* got NoneType"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_is_neither_one_image_nor_several_is_refused_once(client: Client, images: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        client.invert(images, "faces", method="adam")
    with pytest.raises(InvalidArgumentError, match=message):
        client.iter_invert(images, "faces", method="adam")
    with pytest.raises(InvalidArgumentError, match=message):
        client.submit_inversion(images, "faces", method="adam")


@pytest.mark.parametrize(
    "image",
    [
        saved(Image.fromarray(NOISE)),
        bytearray(saved(Image.fromarray(NOISE))),
        io.BytesIO(saved(Image.fromarray(NOISE))),
        Image.fromarray(NOISE),
        NOISE,
        torch.from_numpy(NOISE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_one_image_of_any_kind_is_one_inversion(client: Client, server: InProcessServer, image: Any) -> None:
    assert isinstance(client.invert(image, "faces", method="adam", masks=image, center_crop=True), Inversion)
    ((target,),) = [call.targets for call in server.called("Invert")]
    np.testing.assert_array_equal(pixels(target.image.data), NOISE)
    assert target.HasField("mask")
    outcomes = client.invert([image, image], "faces", method="adam", center_crop=True)
    assert isinstance(outcomes, list)
    assert len(outcomes) == 2


@pytest.mark.parametrize("image", [torch.zeros(3, 64, 64), np.zeros((5, 64, 64, 3))], ids=["channels first", "batch"])
def test_an_array_of_another_shape_is_one_error(client: Client, server: InProcessServer, image: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="image 1: expected one image of shape"):
        client.invert(image, "faces", method="adam")
    with pytest.raises(InvalidArgumentError, match="the mask: expected one image of shape"):
        client.invert([NOISE] * 300, "faces", method="adam", masks=image)
    with pytest.raises(InvalidArgumentError, match="reference 'a': expected one image of shape"):
        client.evolve("faces", references={"a": image})
    assert not server.called("Invert")


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (3, "masks: expected one mask, or a list of them, got int"),
        ({"a": NOISE}, "masks: expected one mask, or a list of them, got dict"),
        ([None, 3], "mask 1 of 1: expected a path, .* got int"),
        ([None], "2 images but 1 masks"),
        (np.eye(8, dtype=np.uint8), "the mask: the mask's levels are 0 and 1, of 255"),
        (Image.new("LA", (8, 8)), "the mask: a mask with transparent parts"),
    ],
    ids=["number", "dict", "list", "too few", "zeros and ones", "transparent"],
)
def test_masks_that_are_none_are_refused_once(client: Client, masks: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        client.invert([NOISE, NOISE], "faces", method="adam", masks=masks)


def test_a_mask_is_seen_here_as_the_server_sees_it() -> None:
    mask = Image.fromarray(NOISE[..., 0])
    data = saved(mask, icc_profile=profiles.grey(1.0))
    found = prepare(saved(Image.fromarray(NOISE)), data, height=12, width=16, channels=3, center_crop=False).mask
    assert found is not None
    np.testing.assert_array_equal(pixels(found), NOISE[..., 0])
    for given in (data, Image.open(io.BytesIO(data)), NOISE[..., 0]):
        np.testing.assert_array_equal(np.asarray(open_mask(given)), NOISE[..., 0])
    with pytest.raises(InvalidArgumentError, match="the mask cannot be read as an image: a mask with transp"):
        open_mask(Image.new("LA", (16, 12)))


def test_masks_may_come_one_by_one(client: Client, server: InProcessServer) -> None:
    masks = (mask for mask in (None, np.ones((12, 16), bool)))
    client.invert([NOISE, NOISE], "faces", method="adam", masks=masks)  # type: ignore[call-overload]
    (call,) = server.called("Invert")
    assert [target.HasField("mask") for target in call.targets] == [False, True]


def test_a_tensor_of_a_latent_is_none_of_pixels(client: Client) -> None:
    from pullback_client.directions.start import is_photograph

    assert not is_photograph(torch.zeros(12))
    assert not is_photograph(torch.zeros(1, 12))
    assert is_photograph(torch.zeros(8, 8))
    assert is_photograph(saved(Image.fromarray(NOISE)))
    assert is_photograph(io.BytesIO())
    assert not is_photograph([0.0] * 12)
