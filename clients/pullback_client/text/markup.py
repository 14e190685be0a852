"""Markup that notebooks show: pictures, tables and curves as HTML that needs nothing else, no script and no file."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from PIL import Image

Curve: TypeAlias = "Sequence[tuple[float, float]]"

_SIDE = 160  # pixels to which small pictures are enlarged
_CURVE = (320, 170)  # pixels
_MARGIN = (52, 12, 8, 26)  # left, right, top, bottom
# Okabe and Ito's colours, which every kind of colour vision tells apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_SMALL = "font-size:85%;opacity:.75"


def card(title: str, *parts: str) -> str:
    """Parts side by side under a title, as many as fit."""
    inside = "".join(f'<div style="min-width:0">{part}</div>' for part in parts if part)
    return (
        f'<div style="margin:.4em 0"><div style="font-weight:600;margin-bottom:.4em">{html.escape(title)}</div>'
        f'<div style="display:flex;flex-wrap:wrap;gap:1em;align-items:flex-start">{inside}</div></div>'
    )


def picture(image: Image.Image, caption: str, *, side: int = _SIDE) -> str:
    """A picture with what it shows; one that is smaller than `side` pixels is enlarged pixel by pixel."""
    return _figure(png(image), "png", caption, _shown_width(image, side))


def animation(gif: bytes, caption: str, *, side: int = _SIDE) -> str:
    """An animated GIF with what it shows, likewise."""
    with Image.open(io.BytesIO(gif)) as first:
        width = _shown_width(first, side)
    return _figure(gif, "gif", caption, width)


def png(image: Image.Image) -> bytes:
    """The file of a picture."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def facts(values: Mapping[str, object]) -> str:
    """A table of names and values."""
    return table((), [(name, value) for name, value in values.items()])


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; the first column names its rows. Numbers have four digits that count."""
    top = "".join(f'<th style="text-align:left">{html.escape(name)}</th>' for name in head)
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align:left">{html.escape(_said(cell))}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return f'<table style="margin:0">{f"<thead><tr>{top}</tr></thead>" if top else ""}<tbody>{body}</tbody></table>'


def curves(title: str, across: str, lines: Mapping[str, Curve], *, logarithmic: bool = False) -> str:
    """Curves in one drawing; empty where there is nothing to draw.

    Args:
        title: What is drawn.
        across: What runs from left to right.
        lines: The points (x, y) of each curve by its name; those that are not finite, or not above 0 on a logarithmic
            axis, are left out.
        logarithmic: Whether y runs by powers of ten.
    """
    shown = {name: _drawable(points, logarithmic=logarithmic) for name, points in lines.items()}
    everything = [point for points in shown.values() for point in points]
    if not everything:
        return ""
    (left, right, top, bottom), (width, height) = _MARGIN, _CURVE
    lowest, highest = _range([y for _, y in everything])
    first, last = _range([x for x, _ in everything])

    def place(x: float, y: float) -> str:
        across = left + (x - first) / (last - first) * (width - left - right)
        up = top + (highest - y) / (highest - lowest) * (height - top - bottom)
        return f"{across:.1f},{up:.1f}"

    drawn = []
    for (name, points), colour in zip(shown.items(), _cycled(len(shown)), strict=True):
        path = " ".join(place(*point) for point in points)
        drawn.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"><title>{html.escape(name)}'
            "</title></polyline>"
        )
    base = height - bottom
    marks = [
        f'<path d="M{left} {top}V{base}H{width - right}" fill="none" stroke="currentColor" opacity=".5"/>',
        *(
            f'<text x="{left - 4}" y="{y + 4}" text-anchor="end">{_tick(value, logarithmic=logarithmic)}</text>'
            for value, y in ((highest, top), (lowest, base))
        ),
        *(
            f'<text x="{x}" y="{base + 13}" text-anchor="{anchor}">{first_or_last:.4g}</text>'
            for first_or_last, x, anchor in ((first, left, "start"), (last, width - right, "end"))
        ),
        f'<text x="{(left + width - right) / 2}" y="{base + 22}" text-anchor="middle">{html.escape(across)}</text>',
    ]
    key = ""
    if len(shown) > 1:
        words = zip(shown, _cycled(len(shown)), strict=True)
        key = " ".join(f'<span style="color:{colour}">{html.escape(name)}</span>' for name, colour in words)
        key = f'<div style="{_SMALL}">{key}</div>'
    return (
        f'<div style="{_SMALL}">{html.escape(title)}</div><svg width="{width}" height="{height}" role="img" '
        f'aria-label="{html.escape(title)}" font-size="10" fill="currentColor">{"".join(marks + drawn)}</svg>{key}'
    )


def bar(share: float | None, words: str) -> str:
    """A bar of progress, full at 1; one that only says that something goes on for None."""
    value = "" if share is None else f' value="{min(max(share, 0.0), 1.0):.4f}"'
    return f'<div><progress max="1"{value} style="width:20em"></progress> {html.escape(words)}</div>'


def _figure(data: bytes, kind: str, caption: str, width: int) -> str:
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return (
        f'<figure style="margin:0"><img src="{source}" alt="{html.escape(caption)}" width="{width}" '
        f'style="image-rendering:pixelated;max-width:100%"><figcaption style="{_SMALL}">{html.escape(caption)}'
        "</figcaption></figure>"
    )


def _shown_width(image: Image.Image, side: int) -> int:
    times = max(1, side // max(image.height, 1))
    return image.width * times


def _said(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _drawable(points: Curve, *, logarithmic: bool) -> list[tuple[float, float]]:
    found = [(float(x), float(y)) for x, y in points]
    if logarithmic:
        found = [(x, math.log10(y)) for x, y in found if y > 0]
    return [(x, y) for x, y in found if math.isfinite(x) and math.isfinite(y)]


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _tick(value: float, *, logarithmic: bool) -> str:
    return f"{10**value:.2g}" if logarithmic else f"{value:.3g}"


def _cycled(count: int) -> list[str]:
    return [_COLOURS[number % len(_COLOURS)] for number in range(count)]
