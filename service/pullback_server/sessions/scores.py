"""From what trials gave to one score an image."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from pullback_api.v1 import search_pb2
from pullback_server.sessions.events import ImageScore


def score_of_channels(values: Sequence[float], weights: Sequence[float]) -> float:
    """The weighted sum of a trial's channel values; their mean where there are no weights."""
    if not weights:
        return statistics.fmean(values)
    return math.fsum(weight * value for weight, value in zip(weights, values, strict=True))


def aggregate(image_id: str, scores: Sequence[float], aggregation: search_pb2.Aggregation) -> ImageScore:
    """One score of several, and the variance of it as an estimate, where there are at least two."""
    count = len(scores)
    if aggregation == search_pb2.AGGREGATION_MEDIAN:
        # The median of n normal numbers varies π/2 times as much as their mean does.
        centre, excess = statistics.median(scores), math.pi / 2
    else:
        centre, excess = statistics.fmean(scores), 1.0
    # Var(mean) = s² / n
    variance = excess * statistics.variance(scores) / count if count > 1 else None
    return ImageScore(image_id, centre, variance)
