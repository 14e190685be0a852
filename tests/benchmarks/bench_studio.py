"""`make bench-studio`: what those who use the studio wait for, and what ten tabs take.

A server with `faces` and an eigenbasis, a studio and Chromium, all on this machine. Three parts. `paint`: from the
request to the first content of home and of Explore; `slider`: sliders are dragged by the mouse, and of every input
event it is measured when an image has loaded that it, or a newer one, led to; `memory`: of the studio's process, with
ten tabs of Explore. GENERATOR asks for another one than `faces`; QUICK=1 drags one slider.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import BrowserContext, Page, sync_playwright
from reporting import QUICK, Figure, Report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from live_server import LiveServer
from pullback_client import Client
from studios import BROWSERS, StudioProcess

GENERATOR = os.environ.get("GENERATOR", "faces")
DRAGS, LOOKS = (1, 2) if QUICK else (6, 7)
# Of the eigenbasis, on whose quality no time depends.
PROBES = 100
# On two processors that do nothing else.
SLIDER_P95_MS = 200
TABS, MOVES, PAUSE_MS, PATIENCE_MS = 10, 60, 25, 300_000
SETTLING_SECONDS = 2
_WATCH = """() => {
  const image = document.querySelector("img.explore-image");
  const asked = new Map(), waited = [];
  let moves = 0;
  const look = () => {
    if (!image.complete) return;
    const now = performance.now(), shown = Number(image.dataset.moves);
    for (const [move, then] of asked) if (move <= shown) { waited.push(now - then); asked.delete(move); }
  };
  document.addEventListener("input", (event) => {
    if (event.target.type === "range") asked.set(++moves, performance.now());
  }, true);
  image.addEventListener("load", look);
  // A hand that comes back where it was has the image without a load.
  new MutationObserver(look).observe(image, { attributeFilter: ["data-moves"] });
  window.sliders = { asked, waited };
}"""


def main() -> None:
    """Runs the parts that $ONLY names."""
    report = Report("studio")
    with (
        tempfile.TemporaryDirectory() as folder,
        LiveServer(Path(folder) / "data", dict(os.environ)) as server,
        sync_playwright() as playwright,
    ):
        with Client(server.target) as client:
            client.compute_eigenbasis(GENERATOR, samples=PROBES, progress=False)
        path = next(path for path in BROWSERS if Path(path).exists())
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        studio = StudioProcess(server.target)
        try:
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
            page.goto(studio.way_in)
            report.run(
                {
                    "paint": lambda: paint(report, page, studio),
                    "slider": lambda: slider(report, page, studio),
                    "memory": lambda: memory(report, context, studio),
                }
            )
        finally:
            browser.close()
            studio.close()


def paint(report: Report, page: Page, studio: StudioProcess) -> None:
    """First content of pages."""
    for name, address in (("home", f"{studio.url}/"), ("explore", explore(studio))):
        taken = []
        for _ in range(LOOKS):
            page.goto(address, wait_until="load")
            page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
            found = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            taken.append(float(found))
        made_of = f"median of {LOOKS}, at most {max(taken):.0f} ms; {load()}"
        report.add(Figure(f"first paint of {name}, ms", float(np.median(taken)), detail=made_of))


def slider(report: Report, page: Page, studio: StudioProcess) -> None:
    """From an input event to its image."""
    page.goto(explore(studio))
    page.wait_for_selector("img.explore-image[src^='data:']")
    page.evaluate(_WATCH)
    before = load()
    for number in range(DRAGS):
        drag(page, number)
    page.wait_for_function("window.sliders.asked.size === 0")
    waited: list[float] = page.evaluate("window.sliders.waited")
    p95 = float(np.percentile(waited, 95))
    made_of = f"{len(waited)} events, median {np.median(waited):.0f} ms, at most {max(waited):.0f} ms; {before}"
    report.add(
        Figure(
            "slider to image, p95, ms", p95, f"at most {SLIDER_P95_MS}", reached=p95 <= SLIDER_P95_MS, detail=made_of
        )
    )


def drag(page: Page, number: int) -> None:
    """Drags a slider to one side, to the other, and back."""
    box = page.locator(".bank-range").nth(number).bounding_box()
    if box is None:
        raise RuntimeError(f"slider {number} is not on the page")
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    for step in range(1, MOVES + 1):
        across = 0.5 + 0.4 * float(np.sin(2 * np.pi * step / MOVES))
        page.mouse.move(box["x"] + box["width"] * across, middle)
        page.wait_for_timeout(PAUSE_MS)
    page.mouse.up()


def memory(report: Report, context: BrowserContext, studio: StudioProcess) -> None:
    """Of the studio's process."""
    process = psutil.Process(studio.pid)
    alone = process.memory_full_info().uss
    for _ in range(TABS - len(context.pages)):
        tab = context.new_page()
        tab.goto(explore(studio))
        tab.wait_for_selector("img.explore-image[src^='data:']")
    time.sleep(SETTLING_SECONDS)
    whole = process.memory_full_info().uss
    made_of = f"its own pages (USS); with one tab {alone / 2**20:.0f} MiB"
    report.add(Figure(f"memory of the studio with {TABS} tabs, MiB", whole / 2**20, detail=made_of))


def explore(studio: StudioProcess) -> str:
    """Address of Explore."""
    return f"{studio.url}/explore/{GENERATOR}"


def load() -> str:
    """What else this machine is at."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


if __name__ == "__main__":
    main()
