"""Bounds of memory of the methods of this package, in their own words."""

from __future__ import annotations

import math

from pullback.errors import InvalidInputError


def check_memory(needed: int, max_memory: int, method: str) -> None:
    """Checks that a bound suffices.

    Raises:
        InvalidInputError: It does not; the message says what does.
    """
    if needed > max_memory:
        raise InvalidInputError(
            f"method {method!r} needs at least max_memory = {needed:,} bytes ({math.ceil(needed / 2**20):,} MiB) here, "
            f"but {max_memory:,} came"
        )
