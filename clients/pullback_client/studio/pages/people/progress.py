"""Progress of a session that people score: for the experimenter, beside the observers."""

from __future__ import annotations

import html
import statistics
import tempfile
from pathlib import Path
from urllib.parse import quote

from nicegui import run, ui

from pullback_client.aio import AsyncEvolutionSession
from pullback_client.errors import ClientError, DeadlineExceededError, UnavailableError
from pullback_client.studio.frame import RESPONSE_SECONDS, page, section
from pullback_client.studio.pages.people.rooms import room_of
from pullback_client.studio.pages.people.sessions import WAYS
from pullback_client.studio.parts.asking import confirmed
from pullback_client.studio.parts.away import Away
from pullback_client.studio.parts.charts import Line, chart
from pullback_client.studio.parts.loading import loaded
from pullback_client.studio.parts.pictures import picture, show
from pullback_client.studio.parts.words import score
from pullback_client.studio.parts.zipped import zipped
from pullback_client.studio.people.answers import answers_csv, answers_of
from pullback_client.studio.people.design import Design
from pullback_client.studio.people.room import Room, Standing
from pullback_client.wire.names import id_of

_PAUSE = 2.0  # seconds between two looks
_STATES = {
    "open": "being judged",
    "evolving": "the next images are being made",
    "paused": "paused",
    "closed": "closed",
    "finished": "finished",
    "failed": "failed",
}


@ui.page("/people/{session}", response_timeout=RESPONSE_SECONDS)
def progress(session: str) -> None:
    """The page."""
    with page("A session for people", here="/people") as visitor:
        ui.add_head_html('<link rel="stylesheet" href="/studio/people.css">')
        loaded(lambda: visitor.client.get_session(session), _draw, what="the session")


def _draw(session: AsyncEvolutionSession) -> None:
    # A session of another kind is said, not shown.
    try:
        View(room_of(session), session)
    except ClientError as error:
        ui.label(str(error)).classes("failed").props('role="alert"')


class View:
    """What is seen of a room.

    Args:
        room: The room.
        session: Its session, as the visitor reaches it.
    """

    def __init__(self, room: Room, session: AsyncEvolutionSession) -> None:
        self._room, self._session = room, session
        self._id = id_of(session.name)
        self._best = self._drawn = ""
        title = session.last_status.title or f"Session {self._id[:8]}"
        self._away = Away()
        with section(title):
            self._numbers = ui.html("", sanitize=False)
            with ui.row().classes("flow"):
                self._pause = ui.button("Pause", on_click=self._paused).props("outline no-caps")
                self._end = ui.button("Close this generation", on_click=self._ended).props("outline no-caps")
                self._end.tooltip("Goes on with the answers that there are, such as when an observer stays away")
                self._close = ui.button("End the session", on_click=self._closed).props("flat no-caps")
        with ui.element("div").classes("columns"):
            with ui.element("div").classes("people-column"):
                with section("Observers"), ui.element("div").classes("stack"):
                    self._link()
                    self._people = ui.html("", sanitize=False)
                with section("Data"), ui.element("div").classes("stack"):
                    ui.label("Every answer is on the server from the moment it was given, as a trial of the session.")
                    with ui.row().classes("flow"):
                        ui.button("Answers (CSV)", on_click=self._answers).props("outline no-caps")
                        ui.button("Session (zip)", on_click=self._export).props("outline no-caps")
            with ui.element("div").classes("people-column"):
                with section("Scores"), ui.element("div").classes("stack"):
                    self._chart = ui.html("", sanitize=False)
                    with ui.row().classes("flow"):
                        self._picture = picture(None, "the best image so far", side=120)
                        self._words = ui.label("").classes("quiet")
                    self._picture.visible = False
                with section("Design"):
                    ui.html(_facts(room.design), sanitize=False)
        ui.timer(_PAUSE, self._look)

    def _link(self) -> None:
        path = f"/people/{quote(self._id)}/observe"
        ui.label("Observers open this link, and say who they are. From another computer they come in by a key.")
        ui.link("Open the observer's page", path, new_tab=True)
        request = ui.context.client.request
        if request is not None:
            ui.html(
                f'<div class="people-link">{html.escape(str(request.base_url).rstrip("/") + path)}</div>',
                sanitize=False,
            )

    async def _look(self) -> None:
        try:
            with self._away.asking():
                standing = await self._room.look(self._session)
                await self._show_best(standing)
        except (UnavailableError, DeadlineExceededError):
            return
        self._numbers.set_content(_numbers(standing))
        self._people.set_content(_people(self._room, standing))
        over = standing.state in ("closed", "finished", "failed")
        self._pause.set_text("Go on" if standing.state == "paused" else "Pause")
        self._pause.visible = self._end.visible = not over
        self._close.visible = standing.state != "closed"
        drawn = _curve(self._room)
        if drawn != self._drawn:
            self._chart.set_content(drawn)
            self._drawn = drawn

    async def _show_best(self, standing: Standing) -> None:
        thread = standing.status.threads[0]
        if thread.best_image_id and thread.best_image_id != self._best:
            show(self._picture, await self._session.image(thread.best_image_id))
            self._picture.visible = True
            self._best = thread.best_image_id
            self._words.set_text(f"Best of the closed generations: {score(thread.best_score)}")

    async def _paused(self) -> None:
        if self._room.standing().state == "paused":
            await self._session.resume()
        else:
            await self._session.pause()
        await self._look()

    async def _ended(self) -> None:
        await self._room.close_generation(self._session)
        await self._look()

    async def _closed(self) -> None:
        question = "End the session for good? It can still be read and exported."
        if await confirmed(question, yes="End it", no="Keep it"):
            await self._session.close()
            await self._look()

    async def _answers(self) -> None:
        table = answers_csv(answers_of((await self._session.history()).trials))
        ui.download.content(table, f"answers-{self._id[:8]}.csv", "text/csv")

    async def _export(self) -> None:
        with tempfile.TemporaryDirectory(prefix="pullback-studio-") as folder:
            whole = Path(folder) / f"session-{self._id[:8]}"
            await self._session.export(whole, images=True)
            (whole / "answers.csv").write_bytes(answers_csv(answers_of((await self._session.history()).trials)))
            content = await run.io_bound(zipped, Path(folder))
        if content is not None:  # else the studio is being closed
            ui.download.content(content, f"{whole.name}.zip", "application/zip")


