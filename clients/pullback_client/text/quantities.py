"""Quantities for people: durations and sizes, in the largest unit that fits."""

from __future__ import annotations

_DURATIONS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_SIZES = ((2**30, "GiB"), (2**20, "MiB"))


def duration(seconds: float) -> str:
    """A duration, rounded down: `40 s`, `7 min`, `3 h`, `12 d`."""
    whole = max(0, int(seconds))
    for length, unit in _DURATIONS:
        if whole >= length:
            return f"{whole // length} {unit}"
    return f"{whole} s"


def size(count: float) -> str:
    """So many bytes: `0.4 MiB`, `630 MiB`, `2.5 GiB`, `139 GiB`."""
    length, unit = next((each for each in _SIZES if count >= each[0]), _SIZES[-1])
    value = count / length
    return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
