"""Signs of vectors that have none of their own, such as eigenvectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray


def signs_of(rows: NDArray[Any]) -> Float64[np.ndarray, "k 1"]:
    """By what each row is multiplied so that its entry of largest magnitude is positive: 1 or −1."""
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    signs: NDArray[np.float64] = np.where(largest < 0, -1.0, 1.0)
    return signs
