"""The page of photographs, in a real browser: from a file that is chosen to latents that are downloaded."""

from __future__ import annotations

import base64
import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import numpy as np
import psutil
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from skimage import data

from live_server import LiveServer
from pullback_client import Client, Inversion
from studios import StudioProcess, Watched
from tiny import write_catalogue


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
    if not page.get_by_label("Distance", exact=True).first.is_visible():  # as where it was filled in before
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


def test_what_was_found_is_edited_along_eigen_axes_and_named_directions(
    open_page: Callable[..., Page], server: LiveServer, photograph: Path
) -> None:
    with Client(server.target) as client:
        basis = client.compute_eigenbasis("tiny", distance="mse", samples=64)
        kept = client.discover_directions("tiny", method="sefa", eigenbasis=basis, k=2)
        kept.annotate(1, "glow")
        kept.annotate(0, "")
    page = open_page("/photograph")
    choose(page, photograph)
    invert(page)
    expect(finished(page)).to_be_visible()
    page.get_by_text("Edit and paste back").click()
    page.get_by_role("button", name="Edit with sliders").click()
    edited = page.get_by_alt_text("as it is edited")
    before = edited.get_attribute("src") or ""
    page.get_by_role("combobox", name="Along").click()
    page.get_by_role("option", name="Eigen-axes of z under mse").click()
    page.get_by_role("slider", name="Axis 1", exact=True).fill("2")
    expect(edited).not_to_have_attribute("src", before)
    along_one = edited.get_attribute("src") or ""
    page.get_by_role("group", name="Named directions").get_by_role("slider", name="Axis glow").fill("-1")
    expect(edited).not_to_have_attribute("src", along_one)

    archive = download(page)
    found = Inversion.load(unpacked(archive, "inversion.safetensors", photograph.parent))
    latent = found.latent + 2 * basis.eigenvalues[1] ** -0.5 * basis.eigenvectors[:, 1]
    latent -= kept[1].step * kept[1].vector
    with Client(server.target) as client:
        (expected,) = client.render("tiny", latent.astype(np.float32), noise_maps=found.noise_maps)
    pixels = np.asarray(Image.open(io.BytesIO(archive.read("001-garden/edited.png"))), np.int64)
    # Of latents that differ by rounding.
    assert np.abs(pixels - np.asarray(expected)).max() <= 1

    moved = edited.get_attribute("src") or ""
    page.wait_for_function(
        "Object.keys(sessionStorage).some(key => key.includes('edits') && sessionStorage[key].includes('1~-1'))"
    )
    page.reload()  # which leaves the sliders where they are
    expect(edited).to_have_attribute("src", moved)
    expect(page.get_by_role("slider", name="Axis 1", exact=True)).to_have_value("2")
    expect(page.get_by_role("slider", name="Axis glow")).to_have_value("-1")
    page.get_by_role("button", name="Back to what was found").click()
    expect(page.get_by_role("slider", name="Axis 1", exact=True)).to_have_value("0")
    expect(edited).to_have_attribute("src", before)


def test_options_that_were_filled_in_outlive_a_reload(open_page: Callable[..., Page]) -> None:
    page = open_page("/photograph")
    steps, distance = page.get_by_label("Steps", exact=True), page.get_by_label("Distance", exact=True).first
    method, searched = page.get_by_label("Method", exact=True), page.get_by_role("checkbox", name="Search scale")
    page.get_by_label("Generator", exact=True).click()
    page.get_by_role("option", name="tiny:").click()
    method.click()
    page.get_by_role("option", name="adam", exact=True).click()
    searched.click()
    page.get_by_text("More", exact=True).click()
    distance.fill("mse")
    steps.fill("17")
    page.wait_for_function(
        "Object.keys(sessionStorage).some(key => key.includes('fields') && sessionStorage[key].includes('17'))"
    )
    page.reload()

    expect(steps).to_have_value("17")
    expect(distance).to_be_visible()  # nothing counts unseen
    expect(distance).to_have_value("mse")
    expect(method).to_have_value("adam")
    expect(searched).to_be_checked()
    page.get_by_role("button", name="All to their defaults").click()
    for field in (steps, distance):
        expect(field).to_have_value("")
    expect(method).to_have_value(re.compile("default"))
    expect(searched).not_to_be_checked()
    expect(page.get_by_label("Generator", exact=True)).to_have_value(re.compile("^tiny:"))


def test_the_frame_is_searched_and_several_inversions_are_one_page(
    open_page: Callable[..., Page], photograph: Path
) -> None:
    page = open_page("/photograph")
    choose(page, photograph)
    page.get_by_role("checkbox", name="Search scale and place of the frame as well").click()
    invert(page)
    expect(finished(page)).to_be_visible()
    expect(page.get_by_text(re.compile(r"frame at scale \d\.\d\d, moved by"))).to_be_visible()
    name = page.url.rpartition("/")[2]

    page.get_by_role("link", name="The same ones again, otherwise").click()
    expect(page.locator(".given-name", has_text=photograph.name)).to_be_visible()
    page.get_by_role("checkbox", name="Search scale and place of the frame as well").click()  # still ticked
    invert(page)
    expect(finished(page)).to_be_visible()
    page.goto(f"{page.url},{name}")

    expect(finished(page)).to_have_count(2)
    expect(page.get_by_text("garden.png")).to_have_count(2)
    expect(page.get_by_text("frame at scale")).to_have_count(1)


