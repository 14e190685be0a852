"""Mean and standard deviation, as the paper's tables give them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pullback.errors import InvalidInputError


class Summary(NamedTuple):
    """What a table says of many values.

    Attributes:
        mean: Arithmetic mean.
        deviation: Standard deviation, √(Σ(x − mean)² / N).
    """

    mean: float
    deviation: float


def summarize(values: NDArray[Any]) -> Summary:
    """Mean and standard deviation of all values of an array; NaN where a value is NaN.

    Raises:
        InvalidInputError: There is no value.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.size == 0:
        raise InvalidInputError("a mean is taken over at least 1 value, but none came")
    return Summary(float(values.mean()), float(values.std()))
