"""SeFa's `.npy` (Shen & Zhou, CVPR 2021)."""

from __future__ import annotations

from pullback.directions.formats.arrays import read_npy
from pullback.directions.formats.published import Published, Target, check_rows, unranked


def read(content: bytes, target: Target) -> Published:
    """Eigenvectors of the weights, one a row, shape (k, n), in the file's order.

    Raises:
        InvalidInputError: The file is no npy file of this shape.
    """
    rows = read_npy(content)
    check_rows(rows, target, "a file of SeFa has one direction a row, shape (k, n)")
    return unranked(rows)
