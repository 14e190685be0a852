"""Eigenvectors of the metric at one latent: Wang & Ponce, ICLR 2021."""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor

from pullback.directions.direction_set import DirectionSet
from pullback.directions.methods.local_metric import metric_in_pieces
from pullback.directions.origins import check_count, origin_of
from pullback.distances.distance import Distance, EmbeddingDistance
from pullback.generators.generator import Generator as ImageGenerator
from pullback.geometry.point import Point, checked_latent
from pullback.geometry.pointwise.gram_iteration import GramIteration
from pullback.geometry.signs import signs_of
from pullback.pieces import in_pieces

# Dimensions up to which the whole metric takes less than the iteration for its leading eigenpairs.
_MOST_DENSE = 1024


@in_pieces
def local_hessian(
    generator: ImageGenerator, distance: Distance, latent: Tensor, space: str, k: int
) -> Generator[None, None, DirectionSet]:
    """The k leading eigenvectors of the metric at a latent (Wang & Ponce, ICLR 2021, Eq. 3).

    Exact, from the Gram matrix of the Jacobian; of more than 1,024 dimensions, from products with it; of a distance
    without an embedding, from double backward.

    Args:
        generator: The generator.
        distance: The distance, on the same device and in the same precision.
        latent: Where to look, shape (n,).
        space: Name of the latent's space.
        k: How many, from 1 to n.

    Yields:
        Nothing, after every few derivatives: other work may be done then.

    Returns:
        Directions whose values are the eigenvalues, not yet measured.

    Raises:
        UnknownNameError: No such space.
        InvalidInputError: The latent has another shape or is not finite, k is out of range, or generator and distance
            do not go together.
        PullbackError: A derivative of the distance is not finite.
    """
    latent = checked_latent(generator, latent, space)
    check_count(k, len(latent), space)
    method = "gram" if isinstance(distance, EmbeddingDistance) else "gauss_newton"
    point = Point(generator, distance, latent, space)
    if method == "gram" and len(latent) > _MOST_DENSE:
        method = GramIteration.name
        values, vectors = yield from GramIteration(k=k).eigenpairs_in_pieces(point)
    else:
        metric = yield from metric_in_pieces(point)
        # H = U Λ Uᵀ; LAPACK's order is ascending.
        ascending, basis = torch.linalg.eigh(metric)
        values, vectors = ascending.flip(0)[:k], basis.flip(1)[:, :k]
    rows = vectors.T.cpu().numpy()
    origin = origin_of(
        generator, space, "local_hessian", distance=distance.name, distance_hash=distance.weights_hash, estimator=method
    )
    return DirectionSet(rows * signs_of(rows), values.cpu().numpy(), origin, base=latent.double().cpu().numpy())
