"""Video of a walk: H.264 in an MP4 file, which browsers and slide programs play."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from pullback_client.directions.pictures import enlarged
from pullback_client.errors import FailedPreconditionError, InvalidArgumentError
from pullback_client.wire.fields import number, whole_number

FPS = 10
"""Images a second where nothing else is said, as the server's animations have them."""

MOST_FPS = 240
MOST_SIDE = 4096
"""Pixels of a side: players that decode H.264 in hardware take no more."""

_QUALITY = "16"  # x264's constant rate factor: 0 is lossless, 18 looks so
_BT709, _LIMITED = 1, 1  # in the numbers of ITU-T H.273, and of FFmpeg: levels from 16 to 235
_SLOWEST = Fraction(1, 60)  # images a second

Rate: TypeAlias = "int | float | Fraction"
Pixels: TypeAlias = npt.NDArray[np.uint8]


def require_extras() -> None:
    """Raises FailedPreconditionError where the package of the `video` extra is missing, with what to install."""
    if importlib.util.find_spec("av") is None:
        raise FailedPreconditionError("an .mp4 file needs PyAV to be written: pip install 'pullback[video]'")


def check_fps(fps: Rate) -> Fraction:
    """Images a second, exactly.

    Raises:
        InvalidArgumentError: No number from 1/60 to `MOST_FPS`.
    """
    value = number("fps", fps)
    if not float(_SLOWEST) <= value <= MOST_FPS:
        raise InvalidArgumentError(f"fps must be a number from 1/60 to {MOST_FPS}, got {fps!r}")
    # A file counts in whole ticks: 29.97 is 2997/100, and a third that was written out is a third.
    return (fps if isinstance(fps, Fraction) else Fraction(value)).limit_denominator(1001)


def check_video_size(upscale: int, size: tuple[int, int]) -> int:
    """A factor by which frames of a video are enlarged.

    Args:
        upscale: Whole, ≥ 1.
        size: Width and height of one frame, in pixels.

    Raises:
        InvalidArgumentError: It is none, or makes a side of more than `MOST_SIDE` pixels.
    """
    times = whole_number("upscale", upscale, minimum=1)
    if times * max(size) > MOST_SIDE:
        raise InvalidArgumentError(
            f"upscale={times} makes a video of {times * size[0]} x {times * size[1]} pixels, which players do not "
            f"take: at most {MOST_SIDE} a side"
        )
    return times


def encode_mp4(images: Iterable[Image.Image], fps: Rate = FPS, upscale: int = 1) -> bytes:
    """Images one after the other as an MP4 file: H.264 with 4:2:0 colours of BT.709, no sound.

    Colours have half the resolution. Where `upscale` is even that does not show: each pixel of an image then has one of
    its own. Sides that are odd get their last row or column once more, as H.264 has even ones.

    Args:
        images: All of one size, at least one.
        fps: How many a second, 1/60 to 240; a Fraction such as Fraction(30000, 1001) is kept exactly.
        upscale: Every pixel becomes a square of so many, ≥ 1.

    Returns:
        The file; it begins with its index, so that it plays while it is loaded.

    Raises:
        FailedPreconditionError: PyAV is not installed.
        InvalidArgumentError: No image, another number of them a second, or too large a side.
    """
    require_extras()
    import av  # noqa: PLC0415  (of the `video` extra)

    rate = check_fps(fps)
    left = iter(images)
    if (first := next(left, None)) is None:
        raise InvalidArgumentError("a video has one image at least, but none came")
    times = check_video_size(upscale, first.size)
    with tempfile.TemporaryDirectory(prefix="pullback-video-") as folder:
        path = Path(folder) / "video.mp4"
        with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as file:
            stream = file.add_stream("libx264", rate=rate, options={"crf": _QUALITY})
            stream.width, stream.height = (side + side % 2 for side in (times * first.width, times * first.height))
            stream.pix_fmt = "yuv420p"
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = _LIMITED
            image: Image.Image | None = first
            while image is not None:
                planes = _planes(enlarged(image, times))
                file.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
                image = next(left, None)
            file.mux(stream.encode())
        return path.read_bytes()


def _planes(image: Image.Image) -> Pixels:
    """Luma and below it both chromas of an image, sides made even; shape (1.5 × height, width).

    In 8 bits, as ITU-R BT.709-6 has it: luma from 16 to 235, chromas from 16 to 240, each the mean of 2 × 2 pixels.
    """
    levels = np.asarray(image.convert("RGB"), np.float32) / 255
    height, width, _ = levels.shape
    levels = np.pad(levels, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
    red, green, blue = np.moveaxis(levels, -1, 0)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    # E'_CB and E'_CR, from -1/2 to 1/2.
    chromas = [(blue - luma) / 1.8556, (red - luma) / 1.5748]
    halved = [each.reshape(len(luma) // 2, 2, -1, 2).mean(axis=(1, 3)) for each in chromas]
    planes = [16 + 219 * luma, *(128 + 224 * each for each in halved)]
    return np.concatenate([np.rint(plane).astype(np.uint8).ravel() for plane in planes]).reshape(-1, luma.shape[1])
