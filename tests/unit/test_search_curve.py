"""The course of an evolution as a table and a drawing, and the picture of a generation."""

from __future__ import annotations

import csv
import io
import math
from datetime import datetime, timezone

import numpy as np
import pytest
from PIL import Image

from pullback_client import GenerationRecord, GenerationSummary
from pullback_client.search.curve import Point, drawing, following, table
from pullback_client.search.generation_sheet import MOST, generation_sheet
from pullback_client.search.history import Origin


def summary(generation: int, best: float | None, thread: int = 0, images: int = 4) -> GenerationSummary:
    name = "" if best is None else f"thread{thread:03d}_gen{generation:03d}_000000"
    mean = None if best is None else best / 2
    return GenerationSummary(thread, generation, images, 4 if best is not None else 0, 0, 0, mean, best, name, True)


def course(bests: list[float | None], *, minimize: bool = False, thread: int = 0) -> list[Point]:
    points: list[Point] = []
    for generation, best in enumerate(bests):
        points.append(following(points[-1] if points else None, summary(generation, best, thread), minimize=minimize))
    return points


@pytest.mark.parametrize(
    ("bests", "minimize", "expected"),
    [
        ([1, 3, 2, 3], False, [(1, 0), (3, 1), (3, 1), (3, 1)]),
        ([1, 3, -2], True, [(1, 0), (1, 0), (-2, 2)]),
        ([None, 2, None], False, [(None, None), (2, 1), (2, 1)]),
    ],
)
def test_the_best_so_far_is_the_first_of_the_best(
    bests: list[float | None], minimize: bool, expected: list[tuple[float | None, int | None]]
) -> None:
    assert [(point.best_score, point.best_generation) for point in course(bests, minimize=minimize)] == expected


def test_the_table_has_a_row_for_each_generation_and_gaps() -> None:
    rows = list(csv.DictReader(io.StringIO(table(course([None, 2.5])).decode())))
    assert [row["best_score"] for row in rows] == ["", "2.5"]
    assert [row["best_image_id_so_far"] for row in rows] == ["", "thread000_gen001_000000"]
    assert [row["mean_score"] for row in rows] == ["", "1.25"]


@pytest.mark.parametrize(
    "bests", [[], [None], [1.0], [5.0, 5.0], [1e100, -1e100], [0.0, 1e-300], [None, 1.0, None, 3.0]]
)
def test_any_course_is_drawn(bests: list[float | None]) -> None:
    picture = drawing({0: course(bests), 1: course(bests, thread=1)})
    assert picture.size == (900, 480)


def test_a_rising_course_rises_in_the_drawing() -> None:
    pixels = np.asarray(drawing({0: course([0.0, 1.0, 2.0])}))
    rows, columns = np.nonzero((pixels == (0x1F, 0x77, 0xB4)).all(axis=2))
    assert rows[columns.argmin()] > rows[columns.argmax()]


def generation(count: int, scores: list[float]) -> tuple[GenerationRecord, dict[str, Image.Image]]:
    ids = tuple(f"thread000_gen002_{number:06d}" for number in range(count))
    record = GenerationRecord(
        summary(2, 3.0, images=count),
        ids,
        np.zeros((count, 2)),
        np.array(scores),
        (Origin("initial", ()),) * count,
        datetime.now(timezone.utc),
        None,
        (),
        np.full(count, 10.0),
        np.full(count, 0.5),
    )
    images = {name: Image.new("RGB", (16, 16), (40 * number % 256, number, 255)) for number, name in enumerate(ids)}
    return record, images


@pytest.mark.parametrize("minimize", [False, True])
def test_the_images_of_a_generation_stand_by_their_scores(minimize: bool) -> None:
    record, images = generation(4, [2.0, math.nan, 3.0, 1.0])
    images["first"] = Image.new("L", (16, 16), 77)
    sheet = generation_sheet(Point(record.summary, 9.0, "first", 0), record, images.__getitem__, minimize=minimize)
    order = ["first", *(record.image_ids[n] for n in ([3, 0, 2, 1] if minimize else [2, 0, 3, 1]))]
    for place, name in enumerate(order):
        pixel = sheet.getpixel((6 + place * 134 + 64, 28 + 64))
        assert pixel == images[name].convert("RGB").getpixel((0, 0))


def test_of_a_large_generation_the_best_images_are_drawn() -> None:
    record, images = generation(200, [float(number) for number in range(200)])
    fetched: list[str] = []

    def image(name: str) -> Image.Image:
        fetched.append(name)
        return images[name].resize((300, 200))

    generation_sheet(Point(record.summary, None, "", None), record, image, minimize=False)
    assert fetched == [record.image_ids[199 - number] for number in range(MOST)]
