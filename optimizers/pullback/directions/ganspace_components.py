"""Principal components of samples that are not held, and what they mean for the latent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray
from sklearn.decomposition import IncrementalPCA

from pullback.directions.ganspace_samples import GanspaceSamples
from pullback.errors import InvalidInputError

# Up to so many features, all components are followed, and the leading ones are exact.
_MOST_EXACT = 512
# Beyond, as many at least: more than are asked for, so that those lose nothing to what is cut off at each batch.
_LEAST_KEPT = 128
# Variance, in units of the largest, below which a component is rounding.
_LEAST_VARIANCE = 1e-12


@dataclass(frozen=True, eq=False)
class Components:
    """The leading principal components of values x = x̄ + Σ t_j v_j.

    Attributes:
        mean: x̄, shape (features,).
        axes: v_j as rows, orthonormal, shape (k, features).
        variances: Of the scores t_j, descending, shape (k,).
        carried: By what the latent changes when a score grows by 1, as rows, shape (k, n): least squares of the
            latents on the scores of the same samples. Where the values are the latents, the axes themselves.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    variances: NDArray[np.float64]
    carried: NDArray[np.float64]

    def scores(self, values: Float64[np.ndarray, "batch features"]) -> Float64[np.ndarray, "batch k"]:
        """The scores t = V (x − x̄) of values x."""
        found: NDArray[np.float64] = (values - self.mean) @ self.axes.T
        return found


def principal_components(samples: GanspaceSamples, k: int) -> Components:
    """The k leading principal components, in one pass.

    `IncrementalPCA`, as GANSpace has it, because a layer has up to 10⁵ features, whose covariance fits no memory: it
    holds a batch and the components, however many samples there are. Up to 512 features it cuts nothing off and is
    exact.

    Args:
        samples: The samples.
        k: How many, at least 1.

    Raises:
        InvalidInputError: The samples do not vary in so many directions.
    """
    features = samples.features
    kept = min(features if features <= _MOST_EXACT else max(_LEAST_KEPT, 2 * k), features, samples.samples)
    if k > kept:
        raise InvalidInputError(
            f"{samples.samples} samples of {features} features have at most {kept} components, but {k} were asked for"
        )
    analysis = IncrementalPCA(n_components=kept)
    together = _Covariance()
    # A batch costs (rows + kept)² · features: least for each sample with about as many rows as components.
    for latents, values in samples.batches(2 * kept):
        analysis.partial_fit(values)
        together.add(latents, values)
    variances = analysis.explained_variance_
    if (rank := int((variances > _LEAST_VARIANCE * variances[0]).sum())) < k:
        raise InvalidInputError(f"the samples vary in {rank} directions, but {k} were asked for")
    axes, variances = analysis.components_[:k], variances[:k]
    # Scores are uncorrelated, so z = z̄ + Σ t_j b_j has b_j = cov(t_j, z) / var t_j.
    carried = axes @ together.value / variances[:, None]
    return Components(analysis.mean_, axes, variances, carried)


class _Covariance:
    """cov(x, z) of samples that come in batches; sums are centred as they grow (Chan, Golub and LeVeque, 1983)."""

    def __init__(self) -> None:
        self._count = 0
        self._products: NDArray[np.float64] = np.zeros(())
        self._latents: NDArray[np.float64] = np.zeros(())
        self._values: NDArray[np.float64] = np.zeros(())

    def add(self, latents: Float64[np.ndarray, "batch n"], values: Float64[np.ndarray, "batch features"]) -> None:
        count, mean_latent, mean_value = len(latents), latents.mean(axis=0), values.mean(axis=0)
        total = self._count + count
        by_latent, by_value = mean_latent - self._latents, mean_value - self._values
        within = (values - mean_value).T @ (latents - mean_latent)
        self._products = self._products + within + (self._count * count / total) * np.outer(by_value, by_latent)
        self._latents = self._latents + count / total * by_latent
        self._values = self._values + count / total * by_value
        self._count = total

    @property
    def value(self) -> Float64[np.ndarray, "features n"]:
        """The covariance so far."""
        return self._products / (self._count - 1)
