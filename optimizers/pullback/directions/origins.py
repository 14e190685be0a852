"""Origins of directions, and their number: what the methods that look at a generator share."""

from __future__ import annotations

import pullback
from pullback.directions.direction_set import Origin
from pullback.errors import InvalidInputError
from pullback.generators.generator import Generator


def origin_of(generator: Generator, space: str, method: str, **settings: object) -> Origin:
    """Where directions of a space come from; the settings are those that decide the result."""
    texts = {name: str(value) for name, value in settings.items()}
    return Origin(generator.name, generator.weights_hash, space, method, pullback.__version__, texts)


def check_count(k: int, dim: int, space: str) -> None:
    """Checks how many directions are asked for.

    Raises:
        InvalidInputError: Less than one, or more than the space has dimensions.
    """
    if not 1 <= k <= dim:
        raise InvalidInputError(f"between 1 and {dim} directions of space {space!r} can be had, but {k} came")
