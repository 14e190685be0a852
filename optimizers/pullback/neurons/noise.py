"""Noise between a firing rate and a score: few spikes, and trials that are lost. NumPy only."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

from pullback.errors import InvalidInputError


def poisson(rates: ArrayLike, duration: float, rng: np.random.Generator) -> Float64[np.ndarray, "*shape"]:
    """Rates as they are measured: spikes counted for a while, by that while.

    Args:
        rates: Spikes/s, finite and at least 0, of any shape.
        duration: Seconds over which spikes are counted, finite and above 0.
        rng: Draws them.

    Returns:
        Counts of a Poisson process over the duration, in spikes/s: of mean `rates` and variance `rates` / duration.

    Raises:
        InvalidInputError: A rate or the duration is out of range.
    """
    expected = np.asarray(rates, dtype=np.float64)
    if not (math.isfinite(duration) and duration > 0):
        raise InvalidInputError(f"spikes are counted over a finite time above 0 s, but {duration} s came")
    if not (np.isfinite(expected).all() and (expected >= 0).all()):
        raise InvalidInputError("rates are finite and at least 0 spikes/s, but others came")
    counted: Float64[np.ndarray, "*shape"] = rng.poisson(expected * duration) / duration
    return counted


def drop(scores: ArrayLike, share: float, rng: np.random.Generator) -> Float64[np.ndarray, "*shape"]:
    """Scores of which some were lost with their trials: NaN stands in their place.

    Args:
        scores: Of any shape.
        share: Chance of each to be lost, 0 to 1.
        rng: Draws which.

    Raises:
        InvalidInputError: The share is out of range.
    """
    if not 0 <= share <= 1:
        raise InvalidInputError(f"the share of lost trials is 0 to 1, but {share} came")
    values = np.asarray(scores, dtype=np.float64)
    kept: Float64[np.ndarray, "*shape"] = np.where(rng.random(values.shape) < share, np.nan, values)
    return kept
