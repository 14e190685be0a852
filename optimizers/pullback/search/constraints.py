"""Constraints on latents: norms, a box, and how far from the prior; and the nearest point that satisfies them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from pullback.errors import InvalidInputError

PRIOR = "prior"
"""The word for as far as the prior's draws lie."""
FREE = "free"
"""The word for no bound, also where the method has one of its own."""


@dataclass(frozen=True)
class Constraint:
    """Bounds on a latent; None = no bound.

    Those on the norm and on single coordinates concern the standard-normal coordinates alone, `stay` concerns all.

    Attributes:
        min_norm: Least Euclidean norm, ≥ 0.
        max_norm: Greatest Euclidean norm, above 0; equal to `min_norm` = a sphere.
        truncation: Greatest absolute value of a coordinate, above 0.
        stay: Greatest Mahalanobis distance from the prior's mean, above 0: draws of n coordinates lie about √n from it.
            `prior` = as far as all but one in a hundred of them (`SearchSpace.farthest`); `free` = anywhere; None = as
            the method does by itself (`defaults.own_constraint`).

    Raises:
        InvalidInputError: A bound is out of range, or the shell is empty; the message names it.
    """

    min_norm: float | None = None
    max_norm: float | None = None
    truncation: float | None = None
    stay: float | str | None = None

    def __post_init__(self) -> None:
        if self.min_norm is not None and not (math.isfinite(self.min_norm) and self.min_norm >= 0):
            raise InvalidInputError(f"min_norm is finite and at least 0, but {self.min_norm} came")
        for name in ("max_norm", "truncation"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InvalidInputError(f"{name} is finite and above 0, but {value} came")
        if self.min_norm is not None and self.max_norm is not None and self.min_norm > self.max_norm:
            raise InvalidInputError(
                f"min_norm is at most max_norm, but {self.min_norm} and {self.max_norm} came: no latent lies between"
            )

        if self.stay is not None and self.stay not in (PRIOR, FREE):
            object.__setattr__(self, "stay", _distance(self.stay))

    @property
    def is_free(self) -> bool:
        """Whether there is no bound on the norm and none on coordinates."""
        return self.min_norm is None and self.max_norm is None and self.truncation is None

    def as_dict(self) -> dict[str, Any]:
        """The bounds by name, as a stored search has them; those of before there was `stay` lack it."""
        return {name: value for name, value in asdict(self).items() if name != "stay" or value is not None}

    def check_fits(self, width: int) -> None:
        """Checks that some point of `width` coordinates satisfies the bounds.

        Raises:
            InvalidInputError: None does; the message says what could be changed.
        """
        if self.is_free:
            return
        if width == 0:
            raise InvalidInputError(
                "bounds on the norm and on coordinates hold for standard-normal coordinates, but the space has none; "
                "leave them out"
            )
        if self.min_norm is None or self.truncation is None:
            return
        # The corners of the box are its points of greatest norm.
        corner = self.truncation * math.sqrt(width)
        if self.min_norm > corner:
            raise InvalidInputError(
                f"{width} coordinates of at most {self.truncation} have a norm of at most {corner:.6g}, but a min_norm "
                f"of {self.min_norm} came; lower it or raise the truncation"
            )

    def nearest(self, points: Float64[np.ndarray, "n width"]) -> Float64[np.ndarray, "n width"]:
        """The nearest points that satisfy the bounds, one for each row.

        Of points that are equally near, as there are around zero, the one with equal coordinates is taken.
        """
        # Of all y with |y_i| ≤ t and a ≤ ‖y‖ ≤ b the nearest to x is clip(s x, ±t) for one s ≥ 0 (Karush, Kuhn,
        # Tucker): s = 1 where that has an admitted norm, or else the s that gives the bound on the norm.
        limit = math.inf if self.truncation is None else self.truncation
        nearest = points.clip(-limit, limit)
        norms = np.linalg.norm(nearest, axis=1)
        admitted = norms.clip(self.min_norm or 0.0, math.inf if self.max_norm is None else self.max_norm)
        for row in np.flatnonzero(norms != admitted):
            nearest[row] = _of_norm(points[row], float(admitted[row]), limit)
        return nearest


def _distance(stay: float | str) -> float:
    """How far one may go; it may come as text, as the contract carries it."""
    try:
        distance = float(stay)
    except ValueError:
        distance = math.nan
    if not (math.isfinite(distance) and distance > 0):
        raise InvalidInputError(f"stay is {PRIOR!r}, {FREE!r} or a finite distance above 0, but {stay!r} came")
    return distance


def _of_norm(point: Float64[np.ndarray, " width"], norm: float, limit: float) -> Float64[np.ndarray, " width"]:
    """clip(s · point, ±limit) with the s that gives it a norm."""
    # Only directions count; coordinates whose squares would vanish in float64 are zeros.
    point = point / (np.abs(point).max() or 1.0)
    point[np.abs(point) < 1e-100] = 0
    # With the k largest coordinates at the limit t, ‖y‖² = k t² + s² Σ_{i>k} x_i²; a limit that is far off clips none.
    sizes = np.sort(np.abs(point))[::-1]
    limit = min(limit, 2 * norm)
    remaining = np.cumsum(np.square(sizes[::-1]))[::-1]
    left = np.maximum(norm**2 - np.arange(len(sizes)) * limit**2, 0)
    some = remaining > 0
    scales = np.sqrt(left[some] / remaining[some])
    # The first k at which none of the others passes the limit; a last bit more is rounding.
    fitting = np.flatnonzero(scales * sizes[some] <= limit * (1 + 1e-12))
    if fitting.size:
        scaled: Float64[np.ndarray, " width"] = (scales[fitting[0]] * point).clip(-limit, limit)
        return scaled
    # All that is not zero is at its limit, and the norm is still too small: zeros share what is left.
    at_limit: Float64[np.ndarray, " width"] = np.sign(point) * limit
    zeros = point == 0
    at_limit[zeros] = math.sqrt(max(norm**2 - int((~zeros).sum()) * limit**2, 0) / max(int(zeros.sum()), 1))
    return at_limit
