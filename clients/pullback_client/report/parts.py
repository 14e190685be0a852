"""Parts of a report: plots and tables, each with a caption that says how its numbers were measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Plot:
    """A drawn figure.

    Attributes:
        file: Name of its PNG file.
        title: What it shows.
        alt: What is to be seen, for those who do not see it.
        caption: How to read it, and how it was measured.
        png: The picture.
    """

    file: str
    title: str
    alt: str
    caption: str
    png: bytes


@dataclass(frozen=True)
class Table:
    """A table whose first column names its rows.

    Attributes:
        title: What it shows.
        caption: How to read it, and how it was measured.
        head: Names of the columns.
        rows: Cells, as many a row as `head`.
        headings: Words above the rows that follow, each with the index of the first of them.
        legend: What columns mean, each by its name.
    """

    title: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    headings: tuple[tuple[int, str], ...] = ()
    legend: tuple[tuple[str, str], ...] = ()


Part: TypeAlias = Plot | Table


def number(value: float, digits: int = 3) -> str:
    """A number for people: `digits` significant digits, thousands apart, a power of ten where it is far from 1.

    Infinity is ∞, and what is not a number is a dash.
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    value = float(f"{value:.{digits - 1}e}")  # 9.999 has the exponent of 10.0
    exponent = math.floor(math.log10(abs(value)))
    if not -3 <= exponent < 6:
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa} × 10{_superscript(int(power))}".replace("-", "−")
    return f"{value:,.{max(digits - 1 - exponent, 0)}f}".replace("-", "−")


def percent(fraction: float) -> str:
    """A fraction as a percentage, with as many digits as it has: 0.999 is 99.9 %."""
    return f"{100 * fraction:.10g} %"


def spread(mean: float, deviation: float) -> str:
    """Mean ± deviation of something between −1 and 1."""
    return "–" if math.isnan(mean) else f"{mean:.3f} ± {deviation:.3f}".replace("-", "−")


def _superscript(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
