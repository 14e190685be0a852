"""Explore in a real browser: sliders, strips, addresses, other axes, by hand and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from live_server import LiveServer
from pullback_client import Client, Eigenbasis
from studios import StudioProcess, Watched

IMAGE = "img.explore-image"


@pytest.fixture
def client(server: LiveServer) -> Iterator[Client]:
    with Client(server.target) as client:
        yield client


@pytest.fixture
def basis(client: Client) -> Eigenbasis:
    return client.compute_eigenbasis("tiny", distance="mse", samples=64)


def slider(page: Page, axis: int) -> Locator:
    return page.get_by_role("slider", name=f"Axis {axis}", exact=True)


def source(page: Page) -> str:
    return page.locator(IMAGE).get_attribute("src") or ""


def drawn(page: Page, unlike: str = "") -> str:
    """The shown image's address, once it is another one."""
    page.wait_for_function(
        "before => { const src = document.querySelector('img.explore-image')?.getAttribute('src');"
        " return src?.startsWith('data:image/png') && src !== before; }",
        arg=unlike,
    )
    return source(page)


@pytest.mark.usefixtures("basis")
def test_a_generator_is_chosen_and_moves_under_a_slider(open_page: Callable[..., Page]) -> None:
    page = open_page("/explore")
    page.get_by_role("link", name="Explore tiny", exact=True).click()
    expect(page.get_by_role("heading", name="Explore tiny")).to_be_visible()
    before = drawn(page)

    slider(page, 0).fill("1.5")

    after = drawn(page, before)
    expect(page.get_by_label("Steps along axis 0")).to_have_value("1.5")
    expect(page.locator(".spectrum figcaption")).to_contain_text("Axis 0: α =")
    slider(page, 0).dblclick()
    expect(page.get_by_label("Steps along axis 0")).to_have_value("0")
    assert drawn(page, after) == before


def test_the_shown_image_is_that_of_a_step_along_the_eigenvector(
    open_page: Callable[..., Page], client: Client, basis: Eigenbasis
) -> None:
    page = open_page("/explore/tiny?seed=5")
    before = drawn(page)
    slider(page, 2).fill("-1")
    shown = drawn(page, before)

    latent = client.sample("tiny", seed=5)[0] - basis.eigenvalues[2] ** -0.5 * basis.eigenvectors[:, 2]
    (expected,) = client.render("tiny", latent.astype(np.float32))

    pixels = page.evaluate(
        """async source => {
            const image = new Image(); image.src = source; await image.decode();
            const canvas = new OffscreenCanvas(image.width, image.height), pen = canvas.getContext("2d");
            pen.drawImage(image, 0, 0);
            return [...pen.getImageData(0, 0, image.width, image.height).data];
        }""",
        shown,
    )
    found = np.array(pixels, np.int64).reshape(16, 16, 4)[:, :, :3]
    # Of latents that differ by rounding.
    assert np.abs(found - np.asarray(expected)).max() <= 1


@pytest.mark.usefixtures("basis")
def test_an_address_shows_the_same_again(open_page: Callable[..., Page]) -> None:
    page = open_page("/explore/tiny?seed=7")
    before = drawn(page)
    slider(page, 1).fill("1.25")
    moved = drawn(page, before)
    page.wait_for_url(re.compile(r"steps=.*1~1\.25"))

    again = open_page(page.url.removeprefix(page.url.split("/explore")[0]))

    assert drawn(again) == moved
    expect(again.get_by_label("Steps along axis 1")).to_have_value("1.25")
    expect(again.get_by_label("Seed").first).to_have_value("7")


