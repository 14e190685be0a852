"""Coordinates along the leading eigenvectors of the metric, in which methods search: short where images change fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from pullback.errors import InvalidInputError
from pullback.geometry.eigenbasis import Eigenbasis
from pullback.search.methods.method import Beginning, State

# Eigenvalues count as at least this share of the largest: zero, or below by rounding, would ask for endless steps.
_FLOOR = 1e-4


@dataclass(frozen=True, eq=False)
class Eigenframe(State):
    """Coordinates y of points x = start + U diag(s) y.

    Attributes:
        start: Shape (n,).
        axes: U, shape (n, k), orthonormal columns.
        scales: s, shape (k,), of mean square 1.
    """

    start: Float64[np.ndarray, " n"]
    axes: Float64[np.ndarray, "n k"]
    scales: Float64[np.ndarray, " k"]

    constants: ClassVar[tuple[str, ...]] = ("start", "axes", "scales")

    def points(self, coordinates: Float64[np.ndarray, "m k"]) -> Float64[np.ndarray, "m n"]:
        """The points x of coordinates y."""
        points: Float64[np.ndarray, "m n"] = self.start + coordinates * self.scales @ self.axes.T
        return points

    def coordinates(self, points: Float64[np.ndarray, "m n"]) -> Float64[np.ndarray, "m k"]:
        """The coordinates y of points x, or of what lies nearest to these in start + span(U)."""
        coordinates: Float64[np.ndarray, "m k"] = (points - self.start) @ self.axes / self.scales
        return coordinates


def scales_of(eigenbasis: Eigenbasis, axes: int, exponent: float) -> Float64[np.ndarray, " k"]:
    """λ^−p of the leading eigenvalues λ, divided by the largest, to mean square 1."""
    spectrum = eigenbasis.eigenvalues[:axes] / eigenbasis.eigenvalues[0]
    raw = spectrum.clip(_FLOOR) ** -exponent
    scales: Float64[np.ndarray, " k"] = raw / np.sqrt(np.square(raw).mean())
    return scales


def needed_eigenbasis(beginning: Beginning, method: str) -> Eigenbasis:
    """The eigenbasis of the metric on points.

    Raises:
        InvalidInputError: None came.
    """
    if beginning.eigenbasis is None:
        raise InvalidInputError(f"method {method!r} needs an eigenbasis of the space, but none came")
    return beginning.space.eigenbasis(beginning.eigenbasis)
