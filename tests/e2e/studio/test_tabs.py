"""Tabs of one visitor in a real browser: each keeps what is its own, over a reload and a restart of the studio."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from live_server import LiveServer
from pullback_client import Client
from studios import StudioProcess, Watched
from tiny import write_catalogue

IMAGE = "img.explore-image"


def drawn(page: Page, unlike: str = "") -> str:
    """The shown image's address, once it is another one."""
    page.wait_for_function(
        "before => { const src = document.querySelector('img.explore-image')?.getAttribute('src');"
        " return src?.startsWith('data:image/png') && src !== before; }",
        arg=unlike,
    )
    return page.locator(IMAGE).get_attribute("src") or ""


def pins(page: Page) -> Locator:
    return page.locator(".explore-pin img")


def pin(page: Page) -> None:
    """Pins the image that is shown, and waits until the tab keeps it."""
    count = pins(page).count()
    page.get_by_role("button", name="Pin this image").click()
    expect(pins(page)).to_have_count(count + 1)
    page.wait_for_function(
        "count => Object.keys(sessionStorage).some(key => key.includes('explore pins')"
        " && JSON.parse(sessionStorage[key]).length === count)",
        arg=count + 1,
    )


@pytest.fixture
def other_tab(watched: Watched, studio: StudioProcess) -> Callable[[Page, str], Page]:
    """Opens another tab of the same visitor."""

    def open_tab(page: Page, path: str) -> Page:
        tab = page.context.new_page()
        watched.watch(tab, studio.url)
        tab.goto(studio.url + path)
        return tab

    return open_tab


def test_two_tabs_each_keep_their_own_over_a_reload(
    open_page: Callable[..., Page], other_tab: Callable[[Page, str], Page], server: LiveServer, tmp_path: Path
) -> None:
    with Client(server.target) as client:
        client.compute_eigenbasis("tiny", distance="mse", samples=64)
    first = open_page("/explore/tiny?seed=1")
    before = drawn(first)
    second = other_tab(first, "/explore/tiny?seed=2")
    assert drawn(second) != before

    pin(first)
    second.get_by_role("slider", name="Axis 0", exact=True).fill("1.5")
    expect(second.get_by_label("Steps along axis 0")).to_have_value("1.5")
    expect(first.get_by_label("Steps along axis 0")).to_have_value("0")
    expect(pins(second)).to_have_count(0)
    first.get_by_role("slider", name="Axis 1", exact=True).fill("-1")
    moved = drawn(first, before)
    pin(first)
    first.get_by_label("Seed").first.fill("3")
    first.keyboard.press("Enter")
    drawn(first, moved)
    first.reload()

    expect(pins(first)).to_have_count(2)
    assert [image.get_attribute("src") for image in pins(first).all()] == [before, moved]
    first.get_by_role("button", name="Show pin 2").click()
    assert drawn(first, first.locator(IMAGE).get_attribute("src") or "") == moved
    expect(first.get_by_label("Steps along axis 1")).to_have_value("-1")
    first.get_by_role("button", name="Remove pin 1").click()
    expect(pins(first)).to_have_count(1)
    pin(first)
    expect(first.get_by_alt_text("Pin 3")).to_be_visible()

    # Photographs that are chosen, too.
    file = tmp_path / "wide.png"
    Image.new("RGB", (64, 40), "teal").save(file)
    second.goto(second.url.partition("/explore")[0] + "/photograph")
    second.locator("input[type=file]").set_input_files(str(file))
    second.get_by_label("Left", exact=True).fill("3")
    second.get_by_label("Left", exact=True).press("Enter")
    expect(second.get_by_text("cropped to 40 px")).to_be_visible()
    first.goto(second.url)
    expect(first.get_by_role("button", name="Invert")).to_be_disabled()
    expect(first.locator(".given")).to_have_count(0)
    second.reload()
    expect(second.locator(".given-name")).to_have_text("wide.png")
    expect(second.locator(".framing-square")).to_have_attribute("aria-label", re.compile("left 3, top 0, size 40 "))
    second.get_by_role("button", name="Take wide.png out").click()
    expect(second.get_by_role("button", name="Invert")).to_be_disabled()
    second.reload()
    expect(second.get_by_role("button", name="Invert")).to_be_disabled()
    expect(second.locator(".given")).to_have_count(0)


def test_sliders_and_fields_of_explore_outlive_a_reload(open_page: Callable[..., Page], server: LiveServer) -> None:
    with Client(server.target) as client:
        client.compute_eigenbasis("tiny", distance="mse", samples=64)
    page = open_page("/explore/tiny?seed=1")
    before = drawn(page)
    page.get_by_role("slider", name="Axis 0", exact=True).fill("1.5")
    moved = drawn(page, before)
    strips = page.locator("section", has=page.get_by_role("heading", name="Strips"))
    way = strips.get_by_label("Way", exact=True)
    way.click()
    page.get_by_role("option").nth(1).click()
    chosen = way.input_value()
    page.get_by_text("Find other axes").click()
    page.get_by_label("Method", exact=True).click()
    page.get_by_role("option", name="SeFa").click()
    page.get_by_label("How many").fill("3")
    page.wait_for_url("**steps=**")
    page.wait_for_function(
        "Object.keys(sessionStorage).some(key => key.includes('explore fields') && sessionStorage[key].includes('sefa')"
        " && JSON.parse(sessionStorage[key])['find count'] === 3)"
    )
    page.reload()

    assert drawn(page) == moved
    expect(page.get_by_label("Steps along axis 0")).to_have_value("1.5")
    expect(way).to_have_value(chosen)
    page.get_by_text("Find other axes").click()
    expect(page.get_by_label("Method", exact=True)).to_have_value("SeFa")
    expect(page.get_by_label("How many")).to_have_value("3")


def test_a_latent_too_long_for_an_address_and_its_pin_outlive_the_studio(
    watched: Watched, start_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    (tmp_path / "wide").mkdir()
    wide = start_server(PULLBACK_CATALOGUE=str(write_catalogue(tmp_path / "wide", dim=4_200, width=4)))
    np.save(tmp_path / "own.npy", np.random.default_rng(2).standard_normal(4_200).astype(np.float32))
    studio = StudioProcess(wide.target)
    watched.allowed += ["WebSocket", "Failed to load resource", "ERR_CONNECTION"]  # while it is away
    try:
        page = watched.page(studio, "/explore/tiny")
        before = drawn(page)
        page.get_by_role("button", name="Own latent").click()
        page.locator("input[type=file]").set_input_files(str(tmp_path / "own.npy"))
        own = drawn(page, before)
        page.wait_for_url(re.compile(r"latent=kept\.[0-9a-f]{16}"))
        pin(page)
        page.evaluate("window.before = true")
        studio.close()
        studio = StudioProcess(wide.target, "--listen", studio.url.removeprefix("http://"))
        page.wait_for_function("!window.before")  # it is loaded again by itself

        assert drawn(page) == own
        expect(pins(page)).to_have_attribute("src", own)
        elsewhere = watched.page(studio, page.url.removeprefix(studio.url))
        expect(elsewhere.locator(".told")).to_contain_text("more than 4,096 coordinates")
        assert drawn(elsewhere) == before
        for each in (page, elsewhere):
            each.context.close()
    finally:
        studio.close()
