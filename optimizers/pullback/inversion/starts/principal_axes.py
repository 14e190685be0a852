"""Principal axes of long vectors, of which there are few."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

# Columns that a step goes through.
_COLUMNS = 4096
# Less than this share of the largest eigenvalue is rounding.
_TOLERANCE = 1e-10


def principal_axes_in_pieces(
    vectors: Sequence[Float[Tensor, "_ features"]], rank: int
) -> Generator[None, None, tuple[Float[Tensor, " features"], Float[Tensor, "features rank"]]]:
    """Mean and principal axes, by way of the Gram matrix of the vectors: they are never copied as a whole.

    Args:
        vectors: In parts.
        rank: Number of axes; fewer come out where the vectors vary along fewer.

    Yields:
        Nothing, after every few columns: other work may be done then.

    Returns:
        The mean; and the axes as columns, orthonormal, in descending order of the variance along them.
    """
    features, count = vectors[0].shape[1], sum(map(len, vectors))
    blocks = [slice(start, start + _COLUMNS) for start in range(0, features, _COLUMNS)]
    center = torch.zeros(features, dtype=torch.float64, device=vectors[0].device)
    gram = torch.zeros(count, count, dtype=torch.float64, device=vectors[0].device)
    for block in blocks:
        center[block] = _columns(vectors, block).mean(dim=0)
        part = _columns(vectors, block) - center[block]
        gram.addmm_(part, part.T)
        yield
    # E Eᵀ = V Λ Vᵀ; LAPACK's order is ascending.
    ascending, basis = torch.linalg.eigh(gram)
    kept = min(rank, int((ascending > _TOLERANCE * ascending[-1]).sum()))
    variances, basis = ascending.flip(0)[:kept], basis.flip(1)[:, :kept]
    axes = []
    for block in blocks:
        part = _columns(vectors, block) - center[block]
        # A = Eᵀ V Λ^−½
        axes.append((part.T @ (basis / variances.sqrt())).to(vectors[0]))
        yield
    return center.to(vectors[0]), torch.cat(axes)


def _columns(vectors: Sequence[Tensor], block: slice) -> Tensor:
    return torch.cat([part[:, block] for part in vectors]).double()
