"""Scores of images: what the trials of each add up to."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from pullback_api.v1 import search_pb2
from pullback_server.sessions.state.events import ImageScore


def score_of_channels(values: Sequence[float], weights: Sequence[float]) -> float:
    """The weighted sum of a trial's channel values; their mean where there are no weights."""
    if not weights:
        return statistics.fmean(values)
    return math.fsum(weight * value for weight, value in zip(weights, values, strict=True))


def image_scores(trials: Mapping[str, Sequence[float]], aggregation: search_pb2.Aggregation) -> tuple[ImageScore, ...]:
    """One score for each image, and its variance as an estimate, where some images have several.

    The noise of a trial is taken for that of any other, and estimated from all of them: two or three trials of one
    image say next to nothing of it, and of counted spikes the best images' vary most.

    Args:
        trials: The scores of each image, one or more.
        aggregation: What becomes of them.
    """
    # s² = Σ_i (n_i − 1) s_i² / Σ_i (n_i − 1)
    repeated = [scores for scores in trials.values() if len(scores) > 1]
    freedom = sum(len(scores) - 1 for scores in repeated)
    noise = math.fsum((len(scores) - 1) * statistics.variance(scores) for scores in repeated) / max(freedom, 1)
    of_medians = aggregation == search_pb2.AGGREGATION_MEDIAN
    centre = statistics.median if of_medians else statistics.fmean
    # Var(mean) = s² / n; the median of n normal numbers varies π/2 times as much.
    excess = math.pi / 2 if of_medians else 1.0
    return tuple(
        ImageScore(image_id, centre(scores), excess * noise / len(scores) if repeated else None)
        for image_id, scores in trials.items()
    )
