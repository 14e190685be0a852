"""Results of an inversion: of each photograph before and after, live at first, and the ways on from there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from nicegui import background_tasks, ui
from PIL import Image

from pullback_client.aio import AsyncJob
from pullback_client.catalogue import Generator
from pullback_client.inversion.result import Inversion, InversionFailure, InversionOutcome
from pullback_client.studio.frame import section
from pullback_client.studio.pages.photograph.course import loss_curve
from pullback_client.studio.pages.photograph.editing import Editing
from pullback_client.studio.parts.asking import confirmed
from pullback_client.studio.parts.compare import Comparison
from pullback_client.studio.parts.pictures import photograph_source, source
from pullback_client.studio.parts.served import ServedFile
from pullback_client.studio.parts.tasks import start
from pullback_client.studio.photographs.archive import archive
from pullback_client.studio.photographs.kept import GivenPhotograph, compared_part
from pullback_client.studio.visitors import Visitor
from pullback_client.wire.names import id_of

_SIDE = 512  # of photographs as they are shown beside reconstructions, px


@dataclass(eq=False)
class _Card:
    """What is shown of one photograph."""

    title: ui.label
    comparison: Comparison
    facts: ui.element
    finished: bool = False


class Results:
    """The results of one inversion, where it is made.

    Args:
        visitor: Whose page it is.
        generator: Of the inversion.
        job: That computes it; None where that was deleted.

    Attributes:
        top: Where the job is followed.
    """

    def __init__(self, visitor: Visitor, generator: Generator, job: AsyncJob[Any] | None) -> None:
        self._visitor, self._generator, self._job = visitor, generator, job
        self._kept = visitor.photographs.of(job.name) if job is not None else ()
        self._cards: list[_Card] = []
        self._zip: ServedFile | None = None
        self._further: dict[int, dict[str, Image.Image]] = {}
        with section(f"Inversion in {generator.name}") as self._whole:
            self.top = ui.element("div").classes("stack")
            self._grid = ui.element("div").classes("targets")
        for place, given in enumerate(self._kept):
            card = self._card(place)
            card.title.set_text(given.name)
            task = self._show_before(card, given)
            background_tasks.create(task, name=f"show {given.name}", context=self._grid)

    def preview(self, images: Sequence[Image.Image]) -> None:
        """Shows the best reconstructions so far, one of each photograph."""
        for place, image in enumerate(images):
            self._card(place).comparison.show(after=source(image), after_shows="the best so far")

    def finish(self, outcomes: Sequence[InversionOutcome]) -> None:
        """Shows what was found."""
        whole = [
            outcome.framed(self._kept[place].framing)
            if place < len(self._kept) and isinstance(outcome, Inversion)
            else outcome
            for place, outcome in enumerate(outcomes)
        ]
        for place, outcome in enumerate(whole):
            self._finish(place, outcome)
        found = [each for each in whole if isinstance(each, Inversion)]
        if not found:
            return
        with self.top, ui.element("div").classes("flow"):
            ui.label(_summary(found, len(whole))).classes("quiet number")
            ui.button("Download all", icon="download", on_click=lambda: self._download(whole)).props(
                "flat dense no-caps"
            )
            if self._job is not None and self._visitor.may_change:
                ui.button("Delete from the server", on_click=self._delete).props("flat dense no-caps")

    async def _delete(self) -> None:
        """Asks, and deletes the inversion with its job; the studio forgets its photographs."""
        question = "Delete this inversion from the server, with its photographs, latents and job, for everybody?"
        if self._job is None or not await confirmed(question, yes="Delete", no="Keep", harmful=True):
            return
        await self._visitor.client.delete_job(self._job.name, cascade=True)
        self._visitor.photographs.forget(self._job.name)
        ui.navigate.to("/photograph")

    def _card(self, place: int) -> _Card:
        """The card of a photograph; it and those before are made where they are not there."""
        while len(self._cards) <= place:
            number = len(self._cards) + 1
            with self._grid, ui.element("article").classes("target"):
                title = ui.label(f"Photograph {number}").classes("target-name").props('role="heading" aria-level="3"')
                size = (self._generator.width, self._generator.height)
                comparison = Comparison(
                    f"Before and after, photograph {number}", size, "the photograph", "nothing found yet"
                )
                facts = ui.element("div").classes("stack")
            self._cards.append(_Card(title, comparison, facts))
        return self._cards[place]

    async def _show_before(self, card: _Card, given: GivenPhotograph) -> None:
        size = (self._generator.width, self._generator.height)
        seen = await asyncio.to_thread(lambda: photograph_source(compared_part(given, size, _SIDE)))
        if not card.finished:  # else what was compared is there already
            card.comparison.show(before=seen)

    def _finish(self, place: int, outcome: InversionOutcome) -> None:
        card = self._card(place)
        card.finished = isinstance(outcome, Inversion)
        if outcome.label:
            card.title.set_text(outcome.label)
        if isinstance(outcome, InversionFailure):
            card.comparison.show(after_shows="not inverted")
            with card.facts:
                ui.label(str(outcome.error)).classes("failed").props('role="alert"')
            return
        before = outcome.aligned_target or outcome.target
        card.comparison.show(source(before), source(outcome.image), after_shows="what was found")
        with card.facts:
            ui.label(_facts(outcome)).classes("quiet number")
            course = outcome.best_so_far()
            points = list(zip(course.evaluations, course.loss, strict=True))
            with ui.expansion("Loss").props("dense").classes("more"):
                ui.html(loss_curve("best so far", "evaluations", points), sanitize=False)
            with ui.element("div").classes("flow"):
                ui.link("Explore from there", self._explore(outcome, place))
            kept = self._kept[place] if place < len(self._kept) else None
            with ui.expansion("Edit and paste back").props("dense").classes("more") as more:
                editing = Editing(self._visitor, outcome, place, kept, self._further.setdefault(place, {}).__setitem__)
            start(editing.recall(more.open), name=f"recall edits {place}", within=more)

    def _explore(self, outcome: Inversion, place: int) -> str:
        query = urlencode({"inversion": outcome.name, "target": place})
        return f"/explore/{self._generator.name}?{query}"

    async def _download(self, outcomes: Sequence[InversionOutcome]) -> None:
        data = await asyncio.to_thread(archive, outcomes, self._further)
        name = f"{next(id_of(each.name) for each in outcomes if isinstance(each, Inversion))}.zip"
        if self._zip is not None:
            self._zip.withdraw()
        with self.top:
            self._zip = ServedFile(data, name, "application/zip")
            ui.download(self._zip.url, name)


def _facts(outcome: Inversion) -> str:
    facts = [
        f"distance {outcome.distance:.4f}",
        f"loss {outcome.loss:.4f}",
        f"{outcome.evaluations:,} evaluations",
        *([outcome.class_label] if outcome.class_label else []),
    ]
    if outcome.alignment is not None:
        scale, across, down = outcome.alignment
        facts.append(f"frame at scale {scale:.2f}, moved by ({across:+.2f}, {down:+.2f})")
    return ", ".join(facts)


def _summary(found: Sequence[Inversion], count: int) -> str:
    first = found[0]
    method = first.settings["method"].removeprefix("INVERSION_METHOD_").lower().replace("_", " ")
    return (
        f"{len(found)} of {count} found by {method} in {first.settings['space']}, "
        f"{first.compute_seconds:.1f} s, {first.created.astimezone():%d %b %Y %H:%M}"
    )
