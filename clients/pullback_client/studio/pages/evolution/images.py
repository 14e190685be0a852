"""Images of a session: the best so far, and those of a generation, the last one or one that is looked back at."""

from __future__ import annotations

import asyncio
import math

from nicegui import events, ui

from pullback_client.aio import AsyncEvolutionSession
from pullback_client.search.records import SessionStatus
from pullback_client.studio.pages.evolution.course import Course
from pullback_client.studio.parts.pictures import picture, show, source
from pullback_client.studio.parts.words import score

_MOST = 24  # images of a generation that are shown, the best of it


class Images:
    """The images of one thread at a time.

    Args:
        session: Whose.
        course: Its generations.
    """

    def __init__(self, session: AsyncEvolutionSession, course: Course) -> None:
        self._session = session
        self._course = course
        self._thread = 0
        self._follows = True
        self._shown: tuple[object, ...] = ()
        self._best_id = ""
        self._sources: dict[str, str] = {}
        self._busy = asyncio.Lock()
        self._status: SessionStatus | None = None
        if len(course.minimize) > 1:
            names = {number: f"thread {number}" for number in range(len(course.minimize))}
            ui.toggle(names, value=0, on_change=self._take_thread).props("no-caps dense").classes("threads")
        with ui.element("div").classes("flow top"):
            with ui.element("figure").classes("best"):
                self._best = picture(None, "No image has a score yet", side=160)
                with ui.element("figcaption"):
                    self._caption = ui.label("No image has a score yet").classes("quiet")
            with ui.element("div").classes("stack grow"):
                self._number = ui.label("").classes("quiet")
                self._slider = ui.slider(min=0, max=1, step=1, value=0, on_change=self._look_back)
                self._slider.props('aria-label="Generation" snap markers').classes("whole")
                self._last = ui.button("Follow the last", on_click=self._follow_last).props("flat dense no-caps")
        self._strip = ui.element("div").classes("tiles")

    def follow(self, status: SessionStatus) -> None:
        """Shows what is new of the session."""
        self._status = status
        ui.timer(0.0, self._show, once=True)

    async def _take_thread(self, event: events.ValueChangeEventArguments[float | None]) -> None:
        self._thread, self._follows = int(event.value or 0), True
        await self._show()

    async def _look_back(self, event: events.ValueChangeEventArguments[float | None]) -> None:
        last = self._course.last(self._thread)
        self._follows = event.value is None or last is None or int(event.value) >= last
        await self._show()

    async def _follow_last(self) -> None:
        self._follows = True
        await self._show()

    async def _show(self) -> None:
        """One at a time; what is the same is left as it is."""
        async with self._busy:
            last = self._course.last(self._thread)
            self._slider.set_enabled(last is not None and last > 0)
            self._last.set_visibility(not self._follows)
            if last is None or self._status is None:
                self._number.set_text("")
                return
            self._slider.props(f"max={max(last, 1)}")
            if self._follows:
                self._slider.value = last
            chosen = last if self._follows else int(self._slider.value)
            ranked = self._course.ranked(self._thread, chosen)
            self._number.set_text(f"Generation {chosen} of {last}, {len(ranked)} images, the best first")
            await self._show_best(self._status)
            shown = (
                self._thread,
                chosen,
                tuple((each.image_id, each.score) for each in ranked if each.score == each.score),
            )
            if shown == self._shown:
                return
            found = [(each, await self._source(each.image_id)) for each in ranked[:_MOST]]
            self._shown = shown
            self._strip.clear()
            with self._strip:
                for each, address in found:
                    with ui.element("figure").classes("tile"):
                        words = "no score" if math.isnan(each.score) else score(each.score)
                        tile = ui.element("img").classes("picture")
                        tile.props["src"], tile.props["alt"] = address, f"{each.image_id}, {words}"
                        with ui.element("figcaption"):
                            ui.label(words).classes("quiet number")

    async def _show_best(self, status: SessionStatus) -> None:
        thread = status.threads[self._thread]
        if not thread.best_image_id or thread.best_image_id == self._best_id:
            return
        image = await self._session.image(thread.best_image_id)
        self._best_id = thread.best_image_id
        show(self._best, image, f"Best image so far, {thread.best_image_id}")
        far = "" if thread.best_distance is None else f", distance {score(thread.best_distance)} from the prior's mean"
        self._caption.set_text(f"Best so far: {score(thread.best_score)}{far}")

    async def _source(self, image_id: str) -> str:
        if image_id not in self._sources:
            while len(self._sources) >= 4 * _MOST:
                self._sources.pop(next(iter(self._sources)))
            self._sources[image_id] = source(await self._session.image(image_id))
        return self._sources[image_id]
