"""The page of photographs, in a real browser: from a file that is chosen to latents that are downloaded."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from live_server import LiveServer
from pullback_client import Inversion
from studios import StudioProcess, Watched


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    """A photograph that no generator has drawn."""
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:, :, 0], pixels[12:30, 20:50, 1] = np.linspace(0, 255, 64, dtype=np.uint8), 200
    path = tmp_path / "garden.png"
    Image.fromarray(pixels).save(path)
    return path


def choose(page: Page, *files: Path) -> None:
    """Chooses files, and waits until each has come in."""
    page.locator("input[type=file]").set_input_files([str(file) for file in files])
    for file in files:
        expect(page.locator(".given-name", has_text=file.name)).to_be_visible()


def invert(page: Page, *, steps: int = 20) -> None:
    """Has what was chosen inverted, without an eigenbasis and the weights of a distance, which take minutes."""
    page.get_by_label("Generator", exact=True).click()
    page.get_by_role("option", name="tiny:").click()
    page.get_by_label("Method", exact=True).click()
    page.get_by_role("option", name="adam", exact=True).click()
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Distance", exact=True).first.fill("mse")
    page.get_by_label("Steps", exact=True).fill(str(steps))
    page.get_by_label("Restarts", exact=True).fill("2")
    page.get_by_role("button", name="Invert").click()
    page.wait_for_url("**/photograph/*")


def finished(page: Page) -> Locator:
    """What is there once the inversion has ended."""
    return page.get_by_role("button", name="Download all")


def download(page: Page) -> zipfile.ZipFile:
    """Everything."""
    with page.expect_download() as told:
        finished(page).click()
    return zipfile.ZipFile(io.BytesIO(Path(told.value.path()).read_bytes()))


def unpacked(archive: zipfile.ZipFile, name: str, folder: Path) -> Path:
    """A file of the first photograph, on the disk."""
    path = folder / name
    path.write_bytes(archive.read(f"001-garden/{name}"))
    return path


def test_a_photograph_is_inverted_compared_and_downloaded(open_page: Callable[..., Page], photograph: Path) -> None:
    page = open_page("/photograph")
    choose(page, photograph)
    invert(page)
    expect(finished(page)).to_be_visible()

    slider = page.get_by_role("slider", name="Before and after")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert slider.input_value() == "51"
    for shows in ("the photograph", "what was found"):
        width = page.get_by_alt_text(shows).evaluate("image => image.naturalWidth")
        assert width == 16, shows

    found = download(page)
    names = set(found.namelist())
    assert {
        f"001-garden/{name}" for name in ("image.png", "target.png", "inversion.npz", "inversion.safetensors")
    } < names
    told = json.loads(found.read("001-garden/inversion.json"))
    assert told["label"] == "garden.png"
    assert json.loads(found.read("settings.json"))["steps"] == 20
    with np.load(io.BytesIO(found.read("001-garden/inversion.npz"))) as arrays:
        assert arrays["latent"].shape == (8,)
        assert np.isfinite(arrays["latent"]).all()


def test_what_cannot_be_used_says_why_and_harms_no_other(
    open_page: Callable[..., Page], photograph: Path, tmp_path: Path
) -> None:
    text = tmp_path / "letter.jpg"
    text.write_text("Dear Sir or Madam, " * 50)
    page = open_page("/photograph")
    choose(page, text, photograph)

    refused = page.locator(".given.bad")
    expect(refused).to_contain_text("letter.jpg")
    expect(refused.get_by_role("alert")).to_contain_text("cannot be read as an image")
    invert(page)
    expect(finished(page)).to_be_visible()

    assert {name.partition("/")[0] for name in download(page).namelist()} == {"001-garden", "settings.json"}


def test_an_inversion_is_opened_again_by_its_address_and_from_the_list(
    open_page: Callable[..., Page], photograph: Path
) -> None:
    page = open_page("/photograph")
    choose(page, photograph)
    invert(page)
    way = page.url
    page.reload()  # while it may still be going on
    expect(finished(page)).to_be_visible()
    expect(page.get_by_text("garden.png")).to_be_visible()

    page.goto(way.rpartition("/")[0])
    page.locator(f"a[href='{way[way.index('/photograph') :]}']").click()

    expect(finished(page)).to_be_visible()
    assert page.url == way


def test_a_square_is_moved_by_keys_and_numbers_and_a_rectangle_is_hidden(
    open_page: Callable[..., Page], photograph: Path
) -> None:
    page = open_page("/photograph")
    choose(page, photograph)
    square = page.locator(".framing-square")
    expect(square).to_have_attribute("aria-label", re.compile("left 8, top 0, size 48 "))
    square.focus()
    for key in ("-", "-", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    size = 46  # two per cent of 48 pixels are one
    expect(square).to_have_attribute("aria-label", re.compile(f"size {size} "))
    expect(page.get_by_label("Size", exact=True)).to_have_value(str(size))
    for name, value in (("Size", 32), ("Left", 30), ("Top", 2)):
        page.get_by_label(name, exact=True).fill(str(value))
        page.get_by_label(name, exact=True).press("Enter")
    expect(square).to_have_attribute("aria-label", re.compile("left 30, top 2, size 32 "))

    page.get_by_role("button", name="Mask", exact=True).click()
    for name, value in (("Left of the rectangle", 30), ("Top of the rectangle", 2), ("Width", 8), ("Height", 32)):
        page.get_by_label(name, exact=True).fill(str(value))
    page.get_by_role("button", name="Hide it").click()
    expect(page.get_by_text("masked")).to_be_visible()
    invert(page)
    expect(finished(page)).to_be_visible()

    found = Inversion.load(unpacked(download(page), "inversion.safetensors", photograph.parent))
    assert found.framing.crop == (30, 2, 32)
    assert found.framing.mask is not None
    hidden = np.asarray(Image.open(io.BytesIO(found.framing.mask)))
    assert hidden.shape == (48, 64)
    assert not hidden[2:34, 30:38].any()
    assert hidden.sum() == 255 * (48 * 64 - 8 * 32)


def test_a_brush_hides_and_shows_again(open_page: Callable[..., Page], photograph: Path) -> None:
    page = open_page("/photograph")
    choose(page, photograph)
    page.get_by_role("button", name="Mask", exact=True).click()
    canvas = page.locator(".framing canvas")

    def stroke() -> None:
        box = canvas.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"], steps=5)
        page.mouse.up()

    def red(x: float) -> int:
        """How much is drawn over the middle row there."""
        told = canvas.evaluate(
            "(it, x) => it.getContext('2d').getImageData(x * it.width, it.height / 2, 1, 1).data[3]", x
        )
        return int(told)

    stroke()
    expect(page.get_by_text("masked")).to_be_visible()
    assert red(0.45) == 255
    assert red(0.9) == 0
    page.get_by_role("button", name="Show again").click()
    stroke()
    assert red(0.45) == 0
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("masked")).to_be_hidden()


def test_what_was_found_is_pasted_back_at_full_size_on_a_narrow_page(
    open_page: Callable[..., Page], photograph: Path
) -> None:
    page = open_page("/photograph", width=390)
    choose(page, photograph)
    invert(page)
    expect(finished(page)).to_be_visible()
    page.get_by_text("Edit and paste back").click()
    page.get_by_role("button", name="Paste back into the photograph").click()
    link = page.get_by_role("link", name="At full size, 64 × 48 px")
    expect(link).to_be_visible()
    answer = page.request.get(urljoin(page.url, link.get_attribute("href")))
    pasted = np.asarray(Image.open(io.BytesIO(answer.body())))
    before = np.asarray(Image.open(photograph))
    assert pasted.shape == before.shape
    # Beside the square in the middle nothing was touched.
    np.testing.assert_array_equal(pasted[:, :8], before[:, :8])
    assert (pasted[:, 16:48] != before[:, 16:48]).any()
    assert "001-garden/pasted.png" in download(page).namelist()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_page_goes_on_when_the_server_is_back(watched: Watched, live: LiveServer, photograph: Path) -> None:
    studio = StudioProcess(live.target)
    try:
        page = watched.page(studio, "/photograph")
        choose(page, photograph)
        invert(page, steps=100_000)  # more than end during the test
        expect(page.locator(".chart")).to_be_visible()
        live.kill()
        expect(page.get_by_text("The server is away")).to_be_visible()
        words = page.locator(".course [role=status]")
        before = words.inner_text()
        live.start("--listen", live.target)
        expect(page.get_by_text("The server is away")).to_be_hidden()
        expect(words).not_to_have_text(before)
        expect(words).to_contain_text("optimizing")
        page.get_by_role("button", name="Cancel").click()
        expect(words).to_contain_text("was cancelled")
    finally:
        studio.close()


def test_an_inversion_is_deleted_from_the_server_and_forgotten(
    open_page: Callable[..., Page], photograph: Path
) -> None:
    page = open_page("/photograph")
    choose(page, photograph)
    invert(page)
    way = page.url
    page.get_by_role("button", name="Delete from the server").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.wait_for_url("**/photograph")
    expect(page.locator(f"a[href='{way[way.index('/photograph') :]}']")).to_have_count(0)

    page.goto(way)
    expect(page.get_by_role("alert")).to_contain_text("No inversion")
