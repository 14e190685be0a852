"""Random directions: they say nothing, and others are compared with them."""

from __future__ import annotations

import torch
from jaxtyping import Float64
from torch import Tensor


def random_directions(count: int, dim: int, seed: int) -> Float64[Tensor, "count dim"]:
    """Unit vectors, uniform on the sphere, one a row.

    Args:
        count: How many.
        dim: Their length.
        seed: Any integer ≥ 0.
    """
    rows = torch.randn(count, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    unit: Float64[Tensor, "count dim"] = rows / torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    return unit
