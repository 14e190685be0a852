"""Report in a browser: computed on demand, shown in the page, kept on the server."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from in_process import InProcessServer
from studios import StudioProcess, Watched


def test_a_report_is_computed_shown_downloaded_and_found_again(watched: Watched) -> None:
    with InProcessServer() as server:
        studio = StudioProcess(server.target)
        page = watched.page(studio, "/report")
        page.get_by_role("link", name="faces", exact=True).click()
        expect(page.get_by_role("heading", name="Report of faces")).to_be_visible()
        page.get_by_role("button", name="Compute").click()

        frame = page.frame_locator("iframe[title=Report]")
        expect(frame.get_by_role("heading", name="Geometry of faces")).to_be_visible()
        assert frame.locator("img").first.evaluate("image => image.naturalWidth") > 0
        with page.expect_download() as download:
            page.get_by_role("button", name="Download").click()
        with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as archive:
            assert {"report.html", "report.json", "spectra.png"} <= set(archive.namelist())

        page.reload()

        page.get_by_role("button", name="Show the report of").first.click()
        expect(frame.get_by_role("heading", name="Geometry of faces")).to_be_visible()
        page.context.close()
        assert "Traceback" not in studio.close()


def test_a_generator_that_is_not_there_is_said(open_page: Callable[..., Page]) -> None:
    page = open_page("/report/nosuch")

    expect(page.get_by_role("alert")).to_contain_text("nosuch")
