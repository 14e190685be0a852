"""Entry points by which installed packages announce generators and distances. Imports none of them, nor torch."""

from __future__ import annotations

import importlib.metadata
from functools import lru_cache

GENERATORS, DISTANCES = "pullback.generators", "pullback.distances"


@lru_cache
def entry_points_of(group: str) -> tuple[str, ...]:
    """Names that installed packages announce in a group, as they were when first asked for."""
    # Reads the metadata of every installed package.
    return tuple(sorted({point.name for point in importlib.metadata.entry_points(group=group)}))
