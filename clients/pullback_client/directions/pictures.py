"""Pictures of a walk as people look at them: enlarged pixel by pixel, and with the steps written beside."""

from __future__ import annotations

import io
import math
import unicodedata
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pullback_client.directions.frame import Frame
from pullback_client.errors import InvalidArgumentError
from pullback_client.wire.fields import whole_number

MOST_PIXELS = 80_000_000
"""Pixels of an enlarged picture, all frames of an animation together. Pillow warns of files of more than 89 million."""

INK, GREY = (0, 0, 0), (110, 110, 110)
_SMALLEST, _LARGEST = 12, 28  # pixels of the labels' letters
_PAD = 4  # pixels between labels and around them

Font: TypeAlias = "ImageFont.FreeTypeFont | ImageFont.ImageFont"


def check_upscale(upscale: int, size: tuple[int, int], frames: int = 1) -> int:
    """A factor by which pictures are enlarged.

    Args:
        upscale: Whole, ≥ 1.
        size: Width and height of one frame, in pixels.
        frames: How many are in one picture.

    Raises:
        InvalidArgumentError: It is none, or makes a picture of more than `MOST_PIXELS`.
    """
    times = whole_number("upscale", upscale, minimum=1)
    pixels = size[0] * size[1] * frames
    # What comes from the server is kept at its own size, whatever that is.
    if times > 1 and times**2 * pixels > MOST_PIXELS:
        most = max(1, math.isqrt(MOST_PIXELS // pixels))
        raise InvalidArgumentError(
            f"upscale={times} makes {frames} frames of {times * size[0]} x {times * size[1]} pixels, "
            f"{times**2 * pixels / 1e6:,.0f} million in one picture; at most {MOST_PIXELS // 10**6} million: "
            f"ask for fewer frames, or for at most {most}"
        )
    return times


def enlarged(image: Image.Image, times: int) -> Image.Image:
    """The image with every pixel as a square of `times` × `times`."""
    if times == 1:
        return image
    return image.resize((times * image.width, times * image.height), Image.Resampling.NEAREST)


def enlarged_animation(gif: bytes, times: int) -> bytes:
    """An animated GIF with every pixel of every frame as a square; colours and times stay as they are."""
    if times == 1:
        return gif
    frames: list[Image.Image] = []
    durations: list[int] = []
    with Image.open(io.BytesIO(gif)) as animation:
        for number in range(getattr(animation, "n_frames", 1)):
            animation.seek(number)
            durations.append(int(animation.info.get("duration", 0)))
            frames.append(enlarged(_indexed(animation), times))
        loop = {"loop": animation.info["loop"]} if "loop" in animation.info else {}
    buffer = io.BytesIO()
    first, *others = frames
    shown: Any = {"duration": durations} if others else {}
    first.save(buffer, "GIF", save_all=True, append_images=others, optimize=False, **shown, **loop)
    return buffer.getvalue()


def _indexed(frame: Image.Image) -> Image.Image:
    """A frame of a GIF with a palette of exactly its own colours, of which it has at most 256."""
    colours, index = np.unique(np.asarray(frame.convert("RGB")).reshape(-1, 3), axis=0, return_inverse=True)
    indexed = Image.fromarray(index.reshape(frame.height, frame.width).astype(np.uint8), "P")
    indexed.putpalette(colours.astype(np.uint8).tobytes())
    return indexed


def labelled_strip(strip: Image.Image, frames: Sequence[Frame], times: int, unit: str) -> Image.Image:
    """The strip of a walk, enlarged, with the steps below; of a grid also to the left of its rows.

    Letters keep a size that can be read: where frames are narrower than their labels, some go without, never the start
    (step 0) if it is among them.

    Args:
        strip: Frames side by side, or row by row.
        frames: The frames.
        times: How many times as large.
        unit: What steps are counted in, for the line below.
    """
    width, height = (times * side for side in frames[0].image.size)
    picture = enlarged(strip.convert("RGB"), times)
    columns, rows = picture.width // width, picture.height // height
    font = label_font(width)
    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    across = step_labels([frame.step for frame in frames[:columns]])
    down = step_labels([frame.second_step for frame in frames[::columns]]) if rows > 1 else []
    words = f"step in {unit}" + ("; second direction down" if rows > 1 else "")
    widest = math.ceil(max(pen.textlength(label, font=font) for label in across))
    side = math.ceil(max(pen.textlength(label, font=font) for label in down)) + 2 * _PAD if down else 0
    # Room for the first label, where it is wider than its frame.
    left = max(side, math.ceil((widest - width) / 2), 0)
    line = round(font.size * 1.4) if isinstance(font, ImageFont.FreeTypeFont) else _LARGEST
    size = (
        max(left + picture.width + max(math.ceil((widest - width) / 2), 0), math.ceil(pen.textlength(words, font)) + 8),
        picture.height + 2 * line + _PAD,
    )
    sheet = Image.new("RGB", size, "white")
    sheet.paste(picture, (left, 0))
    pen = ImageDraw.Draw(sheet)
    for column in spaced([frame.step for frame in frames[:columns]], (widest + 2 * _PAD) / width):
        place = (left + (column + 0.5) * width, picture.height + line / 2 + _PAD / 2)
        pen.text(place, across[column], fill=INK, font=font, anchor="mm")
    for row in spaced([frame.second_step for frame in frames[::columns]], line / height) if down else ():
        pen.text((left - _PAD, (row + 0.5) * height), down[row], fill=INK, font=font, anchor="rm")
    pen.text((_PAD if down else max(left, _PAD), picture.height + 1.5 * line), words, fill=GREY, font=font, anchor="lm")
    return sheet


def label_font(width: int) -> Font:
    """The letters for labels of pictures so many pixels wide."""
    return ImageFont.load_default(min(max(width // 6, _SMALLEST), _LARGEST))


def step_labels(steps: Sequence[float]) -> list[str]:
    """Steps as labels: signed, with as many digits as tell them apart, and 0 where a step is 0 but for rounding."""
    largest = max(abs(step) for step in steps)
    decimals = max(0, 2 - math.floor(math.log10(largest))) if largest > 0 else 0
    labels = []
    for step in steps:
        text = f"{step:+.{decimals}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        labels.append("0" if text in {"+0", "-0", "+", "-"} else text)
    return labels


def drawable(text: str) -> str:
    """The text as Pillow's own font, which has little but Latin letters without accents, can draw it."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(each if each.isascii() else "?" for each in plain if not unicodedata.combining(each))


def fitting(text: str, width: float, font: Font) -> str:
    """The text as it can be drawn, its middle left out where it is wider than so many pixels."""
    text = drawable(text)
    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    kept = len(text)
    short = text
    while pen.textlength(short, font=font) > width and kept > 2:
        kept -= 1
        # Names of files often differ at their ends.
        short = f"{text[: kept - kept // 3]}...{text[len(text) - kept // 3 :]}"
    return short


def spaced(steps: Sequence[float], needed: float) -> range:
    """Which labels are drawn: every so many-th one, with that of the step nearest to 0 among them."""
    stride = max(1, math.ceil(needed))
    nearest = min(range(len(steps)), key=lambda index: abs(steps[index]))
    return range(nearest % stride, len(steps), stride)
