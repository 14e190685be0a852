"""Course of a session in the studio: its lines and the order of its images, against what NumPy says of the scores."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import numpy as np
import pytest

from pullback_client.search.history import GenerationRecord, Origin
from pullback_client.search.records import GenerationSummary
from pullback_client.studio.pages.evolution.course import Course


def record(generation: int, scores: list[float], *, thread: int = 0) -> GenerationRecord:
    count = len(scores)
    nothing = np.full(count, np.nan)
    return GenerationRecord(
        summary=GenerationSummary(thread, generation, count, count, 0, 0, None, None, "", closed=True),
        image_ids=tuple(f"image-{generation}-{number}" for number in range(count)),
        latents=np.zeros((count, 2), np.float32),
        scores=np.array(scores),
        origins=(Origin("sampled", ()),) * count,
        opened=datetime.now(timezone.utc),
        closed=None,
        files=(),
        distances=nothing,
        typicalities=nothing,
    )


@pytest.mark.parametrize(("minimize", "best"), [(False, [3.0, 3.0, 5.0]), (True, [1.0, 0.0, 0.0])])
def test_the_mean_with_its_spread_and_the_best_so_far(minimize: bool, best: list[float]) -> None:
    course = Course((minimize,))
    course.put([record(1, [0.0, 2.0, np.nan]), record(0, [1.0, 3.0]), record(2, [4.0, 5.0])])

    mean, so_far = course.lines()

    assert list(mean.points) == [(0.0, 2.0), (1.0, 1.0), (2.0, 4.5)]
    assert list(mean.band) == [(0.0, 1.0, 3.0), (1.0, 0.0, 2.0), (2.0, 4.0, 5.0)]
    assert [y for _, y in so_far.points] == best


def test_images_stand_in_the_order_of_their_scores_those_without_last() -> None:
    course = Course((False, True))
    course.put([record(0, [1.0, np.nan, 3.0]), record(0, [1.0, np.nan, 3.0], thread=1)])

    assert [each.image_id for each in course.ranked(0, 0)] == ["image-0-2", "image-0-0", "image-0-1"]
    assert [each.image_id for each in course.ranked(1, 0)] == ["image-0-0", "image-0-2", "image-0-1"]
    assert course.ranked(0, 7) == []


def test_a_generation_that_is_told_more_takes_the_place_of_what_was_known() -> None:
    course = Course((False,))
    course.put([record(0, [np.nan, np.nan])])
    assert course.last(0) is None
    assert all(not line.points for line in course.lines())

    course.put([record(0, [np.nan, 2.0])])

    assert course.last(0) == 0
    assert list(course.lines()[0].points) == [(0.0, 2.0)]


def test_open_generations_and_those_in_between_are_asked_for_again() -> None:
    course = Course((False,))
    closed = replace(record(0, [1.0]), closed=datetime.now(timezone.utc))
    course.put([closed, record(2, [1.0])])

    assert course.unknown(0, 3) == [1, 2, 3]
    assert course.unknown(1, 1) == [0, 1]
