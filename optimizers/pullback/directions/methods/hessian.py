"""Eigenvectors of the global metric as directions: Wang & Ponce, ICLR 2021; NumPy only."""

from __future__ import annotations

import pullback
from pullback.directions.direction_set import DirectionSet, Origin
from pullback.geometry.eigenbasis import Eigenbasis


def hessian(eigenbasis: Eigenbasis, k: int) -> DirectionSet:
    """The k leading eigenvectors of the metric, measured by it.

    A step of λ^−½ along an eigenvector of eigenvalue λ moves the image at the same rate along each (Wang & Ponce, ICLR
    2021, section 6).

    Args:
        eigenbasis: The eigenbasis of the global metric.
        k: How many, from 1 to as many as the basis has.

    Returns:
        Directions whose values are the eigenvalues.

    Raises:
        InvalidInputError: k is out of range.
    """
    source = eigenbasis.provenance
    names = ("distance", "distance_hash", "method", "samples", "seed")
    settings = {("estimator" if name == "method" else name): str(getattr(source, name)) for name in names}
    origin = Origin(source.generator, source.weights_hash, source.space, "hessian", pullback.__version__, settings)
    return DirectionSet(eigenbasis.top(k).T, eigenbasis.eigenvalues[:k], origin).measured(eigenbasis)
