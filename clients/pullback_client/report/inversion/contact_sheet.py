"""Contact sheet: photographs over their reconstructions, side by side."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from pullback_client.inversion.result import Inversion
from pullback_client.report.inversion.summary import method_of
from pullback_client.report.parts import Plot, number
from pullback_client.report.style import DPI, WIDTH, fit, new_figure, to_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 512  # photographs; more would make a picture that few programs open
_MOST_SOLUTIONS = 4
_FEWEST_ACROSS, _ACROSS, _MOST_ACROSS = 3, 8, 16
# Pixels: for the names of the rows, for each line above a photograph, and between pictures.
_SIDE, _LINE, _GAP, _SEAM = 34, 22, 6, 2
_QUIET = "0.35"  # of the numbers, beside names in black
_LETTERS, _SMALL_LETTERS = 8, 5.5  # points; small where very many pictures stand side by side


def contact_sheet(found: Sequence[Inversion]) -> Plot:
    """Every photograph as it was compared, below it what was found, and above it its number, name and distance."""
    shown = found[:_MOST]
    across = _across(shown)
    aligned = _has_parts(shown)
    solutions = _most_solutions(shown)
    figure = draw_sheet(shown)
    return Plot(
        file="contact_sheet.png",
        title="Photographs and reconstructions",
        alt=(
            f"{len(shown):,} columns of pictures, in rows of {across}: each photograph, and below it its "
            f"reconstruction; the distance between the two is {_range(shown)}."
        ),
        caption=_caption(found, aligned=aligned, solutions=solutions),
        png=to_png(figure),
    )


def draw_sheet(shown: Sequence[Inversion]) -> Figure:
    """The figure of `contact_sheet`: texts are its own, the pictures one image below them."""
    across, aligned, solutions = _across(shown), _has_parts(shown), _most_solutions(shown)
    whole = round(WIDTH * DPI)
    wide = (whole - _SIDE + _GAP) // across - _GAP  # of which so many and the gaps between them fill a row
    columns = [_column(inversion, wide, aligned=aligned, solutions=solutions) for inversion in shown]
    letters = _LETTERS if across <= _ACROSS else _SMALL_LETTERS
    head = round(2 * _LINE * letters / _LETTERS) + 2 * _SEAM
    tall = columns[0].height + head + _GAP
    sheet = Image.new("RGB", (whole, math.ceil(len(columns) / across) * tall), "white")
    figure = new_figure(sheet.height / DPI, layout=None)

    def write(x: float, y: float, words: str, width: float, **style: Any) -> None:
        """A text centred at pixels from the left and the top."""
        text = figure.text(x / sheet.width, 1 - y / sheet.height, words, fontsize=letters, ha="center", **style)
        fit(text, width)

    names = _row_names(aligned=aligned, solutions=solutions)
    for position, (column, inversion) in enumerate(zip(columns, shown, strict=True)):
        row, place = divmod(position, across)
        left, top = _SIDE + place * (wide + _GAP), row * tall + head
        sheet.paste(column, (left, top))
        name, distance = f"{position + 1} {inversion.label}".rstrip(), number(inversion.distance)
        write(left + wide / 2, top - 0.5 * head, name, wide, va="bottom")
        # A cut number would say something else.
        words = f"distance {distance}" if across <= _ACROSS else distance
        write(left + wide / 2, top - _SEAM - 1, words, wide, va="bottom", color=_QUIET)
        if place == 0:
            one = (column.height + _SEAM) / len(names)
            for index, words in enumerate(names):
                _write_upwards(figure, sheet, (_SIDE / 2, top + (index + 0.5) * one), words, letters, one - _SEAM)
    axes = figure.add_axes((0, 0, 1, 1), zorder=-1)
    axes.imshow(np.asarray(sheet), aspect="auto", interpolation="nearest")
    axes.set_axis_off()
    return figure


def _write_upwards(
    figure: Figure, sheet: Image.Image, place: tuple[float, float], words: str, letters: float, length: float
) -> None:
    """Names a row of pictures, along its height."""
    x, y = place[0] / sheet.width, 1 - place[1] / sheet.height
    text = figure.text(x, y, words, fontsize=letters, ha="center", va="center")
    fit(text, length)
    text.set_rotation(90)


def _row_names(*, aligned: bool, solutions: int) -> list[str]:
    parts = ["photograph", *(["its part"] if aligned else [])]
    return parts + (["found"] if solutions == 1 else ["best", "second", "third", "fourth"][:solutions])


def _across(shown: Sequence[Inversion]) -> int:
    """How many photographs stand in a row."""
    return min(max(len(shown), _FEWEST_ACROSS), _ACROSS if len(shown) <= 6 * _ACROSS else _MOST_ACROSS)


def _has_parts(shown: Sequence[Inversion]) -> bool:
    return any(inversion.aligned_target is not None for inversion in shown)


def _most_solutions(shown: Sequence[Inversion]) -> int:
    return min(max(len(inversion.solutions) for inversion in shown), _MOST_SOLUTIONS)


def _caption(found: Sequence[Inversion], *, aligned: bool, solutions: int) -> str:
    settings = found[0].settings
    rows = ["the photograph as it was compared"]
    if aligned:
        rows.append("the part of it that the frame of the reconstruction shows")
    rows.append("the reconstruction" if solutions == 1 else f"the {solutions} best solutions, the best first")
    cut = f" The first {_MOST:,} of {len(found):,} photographs." if len(found) > _MOST else ""
    return (
        f"From top to bottom: {', '.join(rows)}. Above: the number in the table below, the file, "
        f"and the distance {settings['distance']}. Method {method_of(settings)}, seed {settings['seed']}.{cut}"
    )


def _range(shown: Sequence[Inversion]) -> str:
    distances = [inversion.distance for inversion in shown]
    low, high = number(min(distances)), number(max(distances))
    return low if low == high else f"from {low} to {high}"


def _column(inversion: Inversion, width: int, *, aligned: bool, solutions: int) -> Image.Image:
    """The pictures of one photograph under each other, `width` pixels wide; white where one is missing."""
    pictures: list[Image.Image | None] = [inversion.target]
    if aligned:
        pictures.append(inversion.aligned_target)
    found = [solution.image for solution in inversion.solutions]
    pictures += itertools.islice(itertools.chain(found, itertools.repeat(None)), solutions)
    size = (width, round(width * inversion.target.height / inversion.target.width))
    column = Image.new("RGB", (width, len(pictures) * (size[1] + _SEAM) - _SEAM), "white")
    for place, picture in enumerate(pictures):
        if picture is not None:
            # Scaled one by one: across a seam, neighbours would ring.
            column.paste(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS), (0, place * (size[1] + _SEAM)))
    return column
