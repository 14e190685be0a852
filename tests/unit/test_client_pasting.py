"""Reconstructions laid back into their photographs."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms

from in_process import InProcessServer
from pullback_client import Alignment, Client, InvalidArgumentError, Inversion
from pullback_client.inversion.pasting import paste


@pytest.fixture(scope="module")
def inversion() -> Iterator[Inversion]:
    with InProcessServer() as server, Client(server.target) as client:
        yield client.invert(Image.new("RGB", (16, 16)), "faces", method="adam")


def smooth(width: int, height: int) -> npt.NDArray[np.float64]:
    """A picture without edges, 0 to 255, shape (height, width, 3)."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return 127.5 + 120 * np.stack([np.sin(3 * x + y), np.cos(2 * y - x), np.sin(2 * x * y)], axis=-1)


def as_image(pixels: npt.NDArray[np.float64]) -> Image.Image:
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def seen_through(
    photograph: npt.NDArray[np.float64], frame: tuple[float, float, float, float], size: int
) -> npt.NDArray[np.float64]:
    """What a frame (left, top, width, height) of a photograph shows, `size` pixels a side, bilinear."""
    left, top, width, height = frame
    columns = left + (np.arange(size) + 0.5) / size * width - 0.5
    rows = top + (np.arange(size) + 0.5) / size * height - 0.5
    x, y = np.floor(columns).astype(int), np.floor(rows).astype(int)
    u, v = (columns - x)[None, :, None], (rows - y)[:, None, None]
    rows_above, rows_below = photograph[y], photograph[y + 1]
    above = rows_above[:, x] * (1 - u) + rows_above[:, x + 1] * u
    below = rows_below[:, x] * (1 - u) + rows_below[:, x + 1] * u
    return above * (1 - v) + below * v  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "alignment", [Alignment(0.5, 0.25, -0.25), Alignment(0.9, 0.02, -0.05), Alignment(0.31, -0.43, 0.37)]
)
@pytest.mark.parametrize(("width", "height"), [(160, 160), (203, 160), (160, 231)])
def test_what_a_frame_of_the_photograph_shows_lies_where_it_was_seen(
    alignment: Alignment, width: int, height: int
) -> None:
    photograph = smooth(width, height)
    side = min(width, height)  # of the centred crop that was compared
    scale, shift_x, shift_y = alignment
    centre = width / 2 + shift_x * side / 2, height / 2 + shift_y * side / 2
    frame = (centre[0] - scale * side / 2, centre[1] - scale * side / 2, scale * side, scale * side)
    marked = 255 - seen_through(photograph, frame, 96)  # inverted, so that it stands out
    pasted = np.asarray(paste(as_image(marked), as_image(photograph), alignment, feather=0), dtype=np.float64)

    expected = photograph.copy()
    left, top = (int(np.ceil(edge - 1e-6)) for edge in frame[:2])
    right, bottom = (int(np.floor(edge + scale * side + 1e-6)) for edge in frame[:2])
    expected[top:bottom, left:right] = 255 - photograph[top:bottom, left:right]
    assert (right - left) * (bottom - top) > 0.9 * (scale * side) ** 2
    assert np.abs(pasted - expected).max() < 4


def test_a_scale_of_whole_pixels_is_exact() -> None:
    found = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8))
    photograph = Image.new("RGB", (32, 16), "white")
    pasted = np.asarray(paste(found, photograph, Alignment(0.5, -0.5, 0.5), feather=0))  # of the middle 16 × 16
    np.testing.assert_array_equal(pasted[8:, 8:16], np.asarray(found))
    rest = np.ones((16, 32), dtype=bool)
    rest[8:, 8:16] = False
    assert (pasted[rest] == 255).all()


def test_without_an_alignment_the_part_that_was_compared_is_covered(inversion: Inversion) -> None:
    assert inversion.alignment is None
    pasted = np.asarray(inversion.paste_back(Image.new("L", (40, 24), 255)))
    assert pasted.shape == (24, 40, 3)
    assert (pasted[:, 8:32] == 50).all()
    assert (pasted[:, :8] == 255).all()
    assert (pasted[:, 32:] == 255).all()


