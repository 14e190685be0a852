"""Home in a browser: generators with their images, jobs that are followed and cancelled, the ways to the rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from live_server import JOB_SECONDS, LiveServer
from pullback_client import Client, JobState
from requests_for_tiny import LONG, invert_tiny


def test_generators_are_there_with_images_and_ways(open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    card = page.get_by_role("article").filter(has=page.get_by_role("heading", name="tiny", exact=True))

    expect(card.get_by_role("img")).to_have_count(6)
    expect(card.get_by_role("img").first).to_have_js_property("complete", True)
    assert card.get_by_role("img").first.evaluate("image => image.naturalWidth") > 0
    expect(card.get_by_role("link", name="Explore: tiny")).to_have_attribute("href", "/explore/tiny")
    expect(page).to_have_title("Home – Pullback studio")


def test_a_job_is_followed_cancelled_and_its_log_read(open_page: Callable[..., Page], server: LiveServer) -> None:
    page = open_page("/")
    job = invert_tiny(server, steps=LONG)
    short = job.name.removeprefix("jobs/")[:8]
    cancel = page.get_by_role("button", name=f"Cancel job {short}")
    expect(cancel).to_be_visible()
    at_work = page.locator("section").filter(has=page.get_by_role("heading", name="Server", exact=True))
    expect(at_work.get_by_text("worker-0", exact=True)).to_be_visible()
    expect(at_work.get_by_text("cpu", exact=True).first).to_be_visible()
    expect(at_work.get_by_text("inversion of tiny", exact=False)).to_be_visible()
    cancel.click()
    with Client(server.target) as client:
        assert client.get_job(job.name).wait(JOB_SECONDS).state is JobState.CANCELLED
    expect(cancel).to_have_count(0)
    expect(at_work.get_by_text("inversion of tiny", exact=False)).to_have_count(0)
    expect(at_work.get_by_text("idle").first).to_be_visible()

    page.get_by_role("button", name=f"Log of job {short}").click()

    expect(page.get_by_role("dialog").get_by_text("cancelled").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_sticks_out_sideways(open_page: Callable[..., Page], width: int) -> None:
    page = open_page("/", width=width)
    expect(page.get_by_role("heading", name="tiny", exact=True)).to_be_visible()

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_reaches_the_content_first_and_every_way(open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    expect(page.get_by_role("heading", name="tiny", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    for name in ("Pullback", "Home", "Explore", "Photograph", "Evolution", "People", "Report"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name=name, exact=True).first).to_be_focused()


def test_dark_and_light_as_the_system_has_them_and_as_chosen(open_page: Callable[..., Page]) -> None:
    page = open_page("/", color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    expect(page.get_by_role("heading", name="tiny", exact=True)).to_be_visible()
    dark = page.evaluate(paper)

    page.get_by_label("Light or dark").click()
    page.get_by_role("option", name="light").click()
    page.wait_for_function(f"{paper} !== '{dark}'")

    assert sum(map(int, dark[4:-1].split(","))) < 150
