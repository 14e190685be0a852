"""How far an average has settled: the agreement of its two halves."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64

from pullback.geometry.statistics import captured_energy, metric_consistency

_KS = (5, 10, 20, 50)


def split_half_agreement(first: Float64[np.ndarray, "n n"], second: Float64[np.ndarray, "n n"]) -> float:
    """What agreement the mean of two independent halves of a sample has with the mean over the whole space.

    Two figures say how well the basis U of one half serves the metric H of the other: the correlation of
    log diag(UᵀHU) with the log spectrum of H (C^H on log scale: Wang & Ponce, ICLR 2021, Eq. 6), and the energy that
    the k leading vectors capture of the most that they could, for k = 5, 10, 20, 50 as far as they are below n. Each
    is taken both ways and averaged; call one r.

    Both fall short of 1 in proportion to the variance of an average, that is to 1 / N: 1 − r is the sum of the
    shortfalls of two halves of N / 2 samples, each of them 2 c / N, so 4 c / N, where the whole falls short of the
    truth by c / N. So the whole's agreement is near 1 − (1 − r) / 4. To first order that is the Spearman–Brown formula
    of the theory of tests: a whole has reliability 2r / (1 + r), and correlates with the truth as sqrt(2r / (1 + r)).

    Args:
        first: Mean metric of one half.
        second: Mean metric of the other half, of as many samples.

    Returns:
        The least of the figures so corrected, at most 1; 0 where a figure does not exist, as for a space of fewer than
        three dimensions or halves without a common direction.
    """
    if not (first.any() and second.any()):
        return 0.0
    one, other = _figures(first, second), _figures(second, first)
    figures = [(a + b) / 2 for a, b in zip(one, other, strict=True)]
    agreed = min(figures, default=0.0)
    # sqrt(2r / (1 + r))
    return math.sqrt(2 * agreed / (1 + agreed)) if agreed > 0 else 0.0


def _figures(metric: Float64[np.ndarray, "n n"], other: Float64[np.ndarray, "n n"]) -> list[float]:
    """How well the basis of one metric serves another."""
    n = len(metric)
    # U, most important first
    vectors = np.linalg.eigh(metric)[1][:, ::-1]
    log_consistency = float(metric_consistency(vectors, other[None]).log[0])
    ks = [k for k in _KS if k < n]
    figures = [log_consistency, *(captured_energy(vectors, other, ks) if ks else ())]
    return [0.0 if math.isnan(figure) else float(figure) for figure in figures]
