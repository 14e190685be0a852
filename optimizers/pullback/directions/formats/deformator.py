"""The deformator of Voynov & Babenko (ICML 2020), a PyTorch file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from pullback.directions.formats.published import Published, Target, check_rows, unranked
from pullback.directions.formats.tensors import as_array, read_tensors
from pullback.errors import InvalidInputError

_LINEAR, _HALF = "linear.weight", "log_mat_half"


def read(content: bytes, target: Target) -> Published:
    """The shifts of the latent that the deformator makes of the unit vectors.

    Of a linear or projective one the columns of `linear.weight`, shape (n, k): a bias is the same for all and no part
    of a direction. Of an orthogonal one the columns of exp(L − Lᵀ), L being `log_mat_half`, shape (n, n). A fully
    connected one bends its shifts, and the identity and a random one keep nothing in the file: these are refused.

    Raises:
        InvalidInputError: The file is no PyTorch file of a deformator's tensors, or of another kind or shape.
    """
    state = read_tensors(content)
    if not isinstance(state, Mapping):
        raise InvalidInputError(f"a deformator is a dictionary of tensors, but {type(state).__name__} came")
    if _LINEAR in state:
        rows = as_array(state[_LINEAR], _LINEAR).T
        check_rows(rows, target, f"{_LINEAR}, turned to rows, has the shape (k, n)")
    elif _HALF in state:
        half = as_array(state[_HALF], _HALF)
        if half.shape != (target.dim, target.dim):
            raise InvalidInputError(
                f"{_HALF} has the shape (n, n), n = {target.dim} in space {target.space!r}, but shape {half.shape} came"
            )
        rows = _orthogonal(half).T
    else:
        keys = ", ".join(sorted(str(key) for key in state)[:5]) or "nothing"
        raise InvalidInputError(
            f"a deformator with directions of its own has {_LINEAR} or {_HALF}, but this one has {keys}: a fully "
            "connected one bends its shifts"
        )
    return unranked(rows)


def _orthogonal(half: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation exp(L − Lᵀ)."""
    if not np.isfinite(half).all():
        raise InvalidInputError(f"{_HALF} is finite, but NaN or infinity came")
    rotation: NDArray[np.float64] = torch.linalg.matrix_exp(torch.from_numpy(half - half.T)).numpy()
    return rotation
