"""Charts as SVG in the page's own colours: lines over a common axis, with what spreads around them as bands."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT = 720, 300  # of the drawing, which is shown as wide as its place
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 14, 40
_TICKS = 5
# Okabe and Ito's colours, which every kind of colour vision tells apart, those that stand out from white and black.
COLOURS = ("#0077bb", "#cc5500", "#009e73", "#b8568f", "#a87b00", "#4a8fc7")

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Attributes:
        name: In the key.
        points: Of x and y; those that are not finite are left out.
        colour: A colour of CSS.
        dashed: Whether it is drawn dashed.
        band: Of each x the lowest and the highest y of what is shaded around the line; none = nothing.
        dots: Whether its points are marked, so that a single one is seen.
    """

    name: str
    points: Points
    colour: str = COLOURS[0]
    dashed: bool = False
    band: Sequence[tuple[float, float, float]] = ()
    dots: bool = False


def chart(title: str, across: str, up: str, lines: Sequence[Line]) -> str:
    """The chart as HTML; a word in its place where there is nothing to draw.

    Args:
        title: What it shows, for those who do not see it.
        across: What x is.
        up: What y is.
        lines: The lines; the key names those that are not empty.
    """
    drawn = [line for line in lines if _finite(line.points)]
    if not drawn:
        return f'<p class="quiet">{html.escape(title)}: nothing yet</p>'
    xs = [x for line in drawn for x, _ in _finite(line.points)]
    ys = [y for line in drawn for _, y in _finite(line.points)]
    ys += [y for line in drawn for _, *both in line.band for y in both if math.isfinite(y)]
    place = _Place(min(xs), max(xs), *_room(min(ys), max(ys)))
    parts = [*_grid(place, across, up)]
    for line in drawn:
        parts += _line(place, line)
    key = "".join(
        f'<span class="key-line"><svg width="22" height="8" aria-hidden="true"><line x1="0" y1="4" x2="22" y2="4" '
        f'stroke="{line.colour}" stroke-width="2.5"{_dash(line)}/></svg> {html.escape(line.name)}</span>'
        for line in drawn
    )
    return (
        f'<figure class="chart"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(title)}">'
        f'{"".join(parts)}</svg><figcaption class="flow quiet">{key}</figcaption></figure>'
    )


class _Place:
    def __init__(self, left: float, right: float, low: float, high: float) -> None:
        self.left, self.right = (left, right) if right > left else (left - 0.5, left + 0.5)
        self.low, self.high = low, high

    def x(self, value: float) -> float:
        return _LEFT + (value - self.left) / (self.right - self.left) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _TOP + (self.high - value) / (self.high - self.low) * (_HEIGHT - _TOP - _BOTTOM)


def ticks(low: float, high: float, count: int = _TICKS) -> list[float]:
    """Round numbers from `low` to `high`, about `count` of them: 1, 2 or 5 times a power of ten apart."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _finite(points: Points) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]


def _room(low: float, high: float) -> tuple[float, float]:
    margin = 0.05 * (high - low) or 0.1 * abs(high) or 0.5
    return low - margin, high + margin


def _grid(place: _Place, across: str, up: str) -> list[str]:
    base = _HEIGHT - _BOTTOM
    parts = []
    for value in ticks(place.low, place.high):
        y = place.y(value)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.4g}</text>')
    whole = [value for value in ticks(place.left, place.right, 8) if value == int(value)] or [place.left, place.right]
    parts += [
        f'<text x="{place.x(value):.1f}" y="{base + 16}" text-anchor="middle">{value:.4g}</text>' for value in whole
    ]
    parts.append(
        f'<text x="{(_LEFT + _WIDTH) / 2}" y="{_HEIGHT - 4}" text-anchor="middle">{html.escape(across)}</text>'
    )
    middle = (_TOP + base) / 2
    parts.append(
        f'<text x="13" y="{middle}" text-anchor="middle" transform="rotate(-90 13 {middle})">{html.escape(up)}</text>'
    )
    return parts


def _line(place: _Place, line: Line) -> list[str]:
    parts = []
    band = [each for each in line.band if all(map(math.isfinite, each))]
    if len(band) > 1:
        around = [(x, high) for x, _, high in band] + [(x, low) for x, low, _ in reversed(band)]
        points = " ".join(f"{place.x(x):.1f},{place.y(y):.1f}" for x, y in around)
        parts.append(f'<polygon points="{points}" fill="{line.colour}" opacity=".16"/>')
    finite = _finite(line.points)
    path = " ".join(f"{place.x(x):.1f},{place.y(y):.1f}" for x, y in finite)
    parts.append(
        f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="2" stroke-linejoin="round"'
        f"{_dash(line)}><title>{html.escape(line.name)}</title></polyline>"
    )
    if line.dots or len(finite) == 1:
        parts += [
            f'<circle cx="{place.x(x):.1f}" cy="{place.y(y):.1f}" r="3" fill="{line.colour}"/>' for x, y in finite
        ]
    return parts


def _dash(line: Line) -> str:
    return ' stroke-dasharray="6 4"' if line.dashed else ""
