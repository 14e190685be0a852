"""Going through a computation in pieces."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")


def drained(pieces: Generator[None, None, T]) -> tuple[int, T]:
    """After how many pieces others had their turn, and the result."""
    turns = 0
    while True:
        try:
            next(pieces)
        except StopIteration as finished:
            return turns, finished.value
        turns += 1
