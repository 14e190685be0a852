"""Spectral clustering of an affinity."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from pullback.errors import InvalidInputError
from pullback.geometry.seeding import derive_seed

_STARTS = 10


def spectral_clusters(affinity: Float64[np.ndarray, "items items"], clusters: int, seed: int = 0) -> NDArray[np.intp]:
    """Parts of a graph with strong ties within and weak ones between them (Ng, Jordan & Weiss, NIPS 2001).

    The rows of the leading eigenvectors of D^−½ S D^−½, at length 1, by k-means. A graph in several pieces is no
    exception here: its pieces have eigenvectors of their own.

    Args:
        affinity: S, symmetric, ≥ 0.
        clusters: How many, at least 1.
        seed: Of the starts of k-means, any integer ≥ 0.

    Returns:
        The cluster of each item, shape (items,): 0 the largest, and so on; −1 for an item without ties.

    Raises:
        InvalidInputError: There are fewer items with ties than clusters, or the seed is below 0.
    """
    from sklearn.cluster import KMeans  # noqa: PLC0415  (slow to import, and nothing else needs it)

    degrees = affinity.sum(axis=1)
    tied = np.flatnonzero(degrees > 0)
    if not 1 <= clusters <= len(tied):
        raise InvalidInputError(
            f"{len(tied)} of {len(affinity)} items have ties to others, which make 1 to {len(tied)} clusters, but "
            f"{clusters} came; take fewer clusters or less sparsity"
        )
    roots = np.sqrt(degrees[tied])
    # D^−½ S D^−½
    normalised = affinity[np.ix_(tied, tied)] / roots[:, None] / roots
    leading: NDArray[Any] = np.linalg.eigh(normalised)[1][:, -clusters:]
    rows = leading / np.maximum(np.linalg.norm(leading, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    found = KMeans(clusters, n_init=_STARTS, random_state=derive_seed(seed) % 2**32).fit_predict(rows)
    ranks = np.argsort(np.argsort(-np.bincount(found, minlength=clusters), kind="stable"), kind="stable")
    labels = np.full(len(affinity), -1, dtype=np.intp)
    labels[tied] = ranks[found]
    return labels
