"""A session as it goes on: its course, its images, what is out and what failed; paused, resumed, closed from here."""

from __future__ import annotations

import asyncio
import html
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from nicegui import ui

from pullback_client.aio import AsyncEvolutionSession
from pullback_client.errors import DeadlineExceededError, UnavailableError
from pullback_client.search.history import TrialRecord
from pullback_client.search.records import SessionState, SessionStatus
from pullback_client.studio.frame import above, section
from pullback_client.studio.pages.evolution.course import Course
from pullback_client.studio.pages.evolution.images import Images
from pullback_client.studio.pages.evolution.standing import draw_pending, draw_threads
from pullback_client.studio.parts.away import Away
from pullback_client.studio.parts.charts import chart
from pullback_client.studio.parts.tables import table
from pullback_client.studio.parts.tasks import start
from pullback_client.studio.parts.words import chip_of_session, score, short
from pullback_client.studio.parts.zipped import zipped
from pullback_client.studio.visitors import Visitor
from pullback_client.wire.names import id_of

_LOOK_SECONDS = 1.0  # between two looks at what has changed
_LEASE_SECONDS = 15.0  # leases end without an event
_MOST_FAILED = 50


class Live:
    """The page of one session.

    Args:
        visitor: Whose page it is.
    """

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._session: AsyncEvolutionSession
        self._status: SessionStatus
        self._course: Course
        self._trials: tuple[TrialRecord, ...] = ()
        self._changed = False
        self._looked = 0.0
        self._drawn: dict[str, object] = {}

    async def load(self, name: str) -> None:
        """Fetches the session, and what it has known until now."""
        self._session = await self._visitor.client.get_session(name)
        history = await self._session.history()
        self._status = history.status
        threads = history.status.settings.get("threads", [])
        self._course = Course(tuple(bool(each.get("minimize")) for each in threads))
        self._course.put(history.generations)
        self._trials = history.trials

    def draw(self, _: None) -> None:
        """Draws the page, and follows the session from then on."""
        status = self._status
        with ui.element("div").classes("flow"):
            ui.html(f"<h2>{html.escape(status.title or short(status.name))}</h2>", sanitize=False)
            self._state = ui.element("div").classes("flow").props('role="status"')
            self._buttons = ui.element("div").classes("flow")
        self._away = Away()
        with ui.element("div").classes("columns wide-first"):
            with ui.element("div").classes("stack"):
                with section("Scores"):
                    self._chart = ui.html("", sanitize=False)
                    self._threads = ui.element("div")
                with section("Out"):
                    self._pending = ui.element("div").classes("stack")
                with section("Without a score"):
                    self._draw_failed()
            with section("Images"):
                self._images = Images(self._session, self._course)
        self._redraw()
        self._images.follow(status)
        start(self._watch(), name="watch a session", within=self._chart)
        ui.timer(_LOOK_SECONDS, self._look)

    async def _watch(self) -> None:
        """Notes what happens; the timer draws it, so that a thousand tells are not drawn one by one."""
        after = self._status.last_sequence
        while self._status.state is not SessionState.CLOSED:
            try:
                async for event in self._session.watch(after):
                    after = max(after, event.sequence)
                    self._changed = True
                self._status = await self._session.status()
            except (DeadlineExceededError, UnavailableError):
                self._changed = True
            if self._status.state is not SessionState.CLOSED:
                await asyncio.sleep(_LOOK_SECONDS)
        self._changed = True

    async def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        if not self._changed and now - self._looked < _LEASE_SECONDS:
            return
        self._changed, self._looked = False, now
        try:
            with self._away.asking():
                await self._ask()
        except (UnavailableError, DeadlineExceededError):
            self._changed = True
            return
        self._redraw()
        self._images.follow(self._status)

    async def _ask(self) -> None:
        self._status = await self._session.status()
        for thread in self._status.threads:
            if thread.current.images:
                for number in self._course.unknown(thread.thread, thread.current.generation):
                    self._course.put([await self._session.generation(thread.thread, number)])

    def _redraw(self) -> None:
        status = self._status
        if self._is_new("state", (status.state, status.finished, status.trials, status.pause_reason)):
            self._draw_state(status)
        self._draw_buttons()
        title = f"Scores of {status.title or short(status.name)} by generation"
        self._chart.set_content(chart(title, "generation", "score", self._course.lines()))
        if self._is_new("threads", status.threads):
            self._threads.clear()
            with self._threads:
                draw_threads(status)
        if self._is_new("pending", status.pending):
            self._pending.clear()
            with self._pending:
                draw_pending(status, self._take_back if self._visitor.may_change else None)

    def _draw_state(self, status: SessionStatus) -> None:
        self._state.clear()
        with self._state:
            chip_of_session(status)
            ui.label(f"{status.trials} trials told; {', '.join(dict.fromkeys(status.generators))}").classes("quiet")
            if status.pause_reason:
                ui.label(f"The server paused it: {status.pause_reason}").classes("failed")

    def _is_new(self, part: str, value: object) -> bool:
        """Whether a part is to be drawn anew; where it stays, whoever has the keyboard there keeps it."""
        new = part not in self._drawn or self._drawn[part] != value
        self._drawn[part] = value
        return new

    def _draw_buttons(self) -> None:
        if not self._is_new("buttons", self._status.state):
            return
        self._buttons.clear()
        with self._buttons:
            ui.button("Export", on_click=self._export).props("outline dense no-caps")
            if not self._visitor.may_change or self._status.state is SessionState.CLOSED:
                return
            if self._status.state is SessionState.PAUSED:
                self._button("Resume", self._session.resume)
            else:
                self._button("Pause", self._session.pause)
            ui.button("Close …", on_click=self._ask_to_close).props("outline dense no-caps color=negative")
            if self._visitor.by_key:
                ui.button("Let other keys see it", on_click=self._share).props("flat dense no-caps")

    def _button(self, name: str, change: Any) -> None:
        ui.button(name, on_click=lambda: self._apply(change())).props("outline dense no-caps")

    async def _apply(self, change: Coroutine[Any, Any, SessionStatus]) -> None:
        self._status = await change
        self._redraw()

    def _ask_to_close(self) -> None:
        with above(), ui.dialog(value=True) as dialog, ui.card():
            ui.label("Close this session for good? It can still be read and exported; nothing more is asked.")
            with ui.element("div").classes("flow"):
                ui.button("Keep it open", on_click=dialog.close).props("flat no-caps")

                async def close() -> None:
                    dialog.close()
                    await self._apply(self._session.close())

                ui.button("Close it", on_click=close).props("no-caps color=negative")

    async def _share(self) -> None:
        await self._visitor.client.share(self._session.name)
        ui.notify("Every key of the server sees it now.")

    async def _take_back(self, client: str) -> None:
        taken = await self._session.reclaim(client)
        ui.notify(f"{len(taken)} trials taken back; they come again.")
        self._changed = True

    async def _export(self) -> None:
        """Everything as one file, with the images."""
        with tempfile.TemporaryDirectory() as folder:
            await self._session.export(Path(folder) / "session", images=True)
            data = await asyncio.to_thread(zipped, Path(folder))
        ui.download(data, f"session-{id_of(self._session.name)}.zip")

    def _draw_failed(self) -> None:
        failed = [trial for trial in self._trials if trial.told is not None and trial.used_score is None]
        failed = [trial for trial in failed if not trial.reference]
        if not failed:
            ui.label("No trial failed until this page was opened.").classes("quiet")
            return
        shown = failed[-_MOST_FAILED:]
        cells = (
            (each.image_id, str(each.generation), each.outcome, score(each.score), each.note or "–") for each in shown
        )
        ui.label(f"{len(failed)} until this page was opened; the last {len(shown)}:").classes("quiet")
        table("Trials without a score", ("image", "generation", "outcome", "score told", "note"), cells)