@pytest.mark.usefixtures("basis")
def test_the_keyboard_alone_moves_types_and_resets(open_page: Callable[..., Page]) -> None:
    page = open_page("/explore/tiny")
    before = drawn(page)
    slider(page, 0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Steps along axis 0")).to_have_value("0.1")
    moved = drawn(page, before)
    page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("-1.5")
    page.keyboard.press("Enter")
    expect(slider(page, 0)).to_have_value("-1.5")
    typed = drawn(page, moved)
    slider(page, 0).focus()
    page.keyboard.press("Delete")

    assert drawn(page, typed) == before


@pytest.mark.usefixtures("basis")
def test_a_strip_leads_where_its_images_are(open_page: Callable[..., Page]) -> None:
    page = open_page("/explore/tiny")
    before = drawn(page)
    page.get_by_role("button", name="Strip along axis 3").click()
    frames = page.locator(".walk-frame")
    expect(frames).to_have_count(7)
    assert frames.nth(3).locator("img").get_attribute("src") == before

    wanted = frames.nth(6).locator("img").get_attribute("src")
    frames.nth(6).click()

    assert drawn(page, before) == wanted
    expect(page.get_by_label("Steps along axis 3")).to_have_value("2")
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("Download latents")).click()
    with np.load(download.value.path()) as content:
        assert content["latents"].shape == (7, 8)
    page.get_by_role("button", name="Strips of all sliders").click()
    expect(frames).to_have_count(7 * 8)


def test_axes_are_found_on_the_page_by_a_job(open_page: Callable[..., Page], basis: Eigenbasis, client: Client) -> None:
    for known in client.list_directions("tiny"):
        client.delete_directions(known)
    page = open_page(f"/explore/tiny?along=eigenbases/{basis.name.rsplit('/', 1)[-1]}")
    drawn(page)
    page.get_by_role("button", name="Find other axes").click()
    page.get_by_label("Method").click()
    page.get_by_role("option", name="Hessian axes", exact=True).click()
    page.get_by_label("How many").fill("3")
    page.get_by_role("button", name="Find", exact=True).click()

    expect(page.get_by_role("combobox", name="Along")).to_have_value("Hessian axes, 3 in z")
    expect(page.locator(".bank-row")).to_have_count(3)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("seed=x", "seed in the address is a whole number"),
        ("along=eigenbases/none", "no set eigenbases/none"),
        ("steps=directions/none:0~1", "Steps along directions/none are left out"),
        ("space=w", "not 'w'"),
        ("latent=AAAAAA", "has 8 coordinates"),
    ],
)
@pytest.mark.usefixtures("basis")
def test_an_address_that_cannot_be_shown_says_why_and_shows_the_usual(
    open_page: Callable[..., Page], query: str, said: str
) -> None:
    page = open_page(f"/explore/tiny?{query}")

    expect(page.locator(".told")).to_contain_text(said)
    drawn(page)
    expect(slider(page, 0)).to_be_visible()


def test_a_generator_that_is_none_says_so(open_page: Callable[..., Page]) -> None:
    page = open_page("/explore/nobody")

    expect(page.get_by_role("alert")).to_contain_text("nobody")


@pytest.mark.usefixtures("basis")
def test_a_phone_shows_it_all_without_moving_sideways(open_page: Callable[..., Page]) -> None:
    page = open_page("/explore/tiny", width=390, height=800)
    drawn(page)

    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    slider(page, 7).scroll_into_view_if_needed()
    expect(page.locator(IMAGE)).to_be_in_viewport()


def test_a_server_that_was_away_is_found_again(watched: Watched, live: LiveServer) -> None:
    with Client(live.target) as client:
        client.compute_eigenbasis("tiny", distance="mse", samples=64)
    studio = StudioProcess(live.target)
    try:
        page = watched.page(studio, "/explore/tiny")
        before, target = drawn(page), live.target
        live.kill()
        slider(page, 0).fill("1")
        expect(page.get_by_role("alert")).to_contain_text("No image")
        live.start("--listen", target)

        slider(page, 0).fill("1.5")

        drawn(page, before)
        expect(page.get_by_role("alert")).to_be_hidden()
        page.context.close()
    finally:
        studio.close()