def test_a_photograph_within_a_pixel_of_the_aspect_is_covered_whole(inversion: Inversion) -> None:
    # The server compares all of such a photograph.
    assert (np.asarray(inversion.paste_back(Image.new("RGB", (25, 24), "white"))) == 50).all()


@pytest.mark.parametrize(
    "alignment",
    [Alignment(1.5, 0.0, 0.0), Alignment(1.0, 0.5, 0.5), Alignment(0.02, 0.0, 0.0), Alignment(1.0, 3.0, 0.0)],
)
def test_what_reaches_beyond_the_photograph_or_is_tiny_is_cut(alignment: Alignment) -> None:
    pasted = paste(Image.new("RGB", (16, 16), "red"), Image.new("RGB", (20, 20), "white"), alignment)
    red = np.asarray(pasted)[..., 1] == 0
    assert pasted.size == (20, 20)
    assert int(red.sum()) == {1.5: 400, 0.02: 0}.get(alignment.scale, 225 if alignment.shift_x == 0.5 else 0)


def test_each_solution_lies_in_its_own_place(inversion: Inversion) -> None:
    other = dataclasses.replace(inversion.solutions[0], alignment=Alignment(0.5, -0.5, -0.5))
    both = dataclasses.replace(inversion, solutions=(inversion.solutions[0], other))
    photograph = Image.new("RGB", (16, 16), "white")
    assert (np.asarray(both.paste_back(photograph)) == 50).all()
    second = np.asarray(both.solutions[1].paste_back(photograph))
    assert (second[:8, :8] == 50).all()
    assert (second[8:] == 255).all()


def test_a_turned_photograph_is_pasted_into_upright(inversion: Inversion, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter
    Image.new("RGB", (10, 40), "white").save(tmp_path / "turned.png", exif=exif)
    pasted = inversion.paste_back(tmp_path / "turned.png")
    assert pasted.size == (40, 10)
    assert (np.asarray(pasted)[:, 15:25] == 50).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_photograph_of_any_mode_becomes_rgb_on_white(inversion: Inversion, mode: str) -> None:
    white = {"I;16": 65535, "LA": (0, 0), "RGBA": (0, 0, 0, 0), "1": 1, "P": 0}.get(mode, "white")
    photograph = Image.new(mode, (40, 16), white)  # type: ignore[arg-type]
    if mode == "P":
        photograph.putpalette([255, 255, 255])
    pasted = inversion.paste_back(photograph)
    assert pasted.mode == "RGB"
    assert pasted.getpixel((0, 0)) == (255, 255, 255)


def test_colours_are_those_of_the_reconstruction_whatever_the_photographs_profile(
    inversion: Inversion, tmp_path: Path
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (40, 16), (10, 200, 30)).save(tmp_path / "known.png", icc_profile=profile)
    Image.new("RGB", (40, 16), (10, 200, 30)).save(tmp_path / "damaged.png", icc_profile=b"no profile")
    for name in ("known.png", "damaged.png"):
        pasted = inversion.paste_back(tmp_path / name)
        assert np.abs(np.array(pasted.getpixel((0, 0))) - (10, 200, 30)).max() <= 1
        assert pasted.getpixel((20, 8)) == (50, 50, 50)


def test_what_is_no_photograph_is_refused(inversion: Inversion, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no photograph")
    with pytest.raises(InvalidArgumentError, match=r"notes\.txt cannot be read as an image"):
        inversion.paste_back(tmp_path / "notes.txt")
    with pytest.raises(InvalidArgumentError, match="no such file"):
        inversion.paste_back(tmp_path / "nobody.png")
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(buffer, "JPEG")
    (tmp_path / "half.jpg").write_bytes(buffer.getvalue()[:600])
    with pytest.raises(InvalidArgumentError, match=r"half\.jpg cannot be read as an image"):
        inversion.paste_back(tmp_path / "half.jpg")
