"""Explore in a real browser: sliders, strips, addresses, other axes, by hand and by keyboard."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path

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


def played(page: Page, video: bytes) -> list[float]:
    """Width, height and seconds of a video, as the browser has them once it can play it."""
    told = page.evaluate(
        """source => new Promise((done, failed) => {
            const video = document.createElement("video");
            video.oncanplaythrough = () => done([video.videoWidth, video.videoHeight, video.duration]);
            video.onerror = () => failed(video.error.message);
            video.src = source;
        })""",
        f"data:video/mp4;base64,{base64.b64encode(video).decode()}",
    )
    return list(told)


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
    drawn(page, moved)
    slider(page, 0).focus()
    page.keyboard.press("Delete")

    # Images of steps in between may come before it.
    expect(page.locator("img.explore-image")).to_have_attribute("src", before)


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
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("Download video")).click()
    assert played(page, Path(download.value.path()).read_bytes()) == [192, 192, pytest.approx(1.2)]
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


@pytest.mark.usefixtures("basis")
def test_images_are_pinned_and_a_way_leads_between_them(open_page: Callable[..., Page]) -> None:
    page = open_page("/explore/tiny?seed=1")
    first = drawn(page)
    page.get_by_role("button", name="Pin this image").click()
    expect(page.get_by_role("button", name="Interpolate")).to_be_disabled()
    page.get_by_label("Seed").first.fill("2")
    page.keyboard.press("Enter")
    second = drawn(page, first)
    page.get_by_role("button", name="Pin this image").click()
    expect(page.get_by_alt_text("Pin 2")).to_have_attribute("src", second)

    ways = page.locator("section", has=page.get_by_role("heading", name="Pins", exact=True))
    ways.get_by_label("Way").click()
    page.get_by_role("option", name="straight", exact=True).click()
    ways.get_by_label("Images").fill("3")
    page.get_by_role("button", name="Interpolate").click()
    frames = page.locator(".walk-frame img")
    expect(frames).to_have_count(3)
    assert [frames.nth(place).get_attribute("src") for place in (0, 2)] == [first, second]
    middle = frames.nth(1).get_attribute("src")
    frames.nth(1).click()

    assert drawn(page, second) == middle
    page.get_by_role("button", name="Show pin 1").click()
    assert drawn(page, middle or "") == first
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the latents of all pins").click()
    with np.load(download.value.path()) as content:
        assert content["latents"].shape == (2, 8)
    page.get_by_role("button", name="Remove pin 2").click()
    expect(page.get_by_alt_text("Pin 2")).to_have_count(0)


def test_an_axis_gets_a_name_and_all_that_moved_is_kept(
    open_page: Callable[..., Page], client: Client, basis: Eigenbasis
) -> None:
    page = open_page(f"/explore/tiny?along=eigenbases/{basis.name.rsplit('/', 1)[-1]}")
    before = drawn(page)
    slider(page, 6).fill("1")
    drawn(page, before)
    page.get_by_role("button", name="Name and keep").click()
    page.get_by_label("Title").fill("warmth")
    page.get_by_role("button", name="Name the axis").click()
    expect(page.get_by_role("slider", name="Axis 6 warmth")).to_have_value("1")
    assert client.find_direction("tiny", "warmth").index == 6

    page.get_by_label("Title").fill("kept way")
    page.get_by_role("button", name="Keep all that moved").click()
    expect(page.get_by_text("“kept way” is kept")).to_be_visible()

    kept = client.find_direction("tiny", "kept way")
    assert abs(float(kept.vector @ basis.eigenvectors[:, 6])) == pytest.approx(1, abs=1e-5)


@pytest.mark.usefixtures("basis")
def test_own_numbers_are_a_start_and_others_say_what_is_wrong(open_page: Callable[..., Page], client: Client) -> None:
    page = open_page("/explore/tiny")
    before = drawn(page)
    page.get_by_role("button", name="Own latent").click()
    page.get_by_label("Or its numbers").fill("1, 2, three")
    page.get_by_role("button", name="Start from these").click()
    expect(page.locator(".told")).to_contain_text("three")
    page.get_by_label("Or its numbers").fill("[0.5, -1, 0, 0, 0, 0, 0, 2]")
    page.get_by_role("button", name="Start from these").click()
    own = drawn(page, before)
    page.wait_for_url(re.compile("latent="))

    again = open_page(page.url.removeprefix(page.url.split("/explore")[0]))

    assert drawn(again) == own
    with again.expect_download() as download:
        again.get_by_role("button", name="Download latent .npy").click()
    np.testing.assert_array_equal(np.load(download.value.path()), np.array([0.5, -1, 0, 0, 0, 0, 0, 2], np.float32))


@pytest.mark.usefixtures("basis")
def test_it_starts_from_what_an_inversion_found(open_page: Callable[..., Page], client: Client) -> None:
    (target,) = client.render("tiny", client.sample("tiny", seed=9))
    found = client.invert(target, "tiny", distance="mse", steps=4, restarts=1, progress=False)

    page = open_page(f"/explore/tiny?inversion={found.name}&target=0")
    drawn(page)

    with page.expect_download() as download:
        page.get_by_role("button", name="Download latent .npy").click()
    np.testing.assert_array_equal(np.load(download.value.path()), found.latent)
    expect(page.get_by_text(f"Starts from inversion {found.name}")).to_be_visible()


def test_layers_follow_as_they_are_ticked_and_a_mask_that_is_not_there_is_said(
    watched: Watched, styled_server: LiveServer
) -> None:
    with Client(styled_server.target) as client:
        styled = client.compute_eigenbasis("tiny-style", space="w", distance="mse", samples=64)
        client.discover_directions("tiny-style", method="sefa", eigenbasis=styled, k=2)
    studio = StudioProcess(styled_server.target)
    try:
        page = watched.page(studio, "/explore/tiny-style?space=w")
        before = drawn(page)
        slider(page, 0).fill("2")
        whole = drawn(page, before)
        page.get_by_role("button", name="Coarse").click()
        coarse = drawn(page, whole)
        page.wait_for_url(re.compile("layers=0"))
        page.get_by_role("button", name="All", exact=True).click()
        assert drawn(page, coarse) == whole

        page.get_by_label("Channels that follow").click()
        page.get_by_role("option", name="subset 0").click()
        page.get_by_role("button", name="Strip along axis 1").click()
        # Channels of random weights do not work together.
        expect(page.locator(".told")).to_contain_text("take fewer clusters")
        page.context.close()
    finally:
        studio.close()


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
