"""Long computations in pieces: generators that yield nothing wherever other work may be done, and return the result."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

_Found = TypeVar("_Found")


def finish(pieces: Generator[None, None, _Found]) -> _Found:
    """What such a computation returns, once all of it is done."""
    while True:
        try:
            next(pieces)
        except StopIteration as finished:
            found: _Found = finished.value
            return found
