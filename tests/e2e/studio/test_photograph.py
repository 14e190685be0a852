"""The page of photographs, in a real browser: from a file that is chosen to latents that are downloaded."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect


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
