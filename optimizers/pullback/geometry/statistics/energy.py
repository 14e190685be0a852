"""Energy that the leading vectors of a basis capture of a reference metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.errors import InvalidInputError
from pullback.geometry.checks import as_columns, as_metric, as_spectrum


def captured_energy(
    vectors: NDArray[Any], metric: NDArray[Any], ks: Sequence[int] = (5, 10, 20, 50)
) -> Float64[np.ndarray, " ks"]:
    """tr(V_kᵀ H V_k) / Σ_{i≤k} λᵢ(H): what the k leading vectors of a basis hold, over the most that k vectors can.

    Args:
        vectors: V, orthonormal columns in descending order of importance, shape (n, m).
        metric: The reference H, shape (n, n).
        ks: Numbers of leading vectors, each from 1 to m.

    Returns:
        For each k a ratio from 0 to 1; 1 for the eigenvectors of H itself (Ky Fan's maximum principle).

    Raises:
        InvalidInputError: A k is out of range, the vectors are not orthonormal, or H is no metric.
    """
    metric = as_metric(metric)
    vectors = as_columns(vectors, len(metric))
    for k in ks:
        if not 1 <= k <= vectors.shape[1]:
            raise InvalidInputError(f"k is between 1 and the number of vectors, {vectors.shape[1]}, but {k} came")
    # Σ_{i≤k} vᵢᵀHvᵢ = tr(V_kᵀ H V_k)
    held = np.cumsum(np.einsum("nm,nm->m", metric @ vectors, vectors))
    best = np.cumsum(as_spectrum(np.linalg.eigvalsh(metric)))
    leading = np.asarray(ks, dtype=np.intp) - 1
    ratios: NDArray[np.float64] = held[leading] / best[leading]
    return ratios
