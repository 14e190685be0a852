"""Latent that comes with a request: a single one, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pullback_api.tensors import unpack
from pullback_api.v1 import values_pb2
from pullback_server.errors import Violations


def read_latent(
    tensor: values_pb2.Tensor, dim: int, owner: str, field: str, wrong: Violations
) -> NDArray[np.float32] | None:
    """The latent, shape (dim,); what cannot be rendered is a violation.

    Args:
        tensor: What came.
        dim: How many coordinates it must have.
        owner: Of what, for the message.
        field: Path of the tensor in the request.
        wrong: Where a violation goes.
    """
    try:
        latent: NDArray[np.floating[Any]] = unpack(tensor)
    except ValueError as error:
        wrong.add(field, str(error))
        return None
    if latent.shape != (dim,):
        wrong.add(field, f"expected shape ({dim}) for {owner}, but {list(latent.shape)} came")
        return None
    # NaN compares as false; a float64 may be too large for the float32 that is rendered.
    if not (np.abs(latent) <= np.finfo(np.float32).max).all():
        wrong.add(field, "every number must be finite in float32, but NaN or infinity came")
        return None
    return latent.astype(np.float32)
