"""What notebooks show of results: markup that is whole, says the numbers, and asks nobody for anything."""

from __future__ import annotations

import base64
import io
import re
import sys
from datetime import datetime, timezone
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from in_process import DIM, InProcessServer
from pullback_client import Client
from pullback_client.jobs.events import JobEvent, JobState, Portion, Progress
from pullback_client.jobs.progress import reporting
from pullback_client.text import markup


class Page(HTMLParser):
    """Elements of markup, which must be closed in the order in which they were opened."""

    _VOID = ("img",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.pictures: list[tuple[dict[str, str | None], bytes]] = []
        self.words = ""
        self.tags: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        if tag == "img":
            head, _, data = str(given["src"]).partition(",")
            assert re.fullmatch(r"data:image/(png|gif);base64", head)
            self.pictures.append((given, base64.b64decode(data)))
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data + " "


def shown(thing: Any) -> Page:
    text = thing._repr_html_()
    # No script, and nothing from elsewhere.
    assert "http" not in text
    page = Page(text)
    assert "script" not in page.tags
    for given, data in page.pictures:
        assert given["alt"]
        Image.open(io.BytesIO(data)).load()
    return page


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "<me> & you.png"
    Image.new("RGB", (20, 20), "red").save(path)
    return path


def test_an_inversion_shows_both_pictures_and_its_course(client: Client, photo: Path) -> None:
    found = client.invert(photo, "faces", method="adam")
    page = shown(found)
    assert len(page.pictures) == 2
    assert "<me> & you" in page.words
    assert f"{found.distance:.4g}" in page.words
    assert "polyline" in page.tags
    assert Image.open(io.BytesIO(found._repr_png_())).size == found.image.size


def test_walks_and_edits_show_their_frames(client: Client, photo: Path) -> None:
    walk = client.traverse(np.zeros(DIM), "hessian:0", generator="faces")
    page = shown(walk)
    assert len(page.pictures) == 2
    assert "9 frames in z" in page.words
    assert Image.open(io.BytesIO(walk._repr_png_())).width >= walk.strip.width
    edit = client.edit(photo, "faces", "hessian:0", 2.0, method="adam")
    page = shown(edit)
    assert next(given["alt"] for given, _ in page.pictures) == "the photograph"
    assert "edited with strength 2" in page.words
    assert Image.open(io.BytesIO(edit._repr_png_())).size == edit.image.size


def test_directions_and_eigenbases_show_their_numbers(client: Client) -> None:
    directions = client.discover_directions("faces").annotate(1, "smile & <wink>")
    page = shown(directions)
    assert "smile & <wink>" in page.words
    assert page.tags.count("tr") == len(directions) + 1
    assert "polyline" in page.tags
    basis = client.compute_eigenbasis("faces")
    page = shown(basis)
    assert f"{basis.k} of {basis.dim}" in page.words


def test_sessions_batches_and_histories_show_where_they_stand(client: Client, server: InProcessServer) -> None:
    session = client.evolve("faces", title="a rig", seed=1)
    batch = session.ask()
    page = shown(batch)
    assert f"{len(batch)} trials" in page.words
    assert len(page.pictures) == min(len(batch), 60)
    session.tell(batch, np.arange(float(len(batch))))
    calls = len(server.calls)
    page = shown(session)
    assert "a rig: active" in page.words
    # What is shown by itself asks the server for nothing.
    assert len(server.calls) == calls
    page = shown(session.history())
    assert "a rig" in page.words


def test_jobs_show_how_far_they_are_and_why_they_failed(client: Client) -> None:
    job = client.submit_directions("faces")
    job.result()
    page = shown(job.refresh())
    assert "directions of faces" in page.words
    assert "succeeded" in page.words
    assert "progress" in page.tags


def test_curves_leave_out_what_cannot_be_drawn() -> None:
    assert markup.curves("t", "x", {"a": []}) == ""
    assert markup.curves("t", "x", {"a": [(0, -1.0), (1, 0.0)]}, logarithmic=True) == ""
    page = Page(markup.curves("a < b", "x & y", {"<a>": [(0, 1.0), (1, float("nan")), (2, 3.0)], "b": [(0, 2.0)]}))
    assert page.tags.count("polyline") == 2
    assert "a < b" in page.words
    # One value all along is a line, too.
    assert "polyline" in markup.curves("t", "x", {"a": [(0, 5.0), (1, 5.0)]})


def test_small_pictures_are_enlarged_and_large_ones_are_not() -> None:
    for side, width in ((8, 160), (160, 160), (600, 600)):
        (given, _), *_ = Page(markup.picture(Image.new("RGB", (side, side)), "a picture")).pictures
        assert given["width"] == str(width)


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the cells of a notebook were given, in turn; IPython as far as bars need it."""
    drawn: list[str] = []
    display = ModuleType("IPython.display")
    display.HTML = lambda text: text  # type: ignore[attr-defined]

    def show(page: str, *, display_id: bool) -> SimpleNamespace:
        assert display_id
        drawn.append(page)
        return SimpleNamespace(update=drawn.append)

    display.display = show  # type: ignore[attr-defined]
    module = ModuleType("IPython")
    module.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return drawn


def event(step: int, state: JobState = JobState.RUNNING, **fields: Any) -> JobEvent:
    progress = Progress("optimizing", step, 10, 0.5)
    given = {"previews": (), "portion": None, **fields}
    return JobEvent("jobs/1", step + 1, state, progress, datetime.now(timezone.utc), **given)


def test_a_notebook_has_bars_of_its_own(cells: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with reporting(None) as report:
        for step in range(10):
            report(event(step))
        report(event(10, JobState.SUCCEEDED))
    assert 'value="0.0000"' in cells[0]
    assert 'value="1.0000"' in cells[-1]
    assert "optimizing 10/10 loss 0.5000" in Page(cells[-1]).words
    # Not one drawing for each event: a notebook keeps all that was sent.
    assert len(cells) <= 4
    assert capsys.readouterr() == ("", "")


def test_photographs_of_several_jobs_share_a_bar_there(cells: list[str]) -> None:
    with reporting(True) as report:
        report(event(10, JobState.SUCCEEDED, portion=Portion(0, 4, 8)))
        report(event(5, portion=Portion(4, 4, 8)))
    assert Page(cells[-1]).tags.count("progress") == 1
    assert "6/8" in cells[-1]


def test_who_wants_none_gets_none_there(cells: list[str]) -> None:
    with reporting(False) as report:
        report(event(1))
    assert cells == []
