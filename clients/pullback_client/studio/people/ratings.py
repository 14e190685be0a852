"""Ratings of several observers, made into one score for each image."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Rating(NamedTuple):
    """A rating.

    Attributes:
        observer: Whose.
        image: Of which image.
        value: 1 to 9.
    """

    observer: str
    image: str
    value: float


def mean_ratings(ratings: Sequence[Rating]) -> dict[str, float]:
    """The mean of each image's ratings, whoever gave them."""
    return {image: statistics.fmean(values) for image, values in _by_image(ratings).items()}


def standardised_ratings(ratings: Sequence[Rating], before: Sequence[Rating] = ()) -> dict[str, float]:
    """The mean of each image's standardised ratings: z = (r − m) / s, with each observer's own m and s.

    m and s are the mean and the deviation of all ratings that the observer has given in the session, so that images
    which get better from generation to generation still score higher. Who has given fewer than two different ratings
    has said nothing of how images differ: those are 0.

    Args:
        ratings: Of the images that are scored.
        before: Of earlier generations.
    """
    given: dict[str, list[float]] = {}
    for rating in (*before, *ratings):
        given.setdefault(rating.observer, []).append(rating.value)
    scales = {
        observer: (statistics.fmean(values), statistics.stdev(values) if len(set(values)) > 1 else 0.0)
        for observer, values in given.items()
    }

    def standardised(rating: Rating) -> Rating:
        centre, spread = scales[rating.observer]
        return rating._replace(value=(rating.value - centre) / spread if spread else 0.0)

    return mean_ratings([standardised(rating) for rating in ratings])


def _by_image(ratings: Sequence[Rating]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for rating in ratings:
        found.setdefault(rating.image, []).append(rating.value)
    return found
