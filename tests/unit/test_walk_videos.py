"""Videos of walks, decoded again: how many images, how fast, how large, and how near they are to the frames."""

from __future__ import annotations

import io
import math
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from pullback_client import FailedPreconditionError, Frame, InvalidArgumentError, Traversal
from pullback_client.directions.video import encode_mp4

COUNT = 4


def images(width: int, height: int, count: int = COUNT) -> list[Image.Image]:
    """Slopes of colours that turn from image to image."""
    down, across = np.mgrid[:height, :width]
    turns = [2 * math.pi * number / 12 for number in range(count)]
    levels = [
        np.stack([127 + 100 * np.sin(angle + shift + across / 9 - down / 14) for shift in (0, 2, 4)], axis=-1)
        for angle in turns
    ]
    return [Image.fromarray(each.astype(np.uint8)) for each in levels]


def walk(frames: list[Image.Image]) -> Traversal:
    return Traversal(
        tuple(Frame(place, float(place), 0.0, np.zeros(3), 0.0, image) for place, image in enumerate(frames)),
        "z",
        frames[0],
        b"GIF89a",
        {},
    )


def rgb(planes: np.ndarray, height: int) -> np.ndarray:
    """The image of BT.709's luma and chromas, each of which is that of four pixels."""
    luma, chromas = planes[:height], planes[height:].reshape(2, height // 2, -1)
    y = (luma - 16.0) / 219
    cb, cr = ((chromas - 128.0) / 224).repeat(2, axis=1).repeat(2, axis=2)
    red, blue = y + 1.5748 * cr, y + 1.8556 * cb
    green = (y - 0.2126 * red - 0.0722 * blue) / 0.7152
    return (255 * np.stack([red, green, blue], axis=-1)).round().clip(0, 255).astype(np.uint8)


def decoded(data: bytes) -> tuple[list[np.ndarray], Fraction | None, str]:
    """Its images, how many a second, and what it is."""
    with av.open(io.BytesIO(data)) as file:
        (stream,) = file.streams
        assert isinstance(stream, av.VideoStream)
        context = stream.codec_context
        what = f"{context.name} {context.pix_fmt} colours {context.colorspace} range {context.color_range}"
        shown = [rgb(frame.to_ndarray(), frame.height) for frame in file.decode(stream)]
        assert stream.duration is not None
        assert stream.time_base is not None
        assert stream.average_rate is not None
        # The last one is shown as long as the others.
        assert stream.duration * stream.time_base == len(shown) / stream.average_rate
        return shown, stream.average_rate, what


def signal_to_noise(source: np.ndarray, found: np.ndarray) -> float:
    """Of the peak, dB."""
    return float(10 * np.log10(255**2 / np.mean((source.astype(np.float64) - found) ** 2)))


def test_a_video_has_the_frames_forth_and_back_and_is_what_browsers_play() -> None:
    frames = images(64, 48)
    data = walk(frames).video(upscale=4)
    shown, rate, what = decoded(data)

    assert (len(shown), rate) == (2 * COUNT - 2, 10)
    assert what == "h264 yuv420p colours 1 range 1"  # BT.709 from 16 to 235
    assert data.index(b"moov") < data.index(b"mdat")  # it plays while it is loaded
    for source, found in zip([*frames, *frames[-2:0:-1]], shown, strict=True):
        assert found.shape == (4 * 48, 4 * 64, 3)
        assert signal_to_noise(np.asarray(source).repeat(4, 0).repeat(4, 1), found) > 40


@pytest.mark.parametrize("upscale", [1, 2, 3])
@pytest.mark.parametrize("size", [(16, 16), (31, 20), (9, 33)])
def test_sides_are_even_and_pixels_are_squares(size: tuple[int, int], upscale: int) -> None:
    frames = images(*size, count=2)
    shown, _, _ = decoded(encode_mp4(frames, upscale=upscale))

    width, height = (side * upscale for side in size)
    for source, found in zip(frames, shown, strict=True):
        large = np.asarray(source).repeat(upscale, axis=0).repeat(upscale, axis=1)
        assert found.shape == (height + height % 2, width + width % 2, 3)
        assert signal_to_noise(large, found[:height, :width]) > 30
        if height % 2:
            assert np.abs(found[-1].astype(int) - found[-2]).mean() < 12


def test_an_even_upscale_keeps_the_colours_of_each_pixel() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (12, 12, 3), dtype=np.uint8)  # nothing is as hard
    (found,), _, _ = decoded(encode_mp4([Image.fromarray(pixels)], upscale=8))
    blurred, _, _ = decoded(encode_mp4([Image.fromarray(pixels)], upscale=7))

    middles = found[4::8, 4::8]
    assert np.abs(middles.astype(int) - pixels).mean() < 4
    large = pixels.repeat(7, axis=0).repeat(7, axis=1)
    assert signal_to_noise(pixels.repeat(8, axis=0).repeat(8, axis=1), found) > signal_to_noise(large, blurred[0]) + 2


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (24, Fraction(24)),
        (Fraction(30000, 1001), Fraction(30000, 1001)),
        (29.97, Fraction(2997, 100)),
        (1 / 3, Fraction(1, 3)),
        (np.float32(12.5), Fraction(25, 2)),
    ],
)
def test_the_rate_is_exact(asked: float, kept: Fraction) -> None:
    assert decoded(encode_mp4(images(16, 16), asked))[1] == kept


def test_greyscale_images_and_a_single_one_are_videos_too(tmp_path: Path) -> None:
    grey = images(20, 20, count=1)[0].convert("L")
    (path,) = walk([grey]).save(tmp_path / "still.mp4", fps=2, upscale=4)

    (found,), rate, _ = decoded(path.read_bytes())
    assert (found.shape, rate) == ((80, 80, 3), 2)
    assert signal_to_noise(np.asarray(grey.convert("RGB")).repeat(4, 0).repeat(4, 1), found) > 38


@pytest.mark.parametrize("fps", [0, -1, 241, math.inf, math.nan, True, "fast"])
def test_a_rate_that_cannot_be_is_said(fps: float) -> None:
    with pytest.raises(InvalidArgumentError, match="fps must be a number"):
        encode_mp4(images(16, 16), fps)


def test_what_cannot_be_a_video_says_why_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidArgumentError, match="upscale=65 makes a video of 4160 x 3120 pixels"):
        walk(images(64, 48)).save(tmp_path / "large.mp4", upscale=65)
    with pytest.raises(InvalidArgumentError, match="one image at least"):
        encode_mp4([])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FailedPreconditionError, match=r"PyAV .*: pip install 'pullback\[video\]'"):
        walk(images(64, 48)).save(tmp_path / "none.mp4")
    assert list(tmp_path.iterdir()) == []
