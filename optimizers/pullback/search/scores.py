"""Scores as they are told: checked before anything changes, and made comparable where some are surer than others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64
from numpy.typing import ArrayLike, NDArray

from pullback.errors import InvalidInputError
from pullback.search.methods.method import State

# At least this share of the variance of scores is taken for differences between images.
_LEAST_SIGNAL = 0.1


@dataclass(frozen=True, eq=False)
class Told(State):
    """Latents and their scores.

    Attributes:
        latents: Shape (m, dim), finite.
        scores: Shape (m,), finite, or NaN where there is none.
        variances: Shape (m,), of the scores; NaN where not known.
        ids: One for each; empty where a latent has none.
    """

    latents: Float32[np.ndarray, "m dim"]
    scores: Float64[np.ndarray, " m"]
    variances: Float64[np.ndarray, " m"]
    ids: tuple[str, ...]

    @classmethod
    def none(cls, dim: int) -> Told:
        """No scores."""
        return cls(np.zeros((0, dim), np.float32), np.zeros(0), np.zeros(0), ())

    @classmethod
    def checked(
        cls,
        latents: ArrayLike,
        scores: ArrayLike,
        *,
        ids: Sequence[str] | None,
        variances: ArrayLike | None,
        dim: int,
    ) -> Told:
        """Scores of latents, as they came from outside.

        Raises:
            InvalidInputError: A shape or a number cannot be used; the message says which, and what was expected.
        """
        shown = as_latents(latents, dim, "latents that are told")
        m = len(shown)
        values = _column(scores, m, "scores")
        if np.isinf(values).any():
            raise InvalidInputError("scores are finite, or NaN where there is none, but infinity came")
        spread = np.full(m, np.nan) if variances is None else _column(variances, m, "variances")
        if np.isinf(spread).any() or (spread < 0).any():
            raise InvalidInputError("variances are finite and at least 0, or NaN where not known, but others came")
        names = ("",) * m if ids is None else tuple(ids)
        if len(names) != m:
            raise InvalidInputError(f"{m} latents have as many ids, but {len(names)} came")
        return cls(shown, values, spread, names)

    def scored(self) -> Told:
        """Those with a score."""
        there = np.isfinite(self.scores)
        ids = tuple(name for name, is_there in zip(self.ids, there, strict=True) if is_there)
        return Told(self.latents[there], self.scores[there], self.variances[there], ids)

    def after(self, earlier: Told) -> Told:
        """Earlier ones, and then these."""
        return Told(
            np.concatenate([earlier.latents, self.latents]),
            np.concatenate([earlier.scores, self.scores]),
            np.concatenate([earlier.variances, self.variances]),
            earlier.ids + self.ids,
        )

    def reliable_scores(self) -> Float64[np.ndarray, " m"]:
        """Scores, all finite, each drawn towards their mean by what its variance says of it.

        Where an image was scored often and another once, the best raw score is likely one that was lucky. The best
        linear guess of the true score is the mean plus τ²/(τ² + v) of the difference (empirical Bayes; James & Stein),
        τ² being the variance between images. Equal variances leave the order as it is. Variances that are not known
        count as the mean of those that are; where none is known, scores stay as they are.
        """
        known = np.isfinite(self.variances)
        if not known.any():
            return self.scores
        noise = np.where(known, self.variances, self.variances[known].mean())
        total = self.scores.var()
        if total == 0:
            return self.scores
        # τ² = var(s) − mean(v); noise alone may exceed what is seen, and then order must not be lost.
        between = max(total - noise.mean(), _LEAST_SIGNAL * total)
        mean = self.scores.mean()
        shrunk: Float64[np.ndarray, " m"] = mean + (self.scores - mean) * between / (between + noise)
        return shrunk


def as_latents(latents: ArrayLike, dim: int, what: str) -> Float32[np.ndarray, "n dim"]:
    """Latents in float32, as generators take them.

    Args:
        latents: Shape (n, dim), n ≥ 1, finite.
        dim: The number of coordinates that is expected.
        what: What they are, for errors.

    Raises:
        InvalidInputError: They have another shape, or are not finite.
    """
    array = np.asarray(latents, dtype=np.float64)
    if array.ndim != 2 or len(array) == 0 or array.shape[1] != dim:
        raise InvalidInputError(f"{what} have shape (n, {dim}) with n at least 1, but shape {array.shape} came")
    if not (np.abs(array) <= np.finfo(np.float32).max).all():
        raise InvalidInputError(f"{what} are finite numbers of float32, but NaN, infinity or a greater one came")
    return array.astype(np.float32)


def _column(values: ArrayLike, m: int, what: str) -> NDArray[Any]:
    column = np.asarray(values, dtype=np.float64)
    if column.shape != (m,):
        raise InvalidInputError(f"{m} latents have {what} of shape ({m},), but shape {column.shape} came")
    return column
