"""Published directions as every format gives them, and what they are read for; NumPy only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pullback.errors import InvalidInputError


@dataclass(frozen=True)
class Target:
    """What directions are imported for.

    Attributes:
        space: Name of the latent space.
        dim: Its number n of coordinates.
        weights_hash: SHA-256 of the generator's weight file.
    """

    space: str
    dim: int
    weights_hash: str


@dataclass(frozen=True, eq=False)
class Published:
    """What a file says.

    Attributes:
        vectors: One direction a row, shape (k, n), of any length.
        values: What the method ranked by, shape (k,); NaN where the file does not say.
        layers: Layers on which a step acts, where the file says.
        input_vectors: The vectors before the mapping network, shape (k, d), where the file has them.
        base: The latent at which a local method looked, where the file has it.
        said: What else the file says of itself, as text by name.
    """

    vectors: NDArray[Any]
    values: NDArray[np.float64]
    layers: tuple[int, ...] = ()
    input_vectors: NDArray[np.float64] | None = None
    base: NDArray[np.float64] | None = None
    said: dict[str, str] = field(default_factory=dict)


def unranked(vectors: NDArray[Any]) -> Published:
    """Directions of a file that does not rank them."""
    return Published(vectors, np.full(len(vectors), np.nan))


def check_rows(rows: NDArray[Any], target: Target, what: str) -> None:
    """Checks that directions are those of a space.

    Args:
        rows: One direction a row.
        target: What they are imported for.
        what: What the file should hold, for errors: its own shape in letters, with n for the dimension.

    Raises:
        InvalidInputError: They have another shape.
    """
    if rows.ndim != 2 or rows.shape[1] != target.dim or len(rows) == 0:
        raise InvalidInputError(
            f"{what}, n = {target.dim} in space {target.space!r}, but {_described(rows, target)}; import it for the "
            "generator and space in which it was found"
        )


def _described(rows: NDArray[Any], target: Target) -> str:
    if rows.ndim == 2 and rows.shape[0] == target.dim:
        return f"shape {rows.shape} came, which is the other way round"
    return f"shape {rows.shape} came"
