"""Photographs over their reconstructions, side by side."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from pullback_client.inversion import Inversion
from pullback_client.report.inversion.summary import method_of
from pullback_client.report.parts import Plot, number
from pullback_client.report.style import DPI, WIDTH, new_figure, to_png

_MOST = 512  # photographs; more would make a picture that few programs open
_MOST_SOLUTIONS = 4
_FEWEST_ACROSS, _ACROSS, _MOST_ACROSS = 3, 8, 16
# Pixels: for the number and the distance above each photograph, and between pictures.
_TEXT, _GAP, _SEAM = 30, 5, 2


def contact_sheet(found: Sequence[Inversion]) -> Plot:
    """Every photograph as it was compared, below it what was found, and above it its number and distance."""
    shown = found[:_MOST]
    across = min(max(len(shown), _FEWEST_ACROSS), _ACROSS if len(shown) <= 6 * _ACROSS else _MOST_ACROSS)
    aligned = any(inversion.aligned_target is not None for inversion in shown)
    solutions = min(max(len(inversion.solutions) for inversion in shown), _MOST_SOLUTIONS)

    whole = round(WIDTH * DPI)
    wide = (whole + _GAP) // across - _GAP  # of which so many and the gaps between them fill a row
    columns = [_column(inversion, wide, aligned=aligned, solutions=solutions) for inversion in shown]
    tall = columns[0].height + _TEXT
    sheet = Image.new("RGB", (whole, math.ceil(len(columns) / across) * tall), "white")
    figure = new_figure(sheet.height / DPI, layout=None)
    for position, (column, inversion) in enumerate(zip(columns, shown, strict=True)):
        row, place = divmod(position, across)
        left, top = place * (wide + _GAP), row * tall + _TEXT
        sheet.paste(column, (left, top))
        figure.text(
            (left + wide / 2) / sheet.width,
            1 - (top - _TEXT / 4) / sheet.height,
            f"{position + 1}: {number(inversion.distance)}",
            fontsize=8 if across <= _ACROSS else 5,
            horizontalalignment="center",
        )
    axes = figure.add_axes((0, 0, 1, 1), zorder=-1)
    axes.imshow(np.asarray(sheet), aspect="auto", interpolation="nearest")
    axes.set_axis_off()
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


def _caption(found: Sequence[Inversion], *, aligned: bool, solutions: int) -> str:
    settings = found[0].settings
    rows = ["the photograph as it was compared"]
    if aligned:
        rows.append("the part of it that the frame of the reconstruction shows")
    rows.append("the reconstruction" if solutions == 1 else f"the {solutions} best solutions, the best first")
    cut = f" The first {_MOST:,} of {len(found):,} photographs." if len(found) > _MOST else ""
    return (
        f"From top to bottom: {', '.join(rows)}. Above: the number in the table below, and the distance "
        f"{settings['distance']}. Method {method_of(settings)}, seed {settings['seed']}.{cut}"
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
