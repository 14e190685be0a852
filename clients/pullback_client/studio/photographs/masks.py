"""Masks that are drawn over a photograph: strokes of a brush and rectangles, in the photograph's own pixels."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from PIL import Image, ImageDraw

from pullback_client.errors import InvalidArgumentError

MOST_POINTS = 20_000
"""Of one stroke."""


@dataclass(frozen=True)
class Stroke:
    """A stroke of a round brush.

    Attributes:
        points: Its way, each (x, y) in pixels.
        radius: Of the brush, in pixels.
        shows: Whether it shows again what was hidden before.
    """

    points: tuple[tuple[float, float], ...]
    radius: float
    shows: bool = False

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Stroke:
        """The stroke that a browser tells of.

        Raises:
            InvalidArgumentError: It is none.
        """
        try:
            points = tuple((float(x), float(y)) for x, y in told["points"][:MOST_POINTS])
            return cls(points, float(told["radius"]), bool(told["shows"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidArgumentError(f"expected a stroke with points and a radius, got {told!r:.200}") from error

    @property
    def told(self) -> dict[str, Any]:
        """As a browser draws it."""
        return {"points": [list(point) for point in self.points], "radius": self.radius, "shows": self.shows}


@dataclass(frozen=True)
class Rectangle:
    """A rectangle that is hidden, in pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def told(self) -> dict[str, Any]:
        """As a browser draws it."""
        return {"box": [self.left, self.top, self.width, self.height]}


Mark: TypeAlias = Stroke | Rectangle


def draw_mask(size: tuple[int, int], marks: Sequence[Mark]) -> bytes | None:
    """The file of the mask, a PNG of mode L: white where the photograph counts, black where it was hidden.

    Args:
        size: Width and height of the photograph.
        marks: In the order in which they were made: later ones lie over those before.

    Returns:
        None where nothing was hidden.
    """
    mask = Image.new("L", size, 255)
    draw = ImageDraw.Draw(mask)
    for mark in marks:
        if isinstance(mark, Rectangle):
            right, bottom = mark.left + mark.width - 1, mark.top + mark.height - 1
            draw.rectangle((mark.left, mark.top, right, bottom), fill=0)
            continue
        value, radius = (255 if mark.shows else 0), max(mark.radius, 0.5)
        if len(mark.points) > 1:
            draw.line(mark.points, fill=value, width=max(1, round(2 * radius)))
        for x, y in mark.points:  # round ends and turns
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=value)
    if mask.getextrema() == (255, 255):
        return None
    buffer = io.BytesIO()
    mask.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
