"""A studio over a live server, and a real browser that looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from live_server import LiveServer
from studios import BROWSERS, PATIENCE_MS, StudioProcess, Watched


# Of a module: while Playwright is there, no test of the same process can run an event loop of its own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; tests are skipped where there is none."""
    found = next((path for path in BROWSERS if Path(path).exists()), None)
    if found is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def studio(server: LiveServer) -> Iterator[StudioProcess]:
    """A studio of the server that every test may use and none may harm."""
    studio = StudioProcess(server.target)
    yield studio
    log = studio.close()
    assert "Traceback" not in log, log[-4000:]


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """Makes pages; in the end there was no error in a console, and no request to elsewhere."""
    watched = Watched(browser)
    yield watched
    for context in list(browser.contexts):
        context.close()
    assert watched.faults == []


@pytest.fixture
def open_page(watched: Watched, studio: StudioProcess) -> Callable[..., Page]:
    """Opens a page of the shared studio: `open_page("/explore", width=390)`."""
    return lambda path="/", **options: watched.page(studio, path, **options)
