"""Agreement of an average's two halves: how far the average has settled."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.geometry.statistics import captured_energy, metric_consistency
from pullback.geometry.statistics.correlation import log_pearson, relative_floor

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
    return _corrected(_figures(first, second), _figures(second, first))


def agreement_of_leading(
    one: tuple[Float64[np.ndarray, " k"], Float64[np.ndarray, " m"]],
    other: tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, " k"]],
    dim: int,
) -> float:
    """The same by the leading eigenvectors of the halves alone, of a space whose matrices are too large.

    Args:
        one: diag(UᵀHU) of the leading vectors U of one half under the metric H of the other, and the leading
            eigenvalues of H, descending.
        other: The same the other way round.
        dim: Dimensions of the space.
    """
    if not all(values.size for pair in (one, other) for values in pair):
        return 0.0
    return _corrected(_leading_figures(*one, dim), _leading_figures(*other, dim))


def _corrected(one: list[float], other: list[float]) -> float:
    figures = [(a + b) / 2 for a, b in zip(one, other, strict=True)]
    agreed = min(figures, default=0.0)
    # sqrt(2r / (1 + r))
    return math.sqrt(2 * agreed / (1 + agreed)) if agreed > 0 else 0.0


def _leading_figures(action: NDArray[np.float64], values: NDArray[np.float64], dim: int) -> list[float]:
    both = min(action.size, values.size)
    log_consistency = log_pearson(action[:both], values[:both], relative_floor(None, dim))
    ks = [k for k in _KS if k <= both]
    captured = np.cumsum(action)[[k - 1 for k in ks]] / np.cumsum(values)[[k - 1 for k in ks]]
    return [0.0 if math.isnan(figure) else float(figure) for figure in (log_consistency, *captured)]


def _figures(metric: Float64[np.ndarray, "n n"], other: Float64[np.ndarray, "n n"]) -> list[float]:
    """How well the basis of one metric serves another."""
    n = len(metric)
    # U, most important first
    vectors = np.linalg.eigh(metric)[1][:, ::-1]
    log_consistency = float(metric_consistency(vectors, other[None]).log[0])
    ks = [k for k in _KS if k < n]
    figures = [log_consistency, *(captured_energy(vectors, other, ks) if ks else ())]
    return [0.0 if math.isnan(figure) else float(figure) for figure in figures]
