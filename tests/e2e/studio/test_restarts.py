"""Restarts under open pages: of the server, and of the studio itself. Nothing is lost without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from in_process import InProcessServer
from pullback_client import Client, EvolutionSession
from pullback_client.studio.people.answers import answers_of
from pullback_client.studio.people.design import Design
from studios import StudioProcess, Watched

POPULATION = 4
# Of a studio that is away.
REFUSED = ["ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "WebSocket"]
AWAY = "The server does not answer"
ANEW = "has been loaded anew"


@pytest.fixture(scope="module")
def stub() -> Iterator[InProcessServer]:
    """A server without processes, whose restart takes a moment."""
    with InProcessServer() as server:
        yield server


def judged(client: Client) -> EvolutionSession:
    """A session of one generation that one observer rates."""
    design = Design(answers=1, fixation_ms=30, blank_ms=10)
    return client.evolve(
        "faces",
        optimizer="cma",
        population=POPULATION,
        max_generations=1,
        repetitions=design.repetitions,
        max_shows=100,
        notes=design.to_notes(),
        title="judged",
    )


def another(context: BrowserContext, watched: Watched, studio: StudioProcess, path: str) -> Page:
    """A further page of the same visitor."""
    page = context.new_page()
    watched.watch(page, studio.url)
    page.goto(studio.url + path)
    return page


def rate(page: Page, number: int) -> None:
    """Rates what is seen, and waits until the answer is taken."""
    observer = page.locator(".observer")
    expect(observer).to_have_attribute("data-phase", "images")
    before = int(observer.get_attribute("data-answered") or 0)
    page.keyboard.press(str(number))
    expect(observer).to_have_attribute("data-answered", str(before + 1))


def test_pages_say_that_the_server_is_away_and_go_on_when_it_is_back(stub: InProcessServer, watched: Watched) -> None:
    with Client(stub.target, timeout=60) as client:
        session = judged(client)
        studio = StudioProcess(stub.target)
        name = session.name.removeprefix("sessions/")
        home = watched.page(studio, "/")
        people = another(home.context, watched, studio, f"/people/{name}")
        evolution = another(home.context, watched, studio, f"/evolution/{name}")
        report = another(home.context, watched, studio, "/report/faces")
        stub.bench.hold = True
        report.get_by_role("button", name="Compute").click()
        expect(report.get_by_text("Analysis: running")).to_be_visible()
        for page in (people, evolution):
            expect(page.get_by_role("heading", name="judged")).to_be_visible()
        expect(home.get_by_text("jobs: 1 running")).to_be_visible()

        stub.stop()

        expect(home.get_by_text("No state of the server")).to_be_visible()
        for page in (people, evolution):
            expect(page.get_by_text(AWAY)).to_be_visible()
        expect(report.get_by_text("the server is away")).to_be_visible()

        stub.bench.hold = False
        stub.start()

        expect(report.frame_locator("iframe[title=Report]").get_by_role("heading", name="Geometry of")).to_be_visible()
        for page in (people, evolution):
            expect(page.get_by_text(AWAY)).to_be_hidden()
        expect(home.get_by_text("jobs: 0 running")).to_be_visible()
        batch = session.next_batch()
        assert batch is not None
        session.tell(batch, [1.0] * len(batch))
        expect(evolution.get_by_text(f"{POPULATION} trials told")).to_be_visible()
        # What went wrong for a while is not told again and again.
        for page in (home, people, evolution, report):
            expect(page.locator(".told")).to_have_count(0)
    home.context.close()
    assert "Traceback" not in studio.close()


def test_a_studio_that_is_restarted_keeps_answers_and_says_what_is_gone(
    stub: InProcessServer, watched: Watched, tmp_path: Path
) -> None:
    Image.new("RGB", (48, 48), "teal").save(tmp_path / "garden.png")
    with Client(stub.target, timeout=60) as client:
        client.compute_eigenbasis("faces", progress=False)
        session = judged(client)
        key = client.create_key("eve").token
        studio = StudioProcess(stub.target)
        observer = f"/people/{session.name.removeprefix('sessions/')}/observe?observer=ann"
        home = watched.page(studio, "/")
        ann = another(home.context, watched, studio, observer)
        ann.keyboard.press("Space")
        rate(ann, 3)
        photograph = another(home.context, watched, studio, "/photograph")
        photograph.locator("input[type=file]").set_input_files(tmp_path / "garden.png")
        expect(photograph.locator(".given-name", has_text="garden.png")).to_be_visible()
        study = another(home.context, watched, studio, "/people/study")
        begin_study(study)
        study.get_by_role("radiogroup", name="Do you see any change").get_by_role("radio", name="No").click()
        study.get_by_role("button", name="Next").click()
        expect(study.get_by_text("1 of 3 trials answered")).to_be_visible()
        eve = another(watched.browser.new_context(), watched, studio, "/enter")
        come_in(eve, key)
        eve.goto(studio.url + "/report/faces")
        expect(eve.get_by_role("button", name="Compute")).to_be_visible()

        watched.allowed += REFUSED
        assert "Traceback" not in studio.close()
        studio = StudioProcess(stub.target, "--listen", studio.url.removeprefix("http://"))

        expect(photograph.get_by_text(ANEW)).to_contain_text("have to be given again")
        photograph.get_by_role("button", name="Close").click()
        expect(photograph.get_by_text(ANEW)).to_have_count(0)
        expect(study.get_by_text(ANEW)).to_contain_text("kept by this browser")
        study.get_by_role("button", name="Go on: Ann, faces").click()
        expect(study.get_by_text("1 of 3 trials answered")).to_be_visible()
        expect(home.get_by_role("heading", name="faces", exact=True)).to_be_visible()
        expect(home.get_by_text(ANEW)).to_have_count(0)
        # A key is nowhere written down, and so is asked for.
        expect(eve.get_by_role("alert")).to_contain_text("does not know you any more")
        come_in(eve, key)
        expect(eve).to_have_url(f"{studio.url}/report/faces")

        ann.keyboard.press("Space")
        for _ in range(POPULATION - 1):
            rate(ann, 5)
        expect(ann.get_by_text("Thank you!")).to_be_visible()
        assert sorted(each.value for each, _ in answers_of(session.history().trials)) == [3, 5, 5, 5]
    for page in (home, eve):
        page.context.close()
    assert "Traceback" not in studio.close()


def begin_study(page: Page) -> None:
    """A study of an axis of each group."""
    page.get_by_label("Generator").click()
    page.get_by_role("option", name="faces", exact=True).click()
    expect(page.get_by_label("Eigenbasis")).not_to_have_value("")
    for label, value in (
        ("Observer", "Ann"),
        ("Reference images of a trial", "2"),
        ("Axes of each group", "1"),
        ("Leading axes left out (orthogonal)", "2"),
        ("Images along an axis (odd)", "3"),
    ):
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_text(re.compile("0 of 3 trials answered"))).to_be_visible()


def come_in(page: Page, key: str) -> None:
    """Comes in by a key."""
    page.get_by_label("Key").fill(key)
    page.get_by_role("button", name="Come in").click()
