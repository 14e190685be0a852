"""Evolution in a browser: the list, however long, and one session as it goes on."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from in_process import InProcessServer
from live_server import LiveServer
from pullback_api.v1.search_pb2 import Session, SessionSpec
from pullback_client import Client, EvolutionSession
from pullback_server.store import Store
from pullback_server.store.records import SessionChange, SessionRecord
from studios import StudioProcess, Watched

POPULATION = 4


def brightness(image: object) -> float:
    return float(np.asarray(image, float).mean())


@pytest.fixture
def session(server: LiveServer) -> Iterator[EvolutionSession]:
    """A session of `tiny` with one generation told, of which one trial failed."""
    with Client(server.target) as client:
        session = client.evolve("tiny", title="brightness", optimizer="cma", population=POPULATION)
        batch = session.next_batch()
        assert batch is not None
        scores = [brightness(image) for image in batch.images]
        session.tell(batch, [*scores[:-1], float("nan")])
        yield session
        session.close()


def tell_generation(session: EvolutionSession) -> None:
    """Scores whatever is left of the open generation."""
    before = session.status().threads[0].generations
    while session.status().threads[0].generations == before:
        batch = session.next_batch()
        assert batch is not None
        session.tell(batch, [brightness(image) for image in batch.images])


def path_of(session: EvolutionSession) -> str:
    return f"/evolution/{session.name.removeprefix('sessions/')}"


def test_a_session_is_shown_as_it_goes_on(open_page: Callable[..., Page], session: EvolutionSession) -> None:
    page = open_page(path_of(session))
    expect(page.get_by_role("heading", name="brightness")).to_be_visible()
    expect(page.get_by_role("region", name="Trials without a score")).to_contain_text("failed")
    told = session.status().trials
    expect(page.get_by_text(f"{told} trials told")).to_be_visible()

    tell_generation(session)
    tell_generation(session)

    best = session.best()
    assert best is not None
    expect(page.get_by_text(f"Best so far: {best.score:.4g}")).to_be_visible()
    expect(page.get_by_role("img", name=f"Best image so far, {best.image_id}")).to_be_visible()
    expect(page.get_by_role("img", name="Scores of brightness by generation")).to_be_visible()
    expect(page.get_by_role("region", name="Threads")).to_contain_text(f"{best.score:.4g}")


def test_it_is_paused_resumed_and_closed_from_the_page(
    open_page: Callable[..., Page], session: EvolutionSession
) -> None:
    page = open_page(path_of(session))
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    assert session.status().state.value == "paused"
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    assert session.status().state.value == "active"

    page.get_by_role("button", name="Close …").click()
    page.get_by_role("button", name="Keep it open").click()
    assert session.status().state.value == "active"
    page.get_by_role("button", name="Close …").click()
    page.get_by_role("button", name="Close it").click()

    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    assert session.status().state.value == "closed"


def test_trials_that_are_out_are_shown_and_taken_back(
    open_page: Callable[..., Page], session: EvolutionSession, server: LiveServer
) -> None:
    page = open_page(path_of(session))
    with Client(server.target) as client:
        other = client.get_session(session.name, client_name="rig 2")
        batch = other.next_batch()
        assert batch is not None
        back = page.get_by_role("button", name="Take back the trials of rig 2")
        expect(back).to_be_visible()
        back.click()
        expect(page.get_by_text(f"{len(batch)} trials taken back")).to_be_visible()

    assert session.status().pending == ()


def test_the_export_holds_what_the_client_exports(
    open_page: Callable[..., Page], session: EvolutionSession, tmp_path: Path
) -> None:
    page = open_page(path_of(session))
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()

    with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as archive:
        names = {name.removeprefix("session/") for name in archive.namelist()}
    own = session.export(tmp_path / "own", images=True)
    assert names == {str(file.relative_to(tmp_path / "own")) for file in own}


def test_a_thousand_sessions_are_searched_and_opened_by_the_keyboard(watched: Watched, tmp_path: Path) -> None:
    server = InProcessServer(tmp_path / "data")
    with server, Client(server.target) as client:
        client.evolve("faces", title="one", optimizer="random", population=2).close()
    multiply(tmp_path / "data", 1_000)
    with server:
        studio = StudioProcess(server.target)
        page = watched.page(studio, "/evolution")
        expect(page.get_by_text("1000 sessions")).to_be_visible()

        page.get_by_label("Search").fill("number 0017")

        link = page.get_by_role("link", name="number 0017", exact=True)
        expect(link).to_be_visible()
        expect(page.get_by_role("link", name="number 0018", exact=True)).to_have_count(0)
        link.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="number 0017")).to_be_visible()
        page.context.close()
        assert "Traceback" not in studio.close()


def multiply(data: Path, count: int) -> None:
    """Makes of a stopped server's only session so many, with titles of their own; faster than asking for each."""
    with closing(Store(data)) as store:
        (one,) = (record for _, record in store.sessions.records(limit=10) if isinstance(record, SessionRecord))
        events = tuple(store.sessions.events(one.id))
        for number in range(1, count):
            spec, summary = SessionSpec.FromString(one.spec), Session.FromString(one.summary)
            spec.title, summary.name = f"number {number:04d}", f"sessions/number{number:04d}"
            store.sessions.create(
                f"number{number:04d}",
                request_id=None,
                request_digest="",
                spec=spec.SerializeToString(),
                change=SessionChange(events, one.state, evolving=False, summary=summary.SerializeToString()),
                title=spec.title,
            )


def test_a_session_that_is_not_there_is_said(open_page: Callable[..., Page]) -> None:
    page = open_page("/evolution/nosuchsession")

    expect(page.get_by_role("alert")).to_contain_text("nosuchsession")


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_sticks_out_sideways(open_page: Callable[..., Page], session: EvolutionSession, width: int) -> None:
    page = open_page(path_of(session), width=width)
    expect(page.get_by_role("heading", name="brightness")).to_be_visible()

    assert page.evaluate("document.documentElement.scrollWidth") <= width
