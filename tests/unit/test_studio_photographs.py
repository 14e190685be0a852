"""Photographs in the studio, without its pages: masks that are drawn, what is kept, what is downloaded."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pullback_client.errors import InvalidArgumentError, ResourceExhaustedError
from pullback_client.inversion.framing import Crop, Framing
from pullback_client.inversion.result import InversionFailure
from pullback_client.studio.photographs.archive import archive, folder_name
from pullback_client.studio.photographs.kept import GivenPhotograph, KeptPhotographs, compared_part
from pullback_client.studio.photographs.masks import Rectangle, Stroke, draw_mask
from pullback_client.studio.photographs.requests import NamedFile, Prepared, prepare, submit


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_stroke_hides_what_lies_within_its_radius_and_another_shows_it_again() -> None:
    stroke = Stroke(((20.0, 30.0), (60.0, 30.0)), 8.0)
    mask = draw_mask((100, 80), [stroke])
    assert mask is not None
    hidden = pixels(mask) == 0
    rows, columns = np.mgrid[:80, :100]
    beyond = np.hypot(np.clip(columns, 20, 60) - columns, rows - 30)
    assert hidden[beyond < 7].all()
    assert not hidden[beyond > 9].any()

    again = Stroke(stroke.points, 12.0, shows=True)
    assert draw_mask((100, 80), [stroke, again]) is None


def test_rectangles_hide_exactly_their_pixels_and_may_reach_beyond_the_photograph() -> None:
    mask = draw_mask((10, 8), [Rectangle(2, 1, 3, 4), Rectangle(8, 6, 50, 50)])
    assert mask is not None
    expected = np.full((8, 10), 255, np.uint8)
    expected[1:5, 2:5] = expected[6:, 8:] = 0
    np.testing.assert_array_equal(pixels(mask), expected)


def test_a_stroke_is_told_and_read_again_and_what_is_none_is_refused() -> None:
    stroke = Stroke(((1.5, 2.0),), 3.0, shows=True)
    assert Stroke.read(stroke.told) == stroke
    for told in ({}, {"points": [[1]], "radius": 1, "shows": False}, {"points": 3, "radius": 1, "shows": False}):
        with pytest.raises(InvalidArgumentError, match="expected a stroke"):
            Stroke.read(told)


def test_the_photographs_of_the_oldest_inversions_are_forgotten_first() -> None:
    kept = KeptPhotographs(most_bytes=100)
    for number in range(3):
        kept.keep(f"jobs/{number}", [GivenPhotograph("a.png", bytes(40))])
    assert not kept.of("jobs/0")
    assert len(kept.of("jobs/1")) == len(kept.of("jobs/2")) == 1
    kept.forget("jobs/1")
    assert not kept.of("jobs/1")


def test_what_is_sent_of_a_cropped_photograph_is_its_square_and_that_of_its_mask() -> None:
    rng = np.random.default_rng(0)
    photograph = rng.integers(0, 256, (30, 40, 3), np.uint8)
    mask = draw_mask((40, 30), [Rectangle(10, 10, 4, 4)])
    given = GivenPhotograph("a.png", png(photograph), Framing(crop=Crop(9, 8, 16), mask=mask, size=(40, 30)))
    whole = GivenPhotograph("b.png", png(photograph))

    prepared = prepare([given, whole])

    assert [file.name for file in prepared.files] == ["a.png", "b.png"]
    np.testing.assert_array_equal(pixels(prepared.files[0].getvalue()), photograph[8:24, 9:25])
    assert prepared.files[1].getvalue() == whole.data
    assert prepared.masks[1] is None
    assert prepared.masks[0] is not None
    hidden = pixels(prepared.masks[0]) == 0
    assert hidden[2:6, 1:5].all()
    assert hidden.sum() == 16


class Submitted:
    """A client that takes inversions, a few at most, and tells which photographs each had."""

    def __init__(self, most: int = 10) -> None:
        self.most = most
        self.photographs: list[list[str]] = []
        self.cancelled: list[int] = []

    def submit_inversion(self, images: list[NamedFile], generator: str, **options: Any) -> Any:
        assert generator == "tiny"
        assert len(options["masks"]) == len(images)
        number = len(self.photographs)
        if number == self.most:
            raise ResourceExhaustedError("too many jobs wait")
        self.photographs.append([image.name for image in images])
        return _Job(f"jobs/{number}", lambda: self.cancelled.append(number))


class _Job:
    def __init__(self, name: str, cancel: Any) -> None:
        self.name, self.cancel = name, cancel


def many(count: int) -> Prepared:
    picture = png(np.zeros((4, 4, 3), np.uint8))
    return Prepared(tuple(NamedFile(f"{number}.png", picture) for number in range(count)), (None,) * count)


def test_more_photographs_than_a_request_takes_are_several_jobs_in_their_order() -> None:
    client: Any = Submitted()

    jobs = submit(client, many(600), "tiny", {"center_crop": True})

    assert [len(each) for each in client.photographs] == [256, 256, 88]
    assert [name for each in client.photographs for name in each] == [f"{number}.png" for number in range(600)]
    assert jobs == ["jobs/0"] * 256 + ["jobs/1"] * 256 + ["jobs/2"] * 88
    assert client.cancelled == []


def test_jobs_that_nobody_would_be_told_of_are_cancelled() -> None:
    client: Any = Submitted(most=2)

    with pytest.raises(ResourceExhaustedError, match="too many jobs wait"):
        submit(client, many(600), "tiny", {})

    assert client.cancelled == [0, 1]


def test_the_part_that_is_compared_has_the_generators_aspect() -> None:
    columns = np.broadcast_to(np.arange(90, dtype=np.uint8)[None, :, None], (30, 90, 3))
    part = np.asarray(compared_part(GivenPhotograph("a.png", png(columns.copy())), (64, 64), 30))
    assert part.shape == (30, 30, 3)
    # The middle third.
    np.testing.assert_allclose(part[0, :, 0], np.arange(30, 60), atol=1)


def test_failures_are_in_the_archive_with_their_reasons() -> None:
    failure = InversionFailure("../evil name?.jpg", InvalidArgumentError("too small"))
    with zipfile.ZipFile(io.BytesIO(archive([failure]))) as file:
        assert file.namelist() == ["failures.json"]
        assert json.loads(file.read("failures.json")) == {"001-evil-name": "too small"}


@pytest.mark.parametrize(
    ("label", "name"), [("", "003"), ("a.b.png", "003-a.b"), ("…/x\\y.jpg", "003-x-y"), ("Ünal.png", "003-Ünal")]
)
def test_names_of_folders_are_taken_everywhere(label: str, name: str) -> None:
    assert folder_name(2, label) == name
