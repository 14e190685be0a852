"""Arms of the study: what is asked of an optimizer of whatever origin, and what bounds its distance from the prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


class Search(Protocol):
    """One search for the maximum of a function of standard-normal coordinates."""

    def ask(self) -> Points:
        """The points of the next generation, shape (n, dim)."""

    def tell(self, points: Points, scores: NDArray[np.float64]) -> None:
        """Learns from the scores, shape (n,), of what was asked last; greater ones are better."""


@dataclass(frozen=True)
class Setting:
    """An optimizer with its options; None, which is left out of the words for it, stands for a default.

    Attributes:
        method: Its name: of a peer as in `search_arms.peers`, or of ours as in `SearchSettings`.
        options: Names and values.
    """

    method: str
    options: tuple[tuple[str, float | int | bool | str], ...] = ()

    @classmethod
    def of(cls, method: str, **options: float | int | bool | str) -> Setting:
        """The setting with these options."""
        return cls(method, tuple(options.items()))

    def __str__(self) -> str:
        words = [f"{name}={value:g}" if not isinstance(value, str) else value for name, value in self.options]
        return "-".join([self.method, *words])


def within(points: Points, norm: float | None) -> Points:
    """The nearest points whose norm is at most this; all of them where there is no bound.

    As users of optimizers that know no such bound keep to it: what is shown is moved, what the optimizer is told is
    its own point.
    """
    if norm is None:
        return points
    norms = np.linalg.norm(points, axis=1, keepdims=True)
    return points * np.minimum(1.0, norm / np.maximum(norms, 1e-12))


def on_sphere(points: Points, norm: float) -> Points:
    """The points of this norm in the same directions."""
    found: Points = norm * points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    return found
