"""Latents that come with a request, checked."""

from __future__ import annotations

from collections.abc import Callable

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
    return _read(tensor, lambda shape: shape == (dim,), f"shape ({dim}) for {owner}", field, wrong)


def read_latents(
    tensor: values_pb2.Tensor, dim: int, most: int, owner: str, field: str, wrong: Violations
) -> NDArray[np.float32] | None:
    """As `read_latent`, of one latent or more, at most so many: shape (n, dim)."""

    def fits(shape: tuple[int, ...]) -> bool:
        return len(shape) == 2 and shape[1] == dim and 1 <= shape[0] <= most

    return _read(tensor, fits, f"shape (n, {dim}) for {owner}, n from 1 to {most:,}", field, wrong)


def _read(
    tensor: values_pb2.Tensor, fits: Callable[[tuple[int, ...]], bool], expected: str, field: str, wrong: Violations
) -> NDArray[np.float32] | None:
    try:
        latents = unpack(tensor)
    except ValueError as error:
        wrong.add(field, str(error))
        return None
    if not fits(latents.shape):
        wrong.add(field, f"expected {expected}, but {list(latents.shape)} came")
        return None
    # NaN compares as false; a float64 may be too large for the float32 that is rendered.
    bad = np.flatnonzero(~(np.abs(latents) <= np.finfo(np.float32).max).all(axis=-1))
    if len(bad):
        holds = f"row {bad[0]} holds NaN or infinity" if latents.ndim > 1 else "NaN or infinity came"
        wrong.add(field, f"every number must be finite in float32, but {holds}")
        return None
    return latents.astype(np.float32)
