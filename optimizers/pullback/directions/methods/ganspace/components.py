"""Principal components of samples that are not held, and what they mean for the latent."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.directions.methods.ganspace.incremental import IncrementalComponents
from pullback.directions.methods.ganspace.samples import GanspaceSamples
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


def principal_components_in_pieces(samples: GanspaceSamples, k: int) -> Generator[None, None, Components]:
    """The k leading principal components, in one pass.

    Incremental, as GANSpace has them, because a layer has up to 10⁵ features, whose covariance fits no memory: a batch
    and the components are held, however many samples there are. Up to 512 features nothing is cut off, and they are
    exact.

    Args:
        samples: The samples.
        k: How many, at least 1.

    Yields:
        Nothing, after every few samples, and after every few features of a batch: other work may be done then.

    Raises:
        InvalidInputError: The samples do not vary in so many directions.
    """
    features = samples.features
    kept = min(features if features <= _MOST_EXACT else max(_LEAST_KEPT, 2 * k), features, samples.samples)
    if k > kept:
        raise InvalidInputError(
            f"{samples.samples} samples of {features} features have at most {kept} components, but {k} were asked for"
        )
    analysis = IncrementalComponents(features, samples.dim, kept)
    seen = 0
    while seen < samples.samples:
        # A batch costs (rows + kept)² · features: least for each sample with about as many rows as components.
        latents, values = yield from samples.batch_in_pieces(seen, 2 * kept)
        yield from analysis.add_in_pieces(latents, values)
        seen += len(latents)
    variances = analysis.variances
    if (rank := int((variances > _LEAST_VARIANCE * variances[0]).sum())) < k:
        raise InvalidInputError(f"the samples vary in {rank} directions, but {k} were asked for")
    axes, variances = analysis.axes(k), variances[:k]
    # Scores are uncorrelated, so z = z̄ + Σ t_j b_j has b_j = cov(t_j, z) / var t_j.
    carried = axes @ analysis.covariance / variances[:, None]
    return Components(analysis.mean, axes, variances, carried)
