"""Contact sheet from which people choose directions: a row for each, a column for each step, from several starts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from PIL import Image, ImageDraw, ImageFont

from pullback_client.catalogue import Generator
from pullback_client.directions.direction_set import Directions
from pullback_client.directions.frame import Frame
from pullback_client.directions.pictures import (
    GREY,
    INK,
    check_upscale,
    drawable,
    enlarged,
    fitting,
    spaced,
    step_labels,
)
from pullback_client.directions.records import Direction
from pullback_client.directions.walk_options import WalkOptions
from pullback_client.errors import InvalidArgumentError
from pullback_client.wire.codec import Array
from pullback_client.wire.names import id_of

if TYPE_CHECKING:  # part of `typing` from Python 3.11
    from typing_extensions import Unpack

_LARGEST = 96  # pixels of a frame's longer side where nothing is said; a sheet has hundreds of them
_LABEL, _HEAD, _SEAM, _GAP, _MARGIN = 150, 62, 2, 14, 8  # pixels
_ROW = 54  # pixels that a row's label takes
_FAINTEST = 1e-12  # rate beside the largest: a direction below it changes nothing


class WalkingClient(Protocol):
    """What the sheet needs of a `Client`."""

    def get_generator(self, name: str) -> Generator:
        """One generator."""

    def sample(self, generator: str, count: int, *, space: str | None, seed: int) -> Array:
        """Latents drawn from a prior, shape (count, dim)."""

    def iter_traverse(
        self, start: Array, direction: Direction, *, space: str | None, **options: Unpack[WalkOptions]
    ) -> Iterator[Frame]:
        """The frames of a walk."""


def contact_sheet(
    client: WalkingClient,
    directions: Directions,
    *,
    starts: int = 3,
    frames: int = 7,
    reach: float = 2.0,
    seed: int = 0,
    upscale: int | None = None,
    distance: str | None = None,
) -> Image.Image:
    """Draws the sheet of directions.

    Args:
        client: Walks along them.
        directions: The directions. Those that change nothing are left out.
        starts: From how many draws of the prior each is walked, ≥ 1.
        frames: Frames of each walk, 2 to 500.
        reach: Each walk goes from −reach to reach, > 0, in steps of α_H^−½.
        seed: Of the draws, ≥ 0.
        upscale: Every pixel of a frame becomes a square of so many, ≥ 1; None = frames of about 96 pixels.
        distance: Image distance in which frames are measured; None = the server's default.

    Raises:
        InvalidArgumentError: A number out of range, too large a sheet, images too small for the distance, or no
            direction changes anything.
    """
    if not reach > 0:
        raise InvalidArgumentError(f"reach must be a number above 0, got {reach!r}")
    if upscale is not None:
        drawn = client.get_generator(directions.generator)
        check_upscale(upscale, (drawn.width, drawn.height), starts * frames * len(directions))
    options: WalkOptions = {"frames": frames, "first": -reach, "last": reach}
    if distance is not None:
        options["distance"] = distance
    latents = client.sample(directions.generator, starts, space=directions.space, seed=seed)
    # One that changes nothing, but for rounding, has no unit to step by.
    faintest = _FAINTEST * max(float(directions.rates.max()), 0.0)
    rows = [
        (each, [list(client.iter_traverse(start, each, space=directions.space, **options)) for start in latents])
        for each in directions
        if each.rate > faintest
    ]
    if not rows:
        raise InvalidArgumentError(f"{directions.name}: none of its directions changes the image")
    purified = f" on the top {directions.purify} axes" if directions.purify else ""
    title = (
        f"{directions.generator}: {directions.method} in {directions.space}{purified}, {len(rows)} of "
        f"{len(directions)} directions, {starts} starts (seed {seed})\nset {id_of(directions.name)}"
    )
    return draw_sheet(title, rows, upscale)


def draw_sheet(
    title: str, rows: Sequence[tuple[Direction, Sequence[Sequence[Frame]]]], upscale: int | None = None
) -> Image.Image:
    """Lays frames out: a row for each direction, side by side the walks from each start, and labels.

    Args:
        title: What the sheet shows, in at most two lines.
        rows: Directions with their walks, as many from the same starts, of as many frames, for each.
        upscale: As for `contact_sheet`.
    """
    first = rows[0][1]
    width, height = _scaled(first[0][0].image, upscale).size
    tall = max(height, _ROW) + _SEAM
    block = len(first[0]) * (width + _SEAM) - _SEAM
    large, small = ImageFont.load_default(14), ImageFont.load_default(11)
    ruler = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    words = max(ruler.textlength(line, large) for line in drawable(title).splitlines())
    size = (
        max(_MARGIN + _LABEL + len(first) * (block + _GAP) - _GAP + _MARGIN, math.ceil(words) + 2 * _MARGIN),
        _HEAD + len(rows) * tall - _SEAM + _MARGIN,
    )
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    steps = [frame.step for frame in first[0]]
    labels = step_labels(steps)
    labelled = spaced(steps, (max(pen.textlength(label, small) for label in labels) + 4) / (width + _SEAM))
    for number, line in enumerate(drawable(title).splitlines()):
        pen.text((_MARGIN, _MARGIN + 17 * number), line, fill=INK, font=large)
    pen.text((_MARGIN, _HEAD - 16), "step in units of rate^(-1/2):", fill=GREY, font=small)
    for row, (direction, walks) in enumerate(rows):
        top = _HEAD + row * tall
        pen.text((_MARGIN, top + 2), fitting(direction.label, _LABEL - _MARGIN, large), fill=INK, font=large)
        pen.text((_MARGIN, top + 20), _figures(direction), fill=GREY, font=small, spacing=2)
        for place, walk in enumerate(walks):
            left = _MARGIN + _LABEL + place * (block + _GAP)
            for column, frame in enumerate(walk):
                x = left + column * (width + _SEAM)
                sheet.paste(_scaled(frame.image, upscale), (x, top))
                if row == 0 and column in labelled:
                    pen.text((x + width / 2, _HEAD - 4), labels[column], fill=GREY, font=small, anchor="ms")
    return sheet


def _figures(direction: Direction) -> str:
    """What is known of a direction besides its name, in two lines."""
    number = f"no. {direction.index}, " if direction.title else ""
    return f"{number}rate {direction.rate:.3g}\naligned {direction.alignment:.2f}"


def _scaled(image: Image.Image, upscale: int | None) -> Image.Image:
    """The image for a sheet; where nothing is said a large one smaller, a small one some whole times larger."""
    small = image.convert("RGB")
    times = _LARGEST // max(small.size) if upscale is None else upscale
    if times >= 1:
        return enlarged(small, times)
    small.thumbnail((_LARGEST, _LARGEST), Image.Resampling.LANCZOS)
    return small