def test_the_class_is_given_searched_or_left_free(
    watched: Watched, start_server: Callable[..., LiveServer], photograph: Path, tmp_path: Path
) -> None:
    (tmp_path / "classes").mkdir()
    catalogue = write_catalogue(tmp_path / "classes", conditional=True)
    studio = StudioProcess(start_server(PULLBACK_CATALOGUE=str(catalogue)).target)
    try:
        page = watched.page(studio, "/photograph")
        ways = (
            ("green", "GIVEN", "green"),
            ("searched: each class is tried", "SEARCHED", "(red|green|blue)"),
            ("free: between the classes", "FREE", "(red|green|blue)"),  # the nearest one
        )
        for chosen, mode, label in ways:
            page.goto(studio.url + "/photograph")
            choose(page, photograph)
            expect(page.locator(".given")).to_have_count(1)  # nothing is left of the one before
            page.get_by_label("Generator", exact=True).click()
            page.get_by_role("option", name="tiny:").click()
            page.get_by_label("Class", exact=True).click()
            page.get_by_role("option", name=chosen, exact=True).click()
            invert(page, steps=4)
            expect(finished(page)).to_be_visible()
            expect(page.get_by_text(re.compile(f"evaluations, {label}$"))).to_be_visible()
            found = download(page)
            assert json.loads(found.read("settings.json"))["class_mode"] == f"CLASS_MODE_{mode}"
            latent = Inversion.load(unpacked(found, "inversion.safetensors", tmp_path)).latent
            # Between the classes the class part is none of their vectors.
            assert (set(latent[-3:]) == {0, 1}) == (mode != "FREE")
        page.context.close()
    finally:
        studio.close()


def test_photographs_that_no_single_message_holds_are_several_jobs_on_one_page(
    open_page: Callable[..., Page], photograph: Path, tmp_path: Path
) -> None:
    large = [tmp_path / "dawn.bmp", tmp_path / "dusk.bmp"]
    for file, colour in zip(large, ("orange", "navy"), strict=True):
        Image.new("RGB", (3_600, 3_400), colour).save(file)  # 35 MiB each, of the 64 that a message holds
    page = open_page("/photograph")
    choose(page, *large, photograph)
    page.get_by_role("button", name="Frame and mask of garden.png").click()
    expect(page.get_by_role("heading", name="garden.png")).to_be_visible()
    page.get_by_label("Left", exact=True).fill("3")
    page.get_by_label("Left", exact=True).press("Enter")
    expect(page.get_by_text("cropped to 48 px")).to_be_visible()
    invert(page, steps=4)

    assert page.url.rpartition("/")[2].count(",") == 1
    expect(finished(page)).to_have_count(2)
    for whole, names in zip(page.locator(".targets").all(), (["dawn.bmp"], ["dusk.bmp", "garden.png"]), strict=True):
        expect(whole.locator(".target-name")).to_have_text(names)
    # Each is before and after with its own photograph.
    page.get_by_text("Edit and paste back").last.click()
    page.get_by_role("button", name="Paste back into the photograph").last.click()
    expect(page.get_by_role("link", name="At full size, 64 × 48 px")).to_be_visible()

    page.get_by_role("link", name="The same ones again, otherwise").click()
    expect(page.locator(".given-name")).to_have_text(["dawn.bmp", "dusk.bmp", "garden.png"])


def test_a_photograph_of_20_million_pixels_is_dropped_framed_and_inverted(watched: Watched, server: LiveServer) -> None:
    studio = StudioProcess(server.target)  # not the shared one: others' photographs come and go in its memory
    try:
        page = watched.page(studio, "/photograph")
        expect(page.get_by_text("or drop them anywhere")).to_be_visible()
        before = resident(studio)
        page.evaluate(
            """([name, text]) => {
                const data = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                const dropped = new DataTransfer();
                dropped.items.add(new File([data], name, { type: "image/jpeg" }));
                window.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped }));
            }""",
            ["camera.jpg", base64.b64encode(camera_photograph()).decode()],
        )
        expect(page.get_by_text("5472 × 3648 px")).to_be_visible()
        seen = page.get_by_alt_text("camera.jpg").first
        assert seen.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
        for name, value in (("Size", 2_000), ("Left", 1_500), ("Top", 300)):
            page.get_by_label(name, exact=True).fill(str(value))
            page.get_by_label(name, exact=True).press("Enter")
        expect(page.get_by_text("cropped to 2000 px")).to_be_visible()
        invert(page, steps=4)
        expect(finished(page)).to_be_visible()
        assert page.get_by_alt_text("the photograph").evaluate("image => image.naturalWidth") == 16

        # Its pixels alone take 57 MiB; a picture may be made of them still.
        deadline = time.monotonic() + 60
        while resident(studio) - before >= 40:
            assert time.monotonic() < deadline
            page.wait_for_timeout(500)
        page.context.close()
    finally:
        studio.close()


def camera_photograph() -> bytes:
    """A picture over a slope of brightness, as large as a camera makes it."""
    picture = Image.fromarray(data.astronaut()).resize((5472, 3648), Image.Resampling.BICUBIC)
    slope = Image.linear_gradient("L").resize(picture.size).convert("RGB")
    buffer = io.BytesIO()
    Image.blend(picture, slope, 0.3).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def resident(studio: StudioProcess) -> float:
    """MiB of memory that the studio has."""
    return float(psutil.Process(studio.pid).memory_info().rss / 2**20)


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
        # Without its studio it would ask in vain, and say so.
        page.context.close()
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
