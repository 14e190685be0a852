"""Arithmetic that evolution strategies share; equations are those of Hansen's tutorial (arXiv:1604.00772)."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from jaxtyping import Float64, Int64

# A step stays within these multiples of the first one: below, float32 latents no longer differ; above, they have left
# every prior.
_SMALLEST, _LARGEST = 1e-12, 1e4


def ranked(scores: Float64[np.ndarray, " m"]) -> Int64[np.ndarray, " m"]:
    """The order of scores, the greatest first; equal ones as they came."""
    return np.argsort(-scores, kind="stable")


def recombination_weights(m: int, parents: int | None = None) -> Float64[np.ndarray, " parents"]:
    """Weights of the best of m, the best first; positive, with sum 1.

    Args:
        m: Points that are ranked, at least 2.
        parents: How many of them are selected; the better half when omitted.
    """
    # w_i ∝ ln(μ + ½) − ln i (49), (53); with μ = m/2 for half of them, whether m is even or not.
    count = m // 2 if parents is None else parents
    raw = math.log((m if parents is None else 2 * parents) / 2 + 0.5) - np.log(np.arange(1, count + 1))
    weights: Float64[np.ndarray, " parents"] = raw / raw.sum()
    return weights


def optimal_weights(m: int) -> Float64[np.ndarray, " m"]:
    """Weights of all of m, the best first: what lies among the worse half is gone away from; the positive have sum 1.

    Those with which the mean gains most for its length on a smooth function, noisy or not: expected order statistics
    (Arnold, "Weighted multirecombination evolution strategies", Theor. Comput. Sci. 361, 2006), here by Blom's formula.

    Args:
        m: Points that are ranked, at least 2.
    """
    # w_i ∝ E z_{i:m} ≈ Φ⁻¹(1 − (i − ⅜)/(m + ¼)); exactly antisymmetric, so that equal scores move nothing.
    better = [-NormalDist().inv_cdf((i - 0.375) / (m + 0.25)) for i in range(1, m // 2 + 1)]
    half = [score / math.fsum(better) for score in better]
    return np.array([*half, *[0.0] * (m % 2), *(-weight for weight in reversed(half))])


def shared_among_equals(
    weights: Float64[np.ndarray, " m"], scores: Float64[np.ndarray, " m"]
) -> Float64[np.ndarray, " m"]:
    """Weights of which equal scores get the same share: counts of spikes are often equal, and say no more then.

    Args:
        weights: By rank, shape (m,).
        scores: In the same order, so falling, shape (m,).
    """
    _, group, size = np.unique(-scores, return_inverse=True, return_counts=True)
    shared: Float64[np.ndarray, " m"] = (np.bincount(group, weights) / size)[group]
    return shared


def selection_mass(weights: Float64[np.ndarray, " m"]) -> float:
    """μ_eff = 1 / Σ w_i²: how many equally weighted parents these are worth (8)."""
    return float(1 / np.square(weights).sum())


def expected_norm(dim: int) -> float:
    """E‖N(0, I)‖, to O(n^−5/2)."""
    return math.sqrt(dim) * (1 - 1 / (4 * dim) + 1 / (21 * dim**2))


def step_damping(mass: float, rate: float, dim: int) -> float:
    """d_σ = 1 + 2 max(0, √((μ_eff − 1)/(n + 1)) − 1) + c_σ (55)."""
    return 1 + 2 * max(0.0, math.sqrt((mass - 1) / (dim + 1)) - 1) + rate


def adapted_step(sigma: float, path: Float64[np.ndarray, " dim"], rate: float, damping: float) -> float:
    """The step size that follows: greater where the path is longer than random steps would make it.

    Args:
        sigma: σ.
        path: p_σ, a standard normal vector if steps were random.
        rate: c_σ.
        damping: d_σ.
    """
    # σ ← σ exp(c_σ/d_σ (‖p_σ‖ / E‖N(0, I)‖ − 1)) (44), by at most e at once: where points did not come from the
    # distribution and agree, the path may have any length.
    return sigma * math.exp(min(rate / damping * (float(np.linalg.norm(path)) / expected_norm(path.size) - 1), 1.0))


def bounded_sigma(sigma: float, first: float, longest: float = 1.0) -> float:
    """A step size within what makes sense.

    Args:
        sigma: σ.
        first: The first step size.
        longest: The longest axis of the distribution, in units of σ.
    """
    return min(max(sigma, _SMALLEST * first), _LARGEST * first / longest)


def bounded_steps(steps: Float64[np.ndarray, "m dim"]) -> Float64[np.ndarray, " m"]:
    """Factors, at most 1, that bring whitened steps to a length that a sample could have.

    Points that did not come from the distribution may lie anywhere; unbounded, one of them could throw the mean and the
    step size away (Hansen, "Injecting external solutions into CMA-ES", arXiv:1110.4181).
    """
    dim = steps.shape[1]
    longest = math.sqrt(dim) + 2 * dim / (dim + 2)
    factors: Float64[np.ndarray, " m"] = longest / np.maximum(np.linalg.norm(steps, axis=1), longest)
    return factors


def falling(first: float, last: float, gone: float) -> float:
    """A step size that falls by the same factor all the time: first (last/first)^gone, and stays from gone = 1 on."""
    size: float = first * (last / first) ** min(gone, 1.0)
    return size
