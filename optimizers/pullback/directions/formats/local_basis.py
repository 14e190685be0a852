"""Local Basis' `.npy` (Choi et al., ICLR 2022)."""

from __future__ import annotations

from pullback.directions.formats.arrays import read_npy
from pullback.directions.formats.published import Published, Target, check_rows, unranked
from pullback.errors import InvalidInputError


def read(content: bytes, target: Target) -> Published:
    """Left singular vectors of the mapping network's Jacobian, one a column, shape (n, k), in the file's order.

    The file does not say at which latent, so the set has no base.

    Raises:
        InvalidInputError: The file is no npy file of this shape.
    """
    columns = read_npy(content)
    if columns.ndim != 2:
        raise InvalidInputError(
            f"a file of Local Basis has one direction a column, shape (n, k), but shape {columns.shape} came"
        )
    check_rows(columns.T, target, "a file of Local Basis has one direction a column, here turned to rows, shape (k, n)")
    return unranked(columns.T)
