"""Limits of a picture's size, in pixels."""

from __future__ import annotations

import math

from pullback_api.pictures.errors import PictureError

MAX_PIXELS = 64_000_000
"""Most pixels that are taken."""
MIN_SIDE = 8
"""Fewest pixels that each side of a photograph needs."""


def check_most(width: int, height: int) -> None:
    """Raises PictureError where a picture has too many pixels."""
    if width * height > MAX_PIXELS:
        scale = math.sqrt(MAX_PIXELS / (width * height))
        smaller = f"{max(int(width * scale), 1)} × {max(int(height * scale), 1)}"
        raise PictureError(
            f"the image has {width} × {height} pixels; at most {MAX_PIXELS:,} are taken: "
            f"scale it down, to {smaller} or fewer"
        )


def check_least(width: int, height: int) -> None:
    """Raises PictureError where a side of a photograph is too short."""
    if min(width, height) < MIN_SIDE:
        raise PictureError(f"the image has {width} × {height} pixels; each side needs at least {MIN_SIDE}")
