"""The perceptual study in a browser: its questions, its file, and its table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from live_server import LiveServer
from pullback_client import Client

TRIALS = 3  # an axis of each group


def ready(page: Page, server: LiveServer, *, observer: str) -> None:
    """A small study of `tiny`, whose eigenbasis there is, at its first trial."""
    with Client(server.target, timeout=60) as client:
        if not client.list_eigenbases("tiny"):
            client.compute_eigenbasis("tiny", distance="mse", samples=64, progress=False)
    page.get_by_label("Generator").click()
    page.get_by_role("option", name="tiny", exact=True).click()
    expect(page.get_by_label("Eigenbasis")).not_to_have_value("")
    for label, value in (
        ("Observer", observer),
        ("Reference images of a trial", "2"),
        ("Axes of each group", "1"),
        ("Leading axes left out (orthogonal)", "3"),
        ("Images along an axis (odd)", "3"),
    ):
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text(f"0 of {TRIALS} trials answered")).to_be_visible()


def pick(page: Page, question: str, choice: str) -> None:
    page.get_by_role("radiogroup", name=question).get_by_role("radio", name=choice, exact=True).click()


def answer(page: Page, magnitude: str) -> None:
    """Answers all questions of a trial."""
    expect(page.locator(".study-row")).to_have_count(2)
    pick(page, "Do you see any change", "Yes")
    page.get_by_label("Magnitude in per cent").fill(magnitude)
    page.get_by_label("The change in your own words").fill("it gets warmer")
    pick(page, "How many of the 2 images", "2")
    pick(page, "How alike are the changes", "7")
    pick(page, "How difficult was it", "3")
    page.get_by_role("button", name="Next").click()


def test_a_study_is_answered_broken_off_and_goes_on_with_its_file(
    open_page: Callable[..., Page], server: LiveServer, tmp_path: Path
) -> None:
    page = open_page("/people/study")
    ready(page, server, observer="Anna")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("say whether you see any change")).to_be_visible()
    answer(page, "80")
    expect(page.get_by_text(f"1 of {TRIALS} trials answered")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download what there is").click()
    file = tmp_path / "study.json"
    download.value.save_as(file)
    assert [each["magnitude"] for each in json.loads(file.read_text())["responses"]] == [80]

    page = open_page("/people/study", width=390)
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.get_by_text(f"1 of {TRIALS} trials answered")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    answer(page, "60")
    expect(page.get_by_text(f"2 of {TRIALS} trials answered")).to_be_visible()
    pick(page, "Do you see any change", "No")
    page.get_by_role("button", name="Next").click()

    table = page.get_by_role("region", name="Table of the study")
    expect(table).to_be_visible()
    for group in ("top axes", "orthogonal", "bottom axes"):
        expect(table.get_by_role("rowheader", name=group)).to_be_visible()
    assert sorted(table.get_by_role("cell", name="%").all_inner_texts()) == ["0.0 %", "100.0 %", "100.0 %"]


def test_a_file_that_is_none_and_an_observer_without_a_name_are_said(
    open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page("/people/study")
    (tmp_path / "other.json").write_text("{}")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "other.json")
    expect(
        page.get_by_text("this is no file of a perceptual study").or_(page.get_by_text("whose format"))
    ).to_be_visible()
