"""Sizes of memory as people write them. Needs no torch."""

from __future__ import annotations

import re

from pullback.errors import InvalidInputError

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def bytes_of(text: str) -> int:
    """The bytes of a size such as `8GiB`, `512M` or `1.5g`: units are powers of 1,024; a bare number is bytes.

    Raises:
        InvalidInputError: It is no size above 0.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([kmgt]?)(?:i?b)?\s*", text, re.IGNORECASE)
    size = int(float(found[1]) * _UNITS[found[2].lower()]) if found else 0
    if size < 1:
        raise InvalidInputError(
            f"a size of memory is a number of bytes, or one such as 8GiB or 512MiB, but {text!r} came"
        )
    return size


def size_text(size: int) -> str:
    """A size to be read: `1.5 GiB`, `12 MiB`."""
    for unit, name in ((2**30, "GiB"), (2**20, "MiB")):
        if size >= unit:
            return f"{size / unit:,.3g} {name}" if size < 1000 * unit else f"{size / unit:,.0f} {name}"
    return f"{size:,.0f} bytes"
