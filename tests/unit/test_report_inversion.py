"""The report of inversions: its files, its page and its words."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from in_process import InProcessServer
from pullback_client import (
    Alignment,
    Client,
    FailedPreconditionError,
    InvalidArgumentError,
    Inversion,
    InversionFailure,
)
from pullback_client.report.inversion import REPORT_FILES, summarize, write_report
from pullback_client.report.inversion.contact_sheet import contact_sheet, draw_sheet
from pullback_client.report.inversion.curves import draw_courses, loss_curves
from pullback_client.report.inversion.tables import photographs

PLOTS = [name for name in REPORT_FILES if name.endswith(".png")]


@pytest.fixture(scope="module")
def inversion() -> Iterator[Inversion]:
    with InProcessServer() as server, Client(server.target) as client:
        target = Image.new("RGB", (16, 16), (200, 200, 200))
        yield client.invert(target, "faces", method="adam", steps=20, seed=7, thin=True)


@pytest.fixture
def found(inversion: Inversion) -> list[Inversion]:
    """Three photographs, whose distances are 0.1, 0.2 and 0.4."""
    return [
        dataclasses.replace(inversion, label=f"{name}.png", distance=distance, loss=2 * distance)
        for name, distance in (("a", 0.1), ("b", 0.2), ("c", 0.4))
    ]


FAILURE = InversionFailure("d.png", InvalidArgumentError("the file is <truncated>"))


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_a_report_is_a_page_numbers_and_two_pictures(found: list[Inversion], tmp_path: Path) -> None:
    files = write_report([*found, FAILURE], tmp_path / "deep" / "report")
    assert [file.name for file in files] == list(REPORT_FILES)
    assert sorted(path.name for path in (tmp_path / "deep" / "report").iterdir()) == sorted(REPORT_FILES)
    page = files[0].read_text("utf-8")
    held = [base64.b64decode(data) for data in re.findall(r"data:image/png;base64,([^\"]+)", page)]
    assert held == [(tmp_path / "deep" / "report" / name).read_bytes() for name in PLOTS]
    assert "<script" not in page
    assert "://" not in page


def test_the_page_names_every_photograph_its_numbers_and_its_failure(found: list[Inversion], tmp_path: Path) -> None:
    page = write_report([*found, FAILURE], tmp_path)[0].read_text("utf-8")
    for words in ("3 photographs inverted by faces", "1 a.png", "0.100", "d.png", "the file is &lt;truncated&gt;"):
        assert words in page
    for words in ("INVERSION_METHOD_ADAM", "lpips-vgg", "a" * 64, "0.1.0", "inversions/1", "jobs/1"):
        assert words in page  # settings and provenance


def test_names_cannot_break_the_page(found: list[Inversion], tmp_path: Path) -> None:
    evil = '<script>alert("&")</script>$x$'
    page = write_report([dataclasses.replace(found[0], label=evil)], tmp_path)[0].read_text("utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_numbers_are_enough_to_draw_the_curves_again(found: list[Inversion], tmp_path: Path) -> None:
    write_report([*found, FAILURE], tmp_path)
    numbers = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert numbers["summary"] == summarize(found, [FAILURE])
    assert numbers["failures"] == [{"label": "d.png", "error": "the file is <truncated>"}]
    for inversion, told in zip(found, numbers["photographs"], strict=True):
        assert {key: value for key, value in told.items() if key != "best_so_far"} == inversion.provenance
        np.testing.assert_array_equal(told["best_so_far"]["loss"], inversion.best_so_far().loss)


def test_the_summary_states_the_numbers(found: list[Inversion]) -> None:
    summary = "\n".join(summarize(found, [FAILURE]))
    for words in (
        "3 photographs, latent space z of faces, under lpips-vgg; method adam",
        "Image distance: median 0.200, from 0.100 to 0.400.",
        "Loss: median 0.400, from 0.200 to 0.800.",
        f"Work: {found[0].evaluations} evaluations of the generator; 1.50 s in all.",
        "Failed: 1 photograph, listed below.",
    ):
        assert words in summary


def test_seconds_of_a_job_count_once(found: list[Inversion]) -> None:
    two_jobs = [found[0], found[1], dataclasses.replace(found[2], job="jobs/9")]
    assert "3.00 s in all" in "\n".join(summarize(two_jobs, []))


def test_the_table_has_class_and_place_where_they_were_looked_for(found: list[Inversion]) -> None:
    plain = photographs(found)
    assert plain.head == ("photograph", "distance", "loss", "evaluations", "restart", "update")
    assert plain.rows[1][:3] == ("2 b.png", "0.200", "0.400")
    solution = dataclasses.replace(found[0].solutions[0], class_label="blue", alignment=Alignment(0.5, 0.25, -0.25))
    placed = photographs([dataclasses.replace(found[0], solutions=(solution,)), found[1]])
    assert placed.head[-2:] == ("class", "scale; shift right, down")
    assert [row[-2:] for row in placed.rows] == [("blue", "0.500; 0.250, −0.250"), ("", "–")]


def test_the_sheet_shows_photographs_over_reconstructions(inversion: Inversion) -> None:
    shades = ((250, 10), (200, 60), (150, 110))
    found = [
        dataclasses.replace(
            inversion,
            target=Image.new("RGB", (16, 16), (target,) * 3),
            solutions=(dataclasses.replace(inversion.solutions[0], image=Image.new("RGB", (16, 16), (image,) * 3)),),
        )
        for target, image in shades
    ]
    sheet = pixels(contact_sheet(found).png)
    height, width, _ = sheet.shape
    for place, (target, image) in enumerate(shades):
        column = sheet[:, round((place + 0.5) * width / 3), 0]
        assert column[round(0.3 * height)] == target
        assert column[round(0.8 * height)] == image


def test_names_stand_above_photographs_and_fit_there(inversion: Inversion) -> None:
    long = "a-very-long-name-of-a-photograph-from-the-second-camera-of-the-rig-0001.png"
    labels = ["me.png", long, "写真.png", "$x^2$.png", ""]
    several = [dataclasses.replace(inversion, label=label, distance=0.25) for label in labels]
    for count in (5, 60):  # wide columns, and narrow ones
        figure = draw_sheet((several * 12)[:count])
        texts = [text for text in figure.texts if text.get_rotation() == 0]
        names, distances = texts[::2], texts[1::2]
        assert [name.get_text() for name in names[:1]] == ["1 me.png"]
        assert names[1].get_text().startswith("2 a")
        assert names[1].get_text().endswith(".png" if count == 5 else "ng")
        assert "…" in names[1].get_text()
        assert names[2].get_text() == "3 ??.png"
        assert not names[3].get_parse_math()
        assert names[4].get_text() == "5"
        assert {each.get_text() for each in distances} == {"distance 0.250" if count == 5 else "0.250"}
        boxes = [text.get_window_extent() for text in figure.texts]
        for box in boxes:
            assert 0 <= box.x0 < box.x1 <= figure.bbox.width
            assert 0 <= box.y0 < box.y1 <= figure.bbox.height
        # No text lies on another one.
        for number, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[number + 1 :])
        assert {text.get_text() for text in figure.texts if text.get_rotation() == 90} == {"photograph", "found"}


def test_rows_of_the_sheet_are_named(inversion: Inversion) -> None:
    more = dataclasses.replace(inversion, aligned_target=inversion.target, solutions=inversion.solutions[:1] * 3)
    words = [text.get_text() for text in draw_sheet([more]).texts if text.get_rotation() == 90]
    assert words == ["photograph", "its part", "best", "second", "third"]


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.9, 1.4, ["0.9", "1", "1.1", "1.2", "1.3", "1.4"]),
        (0.03, 0.9, ["0.05", "0.1", "0.2", "0.5"]),
        (1500, 60000, ["2,000", "5,000", "10,000", "20,000", "50,000"]),
    ],
)
def test_losses_within_two_decades_have_plain_decimals(
    inversion: Inversion, low: float, high: float, labels: list[str]
) -> None:
    course = dataclasses.replace(inversion, loss_trace=np.geomspace(high, low, 21)[None]).best_so_far()
    figure = draw_courses([course])
    figure.canvas.draw()
    axes = figure.axes[0]
    bottom, top = axes.get_ylim()
    ticks = zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
    shown = [label.get_text() for tick, label in ticks if bottom <= tick <= top]
    assert set(labels) <= set(shown)
    assert not any("10" in text and "^" in text for text in shown)
    assert axes.get_yticklabels(minor=True) == []


def test_losses_over_many_decades_keep_powers_of_ten(inversion: Inversion) -> None:
    course = dataclasses.replace(inversion, loss_trace=np.geomspace(10, 1e-4, 21)[None]).best_so_far()
    figure = draw_courses([course])
    figure.canvas.draw()
    assert "$\\mathdefault{10^{-2}}$" in [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_the_sheet_shows_the_aligned_part_and_further_solutions(inversion: Inversion) -> None:
    solutions = tuple(
        dataclasses.replace(inversion.solutions[0], image=Image.new("RGB", (16, 16), (shade,) * 3))
        for shade in (40, 80)
    )
    more = dataclasses.replace(inversion, aligned_target=Image.new("RGB", (16, 16), (120,) * 3), solutions=solutions)
    sheet = contact_sheet([more, inversion])
    picture = pixels(sheet.png)
    first, second = (picture[:, round(place * picture.shape[1]), 0] for place in (1 / 6, 1 / 2))
    assert {200, 120, 40, 80} <= set(first.tolist())
    # What the second one does not have stays white.
    assert not {120, 80} & set(second.tolist())
    for words in ("the part of it that the frame of the reconstruction shows", "the 2 best solutions"):
        assert words in sheet.caption


def test_a_sheet_of_very_many_photographs_still_opens(inversion: Inversion) -> None:
    sheet = contact_sheet([inversion] * 530)
    assert "The first 512 of 530 photographs" in sheet.caption
    with Image.open(io.BytesIO(sheet.png)) as picture:
        assert picture.width == 1350
        assert picture.height < 20_000


def test_curves_of_different_lengths_with_gaps_are_drawn(inversion: Inversion) -> None:
    short = dataclasses.replace(
        inversion,
        evaluations=9,
        loss_trace=np.array([[3.0, 2.0, np.nan], [4.0, 3.0, 1.0]]),
        distance_trace=np.array([[3.0, 2.0, np.nan], [4.0, 3.0, 1.0]]),
    )
    plot = loss_curves([inversion, short])
    assert pixels(plot.png).std() > 5
    last = inversion.best_so_far().loss[-1]
    assert f"{np.median([last, 1.0]):.3f}" in plot.alt


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_loss_of_zero_or_none_at_all_is_drawn_without_a_warning(inversion: Inversion, value: float) -> None:
    flat = dataclasses.replace(
        inversion,
        loss_trace=np.full_like(inversion.loss_trace, value),
        distance_trace=np.full_like(inversion.distance_trace, value),
    )
    assert len(loss_curves([flat]).png) > 1000


def test_every_picture_says_in_words_what_is_to_be_seen_and_how_it_was_measured(found: list[Inversion]) -> None:
    for plot in (contact_sheet(found), loss_curves(found)):
        assert len(plot.alt) > 80
        assert "ethod adam" in plot.caption
        assert "seed 7" in plot.caption
    assert "from 0.100 to 0.400" in contact_sheet(found).alt


def test_the_same_inversions_give_the_same_files(found: list[Inversion], tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_report(found, tmp_path / name)
    for file in REPORT_FILES:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_nothing_is_written_where_there_is_nothing_to_show_or_to_draw_with(
    found: list[Inversion], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidArgumentError, match="nothing to report"):
        write_report([FAILURE], tmp_path / "report")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FailedPreconditionError, match="a report needs matplotlib"):
        write_report(found, tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_importing_loads_no_matplotlib() -> None:
    code = "import sys, pullback_client.report.inversion; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"
