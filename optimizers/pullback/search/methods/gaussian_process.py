"""Regression by a Gaussian process with a Matérn 5/2 kernel. NumPy and SciPy only.

Equations are those of Rasmussen & Williams, "Gaussian Processes for Machine Learning" (2006).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from pullback.search.methods.triangles import factor, solve_by_factor

# Of inputs of k dimensions the length scale is this times √k; draws of the prior lie √(2k) apart. The likeliest ones
# are shorter, and lead searches through noise less far. In more than so many dimensions it grows with them, as scores
# tell less of each: of ridges of 512 (`make bench-search`) 1,500 images find .99 of the height, and .85 with 4 √k.
_LENGTH, _FEW_DIMENSIONS = 4.0, 100
# Variances of the noise, in units of the process' own, of which the likeliest is taken.
_NOISES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


@dataclass(frozen=True, eq=False)
class _Factor:
    """Cholesky factor L of K + σ² I, by which it is divided any number of times.

    Attributes:
        lower: L in the lower triangle, anything above, shape (n, n).
    """

    lower: Float64[np.ndarray, "n n"]

    @classmethod
    def of(cls, kernel: Float64[np.ndarray, "n n"], noise: float) -> _Factor:
        """That of a kernel K and a variance σ², above 0, of the noise."""
        noisy = kernel.copy()
        # Rounding of distances would leave points a little apart from themselves.
        np.fill_diagonal(noisy, 1 + noise)
        return cls(factor(noisy))

    def solve(self, sides: Float64[np.ndarray, "n ..."]) -> Float64[np.ndarray, "n ..."]:
        """(K + σ² I)⁻¹ of right sides."""
        solved: Float64[np.ndarray, "n ..."] = solve_by_factor(self.lower, sides)
        return solved

    def weights(self, values: Float64[np.ndarray, " n"]) -> tuple[Float64[np.ndarray, " n"], float]:
        """α = (K + σ² I)⁻¹ (y − m), and the m that generalised least squares gives (2.42)."""
        told, ones = self.solve(np.stack([values, np.ones_like(values)], axis=1)).T
        constant = float(told.sum() / ones.sum())
        weights: Float64[np.ndarray, " n"] = told - constant * ones
        return weights, constant

    @property
    def half_log_determinant(self) -> float:
        """½ log |K + σ² I|."""
        return float(np.log(np.diag(self.lower)).sum())


@dataclass(frozen=True, eq=False)
class GaussianProcess:
    """The posterior's mean: m + Σ_i α_i k(x, x_i).

    Attributes:
        inputs: x_i, shape (n, k).
        weights: α, shape (n,).
        constant: m.
        means: The mean at the inputs, shape (n,).
        noise: Variance of the noise, in units of the process' own.
        variance: The process' own, the likeliest one.
        factor: Cholesky factor of K + σ² I of the inputs.
    """

    inputs: Float64[np.ndarray, "n k"]
    weights: Float64[np.ndarray, " n"]
    constant: float
    means: Float64[np.ndarray, " n"]
    noise: float
    variance: float
    factor: _Factor

    @classmethod
    def told(
        cls, inputs: Float64[np.ndarray, "n k"], values: Float64[np.ndarray, " n"], noise: float
    ) -> GaussianProcess:
        """The process that was told values at inputs, with noise of that variance."""
        divisor = _Factor.of(_kernel(_distances(inputs, inputs)), noise)
        weights, constant = divisor.weights(values)
        # (K + σ² I) α = y − m, so m + K α = y − σ² α
        variance = float((values - constant) @ weights) / len(values)
        return cls(inputs, weights, constant, values - noise * weights, noise, variance, divisor)

    def mean_and_gradient(self, at: Float64[np.ndarray, " k"]) -> tuple[float, Float64[np.ndarray, " k"]]:
        """The mean at a point, and its gradient there."""
        scale = _scale(at.size)
        towards = self.inputs - at
        r = scale * np.linalg.norm(towards, axis=1)
        decayed = np.exp(-r)
        # k = (1 + r + r²/3) e^−r (4.17), so dk/dr = −r (1 + r) e^−r / 3, and dr/dx = scale² (x − x_i) / r
        mean = self.constant + float(self.weights @ ((1 + r + r**2 / 3) * decayed))
        gradient: Float64[np.ndarray, " k"] = scale**2 / 3 * (self.weights * (1 + r) * decayed) @ towards
        return mean, gradient

    def surety(self, here: Float64[np.ndarray, " k"], there: Float64[np.ndarray, " k"]) -> float:
        """How sure it is that there is more there than here: the difference of the means in its standard deviations."""
        ends = np.stack([here, there])
        across = _kernel(_distances(ends, self.inputs))
        known = across[1] - across[0]
        # Var (f(there) − f(here)) = k(there, there) + k(here, here) − 2 k(here, there) − d (K + σ² I)⁻¹ dᵀ (2.24)
        told = float(known @ self.factor.solve(known))
        variance = 2 - 2 * float(_kernel(_distances(ends[:1], ends[1:]))[0, 0]) - told
        difference = float(self.weights @ known)
        return difference / math.sqrt(max(variance * self.variance, 1e-300))


def likeliest_noise(inputs: Float64[np.ndarray, "n k"], values: Float64[np.ndarray, " n"], near: float) -> float:
    """The variance of the noise, of some that there are, under which values are likeliest.

    Args:
        inputs: Shape (n, k).
        values: Shape (n,).
        near: What it was before, which it changes by a step at most; NaN where it is not known.
    """
    kernel = _kernel(_distances(inputs, inputs))
    before = _NOISES.index(near) if near in _NOISES else None
    able = _NOISES if before is None else _NOISES[max(before - 1, 0) : before + 2]
    return max(able, key=lambda noise: _log_likelihood(kernel, values, noise))


def _log_likelihood(kernel: Float64[np.ndarray, "n n"], values: Float64[np.ndarray, " n"], noise: float) -> float:
    """Log marginal likelihood but for a constant (5.8), with the process' own variance the likeliest for it."""
    divisor = _Factor.of(kernel, noise)
    weights, constant = divisor.weights(values)
    n, misfit = len(values), float((values - constant) @ weights)
    return -n / 2 * math.log(max(misfit / n, 1e-12)) - divisor.half_log_determinant


def _kernel(r: Float64[np.ndarray, "m n"]) -> Float64[np.ndarray, "m n"]:
    """Of distances that are scaled (4.17)."""
    kernel: Float64[np.ndarray, "m n"] = (1 + r + r**2 / 3) * np.exp(-r)
    return kernel


def _distances(one: Float64[np.ndarray, "m k"], other: Float64[np.ndarray, "n k"]) -> Float64[np.ndarray, "m n"]:
    """Distances between rows, scaled for the kernel."""
    squares = np.square(one).sum(axis=1)[:, None] + np.square(other).sum(axis=1)
    distances: Float64[np.ndarray, "m n"] = np.sqrt((squares - 2 * one @ other.T).clip(0))
    return _scale(one.shape[1]) * distances


def _scale(dim: int) -> float:
    """√5 / length: what distances are multiplied by."""
    length = _LENGTH * max(1.0, dim / _FEW_DIMENSIONS) * math.sqrt(dim)
    return math.sqrt(5) / length