def _numbers(standing: Standing) -> str:
    failure = standing.status.failure()
    facts = {
        "State": _STATES[standing.state],
        "Generation": str(standing.generation),
        "Answers to it": f"{standing.answered} / {standing.presentations}" if standing.presentations else "–",
        "Observers here": str(len(standing.present)),
    }
    found = "".join(f"<div><dt>{name}</dt><dd>{html.escape(value)}</dd></div>" for name, value in facts.items())
    why = str(failure or standing.status.pause_reason)
    told = f'<p class="failed">{html.escape(why)}</p>' if failure or standing.status.pause_reason else ""
    return f'<dl class="people-numbers">{found}</dl>{told}'


def _people(room: Room, standing: Standing) -> str:
    by_observer: dict[str, list[float]] = {}
    for answer in room.answers:
        by_observer.setdefault(answer.observer, []).append(answer.reaction_ms)
    names = sorted({*by_observer, *standing.present, *room.design.observers})
    if not names:
        return '<p class="quiet">Nobody has come in yet.</p>'
    rows = "".join(
        f'<tr><td>{html.escape(name)} <span class="quiet">{"here" if name in standing.present else "away"}</span></td>'
        f"<td>{standing.by_observer.get(name, 0)}</td><td>{len(by_observer.get(name, []))}</td>"
        f"<td>{f'{statistics.median(by_observer[name]):.0f} ms' if name in by_observer else '–'}</td></tr>"
        for name in names
    )
    head = ("Observer", "This generation", "In all", "Median reaction")
    top = "".join(f'<th scope="col">{name}</th>' for name in head)
    table = f'<table class="plain number people-plain"><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table>'
    return f'<div class="wide">{table}</div>'


def _curve(room: Room) -> str:
    numbers = [(number, values) for number, values in sorted(room.curve.items()) if values]
    means = [(float(number), statistics.fmean(values)) for number, values in numbers]
    spread = [
        (
            float(number),
            statistics.fmean(values) - statistics.pstdev(values),
            statistics.fmean(values) + statistics.pstdev(values),
        )
        for number, values in numbers
    ]
    best = [(float(number), (min if room.minimize else max)(values)) for number, values in numbers]
    lines = [
        Line("mean ± standard deviation", means, band=spread, dots=True),
        Line("best", best, colour="#cc5500", dots=True),
    ]
    return chart("Scores by generation", "generation", "score", lines)


def _facts(design: Design) -> str:
    answers = f"{design.answers} to each image" + (" by each observer" if design.observers else ", whoever gives them")
    facts = {
        "Observers": WAYS[design.way] + (f", of {design.alternatives}" if design.way == "choose" else ""),
        "Answers": answers,
        "Images": "the same for everyone" if design.observers else "shared out: observers at once see different ones",
        "Score": design.combination.replace("_", "–") + (f", {design.anchors} anchors" if design.anchors else ""),
        "Timing": f"fixation {design.fixation_ms} ms, images "
        + (f"{design.stimulus_ms} ms" if design.stimulus_ms else "until the answer")
        + f", blank {design.blank_ms} ms",
    }
    rows = "".join(
        f'<tr><th scope="row">{name}</th><td>{html.escape(value)}</td></tr>' for name, value in facts.items()
    )
    return f'<table class="plain people-plain">{rows}</table>'
