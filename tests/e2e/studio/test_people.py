"""People as the black box, in a browser: by keys alone, with nothing lost when a page goes away."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from live_server import LiveServer
from pullback_client import Client, EvolutionSession
from pullback_client.studio.people.answers import Answer, answers_of
from pullback_client.studio.people.design import Design
from studios import StudioProcess, Watched

POPULATION = 4
FAST: dict[str, Any] = {"fixation_ms": 30, "blank_ms": 10}

Open = Callable[..., Page]


@pytest.fixture
def client(server: LiveServer) -> Client:
    """A client of the shared server."""
    return Client(server.target, timeout=60)


def begun(client: Client, design: Design, *, generations: int = 1, title: str = "") -> EvolutionSession:
    """A session of this design."""
    return client.evolve(
        "tiny",
        optimizer="cma",
        population=POPULATION,
        max_generations=generations,
        repetitions=design.repetitions,
        max_shows=100,
        notes=design.to_notes(),
        title=title,
    )


def way(session: EvolutionSession, observer: str = "") -> str:
    return f"/{session.name.replace('sessions', 'people')}/observe" + (f"?observer={observer}" if observer else "")


def phase(page: Page, *names: str) -> None:
    """Waits until the observer sees that."""
    expect(page.locator(".observer")).to_have_attribute("data-phase", re.compile("|".join(names)))


def answer(page: Page, *keys: str, while_seen: bool = True) -> None:
    """Presses keys when images are seen, or were, and waits until the answer is taken."""
    phase(page, "images", *(() if while_seen else ("answer",)))
    observer = page.locator(".observer")
    before = int(observer.get_attribute("data-answered") or 0)
    for key in keys:
        page.keyboard.press(key)
    expect(observer).to_have_attribute("data-answered", str(before + 1))


def answers(session: EvolutionSession) -> list[Answer]:
    return [found for found, _ in answers_of(session.history().trials)]


def until(page: Page, condition: Callable[[], bool]) -> None:
    """Waits, while the page goes on."""
    for _ in range(600):
        if condition():
            return
        page.wait_for_timeout(200)
    raise AssertionError("it did not come to that")


def test_a_session_is_set_up_and_rated_for_two_generations_by_keys_alone(open_page: Open, client: Client) -> None:
    page = open_page("/people/new")
    expect(page.get_by_label("Generator")).to_be_visible()
    page.get_by_label("Title, which observers see").fill("More like a cat")
    for label, value in (
        ("Images of a generation", "4"),
        ("Generations", "2"),
        ("Fixation cross (ms)", "30"),
        ("Blank after the answer (ms)", "10"),
    ):
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_label("Method").click()
    page.get_by_role("option", name="cma: ranks within a generation", exact=True).click()
    page.get_by_role("button", name="Make the session").click()
    page.wait_for_url(re.compile(r"/people/(?!new)\w+$"))
    session = client.get_session(page.url.rpartition("/")[2])
    expect(page.get_by_text("0 / 4")).to_be_visible()

    page.goto(page.url + "/observe")
    page.keyboard.type("Anna")  # the field has the focus
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="More like a cat")).to_be_visible()
    page.keyboard.press("Space")
    for number in range(2 * POPULATION):
        answer(page, str(1 + number))
    expect(page.get_by_text("That was the last image. Thank you!")).to_be_visible()

    history = session.history()
    assert history.status.finished
    told = answers(session)
    assert sorted(each.value for each in told) == list(range(1, 9))
    assert {each.observer for each in told} == {"Anna"}
    assert [generation.summary.scored for generation in history.generations] == [POPULATION] * 2
    for each in told:
        assert 0 < each.reaction_ms <= each.shown_ms + 1000
        assert each.fixation_ms >= 30 - 17
        assert abs(each.onset_s - history.status.created.timestamp()) < 3600


def test_a_reload_and_a_closed_tab_lose_nothing(open_page: Open, client: Client) -> None:
    session = begun(client, Design(answers=1, **FAST))
    page = open_page(way(session, "anna"))
    page.keyboard.press("Space")
    answer(page, "3")
    phase(page, "images")
    shown = page.locator(".observer img").get_attribute("src")

    page.reload()
    page.keyboard.press("Space")
    phase(page, "images")
    assert page.locator(".observer img").get_attribute("src") == shown, "it goes on where it was"
    context, address = page.context, page.url
    page.close()

    assert session.status().trials == 1, "what was not answered is no score"
    page = context.new_page()
    page.goto(address)
    page.keyboard.press("Space")
    for _ in range(POPULATION - 1):
        answer(page, "5")
    expect(page.get_by_text("Thank you!")).to_be_visible()
    assert len(answers(session)) == POPULATION


def test_escape_breaks_a_trial_off_and_it_is_asked_again(open_page: Open, client: Client) -> None:
    session = begun(client, Design("choose", 3, 1, combination="share", **FAST))
    page = open_page(way(session, "anna"))
    page.keyboard.press("Space")
    phase(page, "images")
    first = [image.get_attribute("src") for image in page.locator(".observer img").all()]
    page.keyboard.press("Escape")
    expect(page.get_by_text("Paused.")).to_be_visible()
    page.keyboard.press("3")  # says nothing while it rests
    page.keyboard.press("Space")

    phase(page, "images")
    assert [image.get_attribute("src") for image in page.locator(".observer img").all()] == first
    assert session.status().trials == 0
    answer(page, "ArrowRight", "ArrowRight", "Space")
    until(page, lambda: len(answers(session)) == 1)
    assert answers(session)[0].value == 1, "the mark goes to the first image, and on to the second"


def test_two_observers_compare_until_both_have_judged_everything(open_page: Open, client: Client) -> None:
    names = ("Anna", "Ben Ö.")
    design = Design(
        "compare",
        2,
        2,
        sharing="everyone",
        observers=names,
        combination="bradley_terry",
        stimulus_ms=50,
        instructions="Which one is more like a cat?",
        **FAST,
    )
    session = begun(client, design)
    pages = []
    for name in names:
        page = open_page(way(session))
        page.get_by_label("Your name").select_option(name)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Which one is more like a cat?")).to_be_visible()
        page.keyboard.press("Space")
        pages.append(page)

    for _ in range(POPULATION):
        for page in pages:
            # The images have gone by then; the answer is still awaited.
            answer(page, "ArrowLeft", while_seen=False)
    for page in pages:
        expect(page.get_by_text("Thank you!")).to_be_visible()

    told = answers(session)
    by_observer = {
        name: sorted(image for each in told if each.observer == name for image in each.images) for name in names
    }
    assert by_observer["Anna"] == by_observer["Ben Ö."]
    assert session.status().finished
    assert abs(session.generation(0, 0).scores.mean()) < 1e-9


def test_the_experimenter_sees_answers_and_takes_them_along(open_page: Open, client: Client, tmp_path: Path) -> None:
    session = begun(client, Design(answers=1, **FAST), generations=2, title="<b>Cats</b>")
    watching = open_page(way(session).removesuffix("/observe"))
    expect(watching.get_by_text("0 / 4")).to_be_visible()
    observer = open_page(way(session, "anna"))
    observer.keyboard.press("Space")
    for _ in range(POPULATION):
        answer(observer, "7")

    expect(watching.get_by_role("row", name=re.compile("anna here"))).to_be_visible()
    expect(watching.get_by_role("img", name="the best image so far")).to_be_visible()
    with watching.expect_download() as download:
        watching.get_by_role("button", name="Answers (CSV)").click()
    download.value.save_as(tmp_path / "answers.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "answers.csv").read_text())))
    assert [row["answer"] for row in rows] == ["7"] * POPULATION

    watching.get_by_role("button", name="Pause").click()
    expect(watching.get_by_text("paused", exact=True)).to_be_visible()
    watching.get_by_role("button", name="End the session").click()
    watching.get_by_role("button", name="End it").click()
    expect(watching.get_by_text("closed", exact=True)).to_be_visible()
    expect(observer.get_by_text("The session is over. Thank you!")).to_be_visible()


def test_another_window_of_an_observer_takes_over(open_page: Open, client: Client) -> None:
    session = begun(client, Design(answers=1, **FAST))
    first = open_page(way(session, "anna"))
    first.keyboard.press("Space")
    phase(first, "images")

    second = open_page(way(session, "anna"))

    expect(first.get_by_text("observes in another window")).to_be_visible()
    second.keyboard.press("Space")
    answer(second, "4")


def test_a_server_that_is_away_for_a_while_costs_no_answer(live: LiveServer, watched: Watched) -> None:
    session = begun(Client(live.target, timeout=60), Design(answers=1, **FAST))
    with closing(StudioProcess(live.target)) as studio:
        page = watched.page(studio, way(session, "anna"))
        page.keyboard.press("Space")
        answer(page, "2")
        phase(page, "images")
        live.kill()
        page.keyboard.press("3")
        page.wait_for_timeout(500)
        live.start("--listen", live.target)

        for _ in range(POPULATION - 2):
            answer(page, "4")
        expect(page.get_by_text("Thank you!")).to_be_visible()
        assert sorted(each.value for each in answers(session)) == [2, 3, 4, 4]
        page.context.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("Images of a generation", "2"), "too small to show 4"),
        (("Answers to each image", ""), "expected a whole number"),
    ],
)
def test_a_set_up_that_cannot_be_is_said(open_page: Open, change: tuple[str, str], said: str) -> None:
    page = open_page("/people/new", width=390)
    page.get_by_text("Choose the best of several").click()
    page.get_by_label(change[0], exact=True).fill(change[1])
    page.get_by_role("button", name="Make the session").click()

    expect(page.get_by_text(said)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_strangers_to_a_session_and_other_sessions_are_told_so(open_page: Open, client: Client) -> None:
    session = begun(client, Design(answers=1, sharing="everyone", observers=("anna",), **FAST))
    other = client.evolve("tiny", optimizer="cma", population=POPULATION)

    expect(open_page(way(session, "carl")).get_by_role("alert")).to_contain_text("none of the observers")
    expect(open_page(way(other, "carl")).get_by_role("alert")).to_contain_text("not scored by people")
    expect(open_page("/people/nothing/observe").get_by_role("alert")).to_contain_text("nothing")
    page = open_page("/people")
    expect(page.get_by_role("link", name="Observe").first).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_an_observers_page_fits_a_phone(open_page: Open, client: Client, width: int) -> None:
    session = begun(client, Design("choose", 4, 1, combination="share", **FAST))
    page = open_page(way(session, "anna"), width=width, height=800)
    page.keyboard.press("Space")
    phase(page, "images")

    for image in page.locator(".observer img").all():
        box = image.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    page.locator(".observer img").first.click()
    phase(page, "blank", "fixation", "waiting")
