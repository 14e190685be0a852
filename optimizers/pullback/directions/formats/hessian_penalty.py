"""The directions of the Hessian Penalty (Peebles et al., ECCV 2020), a PyTorch file."""

from __future__ import annotations

import numpy as np

from pullback.directions.formats.published import Published, Target, check_rows, unranked
from pullback.directions.formats.tensors import as_array, read_tensors
from pullback.errors import InvalidInputError

# Share of a row that earlier rows leave, below which its direction is rounding.
_LEAST = 1e-6


def read(content: bytes, target: Target) -> Published:
    """The matrix of directions, shape (k, n), made orthogonal row by row: the form in which its authors walk.

    Training leaves the rows as they are and makes them orthogonal by Gram & Schmidt wherever it uses them, so the first
    row keeps its direction and each further one what the earlier ones leave of it.

    Raises:
        InvalidInputError: The file is no PyTorch file of one tensor of this shape, or the rows depend on each other.
    """
    rows = as_array(read_tensors(content), "the file of the Hessian Penalty")
    check_rows(rows, target, "directions of the Hessian Penalty have the shape (k, n)")
    if len(rows) > target.dim:
        raise InvalidInputError(
            f"at most {target.dim} directions of {target.dim} coordinates are orthogonal, but {len(rows)} came"
        )
    if not np.isfinite(rows).all():
        raise InvalidInputError("directions of the Hessian Penalty are finite, but NaN or infinity came")
    # Aᵀ = Q R: the columns of Q are Gram & Schmidt's, up to their signs.
    orthogonal, triangle = np.linalg.qr(rows.T)
    left = np.abs(triangle.diagonal())
    if (lost := np.flatnonzero(left <= _LEAST * np.linalg.norm(rows, axis=1))).size:
        raise InvalidInputError(f"direction {lost[0]} is zero, or made of the earlier ones")
    return unranked((orthogonal * np.sign(triangle.diagonal())).T)
