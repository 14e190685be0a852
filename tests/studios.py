"""A studio in a process of its own over a server, and what a browser sees of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from playwright.sync_api import Browser, Page

from lifelines import ending_with_us

BROWSERS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
# A loaded machine, and a worker that loads its networks first.
PATIENCE_MS = 240_000


class StudioProcess:
    """`pullback studio` for a server, on any free port."""

    def __init__(self, target: str, *options: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            ending_with_us(
                *(sys.executable, "-m", "pullback_client", "studio", "--target", target),
                *("--listen", "127.0.0.1:0", *options),
            ),
            env={**os.environ, "COLUMNS": "200", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        match = re.search(r"open (?P<url>https?://[^/\s]+)(?P<way>/enter\?code=\w+)?", line)
        if match is None:
            self._process.kill()
            raise AssertionError(f"the studio did not start: {line!r} {self._process.communicate()[1][-2000:]}")
        self.url = match["url"]
        self.way_in = self.url + (match["way"] or "/enter")

    @property
    def pid(self) -> int:
        """Number of its process."""
        return self._process.pid

    def close(self) -> str:
        """Ends it; what it wrote to its log."""
        self._process.terminate()
        try:
            log = self._process.communicate(timeout=60)[1]
        except subprocess.TimeoutExpired:
            self._process.kill()
            log = self._process.communicate()[1]
            raise AssertionError(f"the studio did not end: {log[-2000:]}") from None
        return str(log)


@dataclass
class Watched:
    """Pages of a browser, and what went wrong on them.

    Attributes:
        allowed: Texts of console errors that the test brings about itself.
    """

    browser: Browser
    faults: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def page(
        self, studio: StudioProcess, path: str = "/", *, width: int = 1440, height: int = 900, **options: Any
    ) -> Page:
        """A page of a visitor of its own, who has come in by the code."""
        context = self.browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        self.watch(page, studio.url)
        # The cookie of the code, without the first page, which a browser takes a second to draw.
        entered = context.request.get(studio.way_in, max_redirects=0)
        assert entered.ok or entered.status == HTTPStatus.SEE_OTHER
        page.goto(studio.url + path)
        return page

    def watch(self, page: Page, url: str) -> None:
        """Notes errors of a page, and requests to elsewhere."""
        page.on("console", lambda told: self._note(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: self._note(str(error)))
        own = (url, url.replace("http", "ws", 1), "data:", "blob:")
        page.on("request", lambda request: None if request.url.startswith(own) else self._note(f"asks {request.url}"))

    def _note(self, fault: str) -> None:
        if not any(text in fault for text in self.allowed):
            self.faults.append(fault)
