"""Perceptual study of axes: set-up, trials with their questions, and the table of what was answered.

The module's name stands before `progress` in the alphabet, and so does its address before `/people/{session}`.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from nicegui import background_tasks, run, ui
from PIL import Image

from pullback_client.catalogue import Generator
from pullback_client.eigenbasis.basis import Eigenbasis
from pullback_client.errors import ClientError, InvalidArgumentError
from pullback_client.studio.frame import RESPONSE_SECONDS, page, section
from pullback_client.studio.pages.people.fields import number_field, whole
from pullback_client.studio.pages.people.kept_studies import KeptStudies, keep, kept_of
from pullback_client.studio.pages.people.study_results import Results
from pullback_client.studio.parts.files import FileChoice
from pullback_client.studio.parts.jobs import Following
from pullback_client.studio.parts.loading import loaded
from pullback_client.studio.parts.pictures import source
from pullback_client.studio.parts.tasks import start
from pullback_client.studio.study.protocol import Protocol, StudyTrial, axis_of, latents_along
from pullback_client.studio.study.responses import Response, Study
from pullback_client.studio.visitors import Visitor

_LOSES = "Answers that were given are kept by this browser: go on with them below."
_MOST_BYTES = 8 * 2**20  # of a file with answers
_SCALE = {number: str(number) for number in range(1, 10)}


@ui.page("/people/study", response_timeout=RESPONSE_SECONDS)
def study() -> None:
    """The page."""
    with page("Study what axes look like", here="/people", loses=_LOSES) as visitor:
        ui.add_head_html('<link rel="stylesheet" href="/studio/people.css">')
        place = ui.element("div").classes("people-column")
        with place:
            loaded(visitor.client.list_generators, lambda found: SetUp(visitor, found, place), what="the generators")


class SetUp:
    """What the experimenter chooses, or a file with which a study goes on.

    Args:
        visitor: Who is here.
        generators: Of the server.
        place: Where trials are shown in its stead.
    """

    def __init__(self, visitor: Visitor, generators: list[Generator], place: ui.element) -> None:
        self._visitor, self._place = visitor, place
        names = [each.name for each in generators if each.height]
        with section("The study"):
            ui.label(
                "After Wang & Ponce (2021): top eigenvectors, random vectors orthogonal to the leading ones, and "
                "bottom eigenvectors, on images drawn at random, in an order that is drawn. The observer says of each "
                "whether the images change, how much, what the changes share, how alike they are, and how difficult "
                "that was to describe."
            )
            with ui.element("div").classes("people-form people-setup"):
                first = "faces" if "faces" in names else names[0] if names else None
                self._generator = ui.select(names, value=first, label="Generator", on_change=self._list).props(
                    "outlined dense"
                )
                self._basis = ui.select({}, label="Eigenbasis").props("outlined dense")
                self._observer = ui.input("Observer").props("outlined dense maxlength=40")
                self._references = number_field("Reference images of a trial", 5, 1, 12)
                self._axes = number_field("Axes of each group", 10, 1, 100)
                self._excluded = number_field("Leading axes left out (orthogonal)", 15, 0, 10_000)
                self._frames = number_field("Images along an axis (odd)", 7, 3, 15)
                self._top = _real("Reach, top axes", 1.0)
                self._other = _real("Reach, other axes", 7.0)
                self._seed = number_field("Seed", 0, 0, 2**31 - 1)
            ui.label(
                "Reach is how far the images at both ends lie from the one in the middle, in units of the latent; as "
                "published, 5 to 10 times as far along the other axes as along the top ones."
            ).classes("quiet")
            with ui.row().classes("flow people-go"):
                ui.button("Begin", on_click=self._begin).props("no-caps unelevated")
            with ui.row().classes("flow") as self._lacking:
                ui.label("No eigenbasis of this generator holds all axes.").classes("quiet")
                self._distance = ui.input("Distance", placeholder="the default").props("outlined dense stack-label")
                self._compute = ui.button("Compute an eigenbasis", on_click=self._computed).props("outline no-caps")
            self._lacking.visible = False
            self._jobs = ui.element("div")
        with ui.element("div").classes("columns"):
            with section("Go on with a study"):
                ui.label(
                    "A study that was broken off goes on in the browser that it was answered in, or with the file that "
                    "was downloaded then."
                )
                KeptStudies(self._go)
                FileChoice("Choose the file of a study", self._resumed, accept=".json", hint="JSON", most=_MOST_BYTES)
            with section("Table of several observers"):
                ui.label("The files of any number of finished or unfinished studies, taken together.")
                results = Results()
                FileChoice(
                    "Choose files of studies",
                    results.added,
                    accept=".json",
                    hint="JSON, one or several",
                    several=True,
                    most=_MOST_BYTES,
                )
        start(self._list(), name="list eigenbases", within=place)

    async def _list(self, event: object = None) -> None:
        del event
        found = (
            [] if self._generator.value is None else await self._visitor.client.list_eigenbases(self._generator.value)
        )
        options = {
            each.name: f"{each.space}, {each.distance}, {each.k} of {each.dim} axes"
            for each in found
            if each.k == each.dim
        }
        self._basis.set_options(options, value=next(iter(options), None))
        self._lacking.visible = not options

    async def _computed(self) -> None:
        self._compute.disable()
        try:
            distance = (self._distance.value or "").strip() or None
            job = await self._visitor.client.submit_eigenbasis(self._generator.value, distance=distance)
            with self._jobs:
                following = Following("Eigenbasis")
            await following.result(job)
        finally:
            self._compute.enable()
        await self._list()

    async def _begin(self) -> None:
        if self._basis.value is None:
            raise InvalidArgumentError("choose an eigenbasis that holds all axes of its space, or have one computed")
        protocol = Protocol(
            generator=self._generator.value,
            eigenbasis=self._basis.value,
            references=whole(self._references),
            axes=whole(self._axes),
            excluded=whole(self._excluded),
            frames=whole(self._frames),
            top_reach=float(self._top.value or 0),
            other_reach=float(self._other.value or 0),
            seed=whole(self._seed),
        )
        study = await kept_of(Study(protocol, self._observer.value or ""))
        if study.responses:
            ui.notify(f"It goes on with the {len(study.responses)} answers that this browser keeps of it.")
        await self._go(study)

    async def _resumed(self, _: str, content: bytes) -> None:
        await self._go(Study.from_json(content))

    async def _go(self, study: Study) -> None:
        basis = await self._visitor.client.get_eigenbasis(study.protocol.eigenbasis)
        axis_of(study.trials[0], basis.eigenvectors, study.protocol)  # what is wrong with one is wrong with all
        self._place.clear()
        with self._place:
            Trials(self._visitor, study, basis)


@dataclass
class _Questions:
    """The fields of a trial's questions."""

    seen: ui.radio
    magnitude: ui.number
    words: ui.input
    shared: ui.radio
    consistency: ui.radio
    difficulty: ui.radio
    more: ui.element
    begun: float = field(default_factory=time.monotonic)

    def response(self, trial: StudyTrial) -> Response:
        """What was answered; `Study.respond` says what is missing."""
        seconds = round(time.monotonic() - self.begun, 1)
        if self.seen.value is None:
            raise InvalidArgumentError("say whether you see any change")
        if not self.seen.value:
            return Response(trial.number, seen=False, seconds=seconds)
        return Response(
            trial.number,
            seen=True,
            magnitude=self.magnitude.value,
            words=(self.words.value or "").strip(),
            shared=self.shared.value,
            consistency=self.consistency.value,
            difficulty=self.difficulty.value,
            seconds=seconds,
        )


class Trials:
    """The trials, one after another, and the results in the end.

    Args:
        visitor: Who is here.
        study: What is asked, and what was answered.
        basis: The eigenbasis.
    """

    def __init__(self, visitor: Visitor, study: Study, basis: Eigenbasis) -> None:
        self._visitor, self._study, self._basis = visitor, study, basis
        self._ahead: dict[int, list[str]] = {}
        with ui.row().classes("flow study-head"):
            self._progress = (
                ui.linear_progress(0, show_value=False).props('aria-label="Trials answered"').classes("bar")
            )
            self._count = ui.label("").props('role="status"')
            ui.button("Download what there is (JSON)", on_click=self._download).props("flat no-caps dense")
        ui.label(
            "Answers are kept by this browser until it is told to forget them, and nowhere else: download them, which "
            "is also how a study goes on in another one."
        ).classes("quiet")
        self._place = ui.element("div")
        self._show()

    def _show(self) -> None:
        done, count = len(self._study.responses), len(self._study.trials)
        self._progress.set_value(done / count)
        self._count.set_text(f"{done} of {count} trials answered")
        self._place.clear()
        trial = self._study.next
        with self._place:
            if trial is None:
                Results([self._study])
                return
            with ui.element("div").classes("study-trial"):
                with section(f"Trial {trial.number + 1}"):
                    loaded(lambda: self._images(trial), self._draw, what="the images")
                with section("What do you see?"):
                    questions = self._ask()
                    with ui.row().classes("flow people-go"):
                        ui.button("Next", on_click=lambda: self._answered(trial, questions)).props("no-caps unelevated")

    def _draw(self, rows: list[str]) -> None:
        ui.label("Each row is one image, changed along the same axis from the left to the right.").classes("quiet")
        for number, row in enumerate(rows, 1):
            element = ui.element("img").classes("study-row")
            element.props["src"] = row
            element.props["alt"] = f"Image {number} of {len(rows)}, changed along the axis"

    async def _images(self, trial: StudyTrial) -> list[str]:
        """The pictures of a trial, a row each; those of the next are fetched while it is judged."""
        rows = self._ahead.pop(trial.number, None) or await self._fetch(trial)
        others = (each for each in self._study.trials if each.number not in self._study.responses and each != trial)
        if (following := next(others, None)) is not None:
            background_tasks.create(self._fetch_ahead(following), name="fetch a trial ahead")
        return rows

    async def _fetch_ahead(self, trial: StudyTrial) -> None:
        with suppress(ClientError):  # it is fetched again when it is shown, and what is wrong is said then
            self._ahead[trial.number] = await self._fetch(trial)

    async def _fetch(self, trial: StudyTrial) -> list[str]:
        protocol, client = self._study.protocol, self._visitor.client
        references = await client.sample(
            protocol.generator, protocol.references, space=self._basis.space, seed=trial.seed
        )
        axis = axis_of(trial, self._basis.eigenvectors, protocol)
        latents = latents_along(np.asarray(references, np.float64), axis, trial, protocol)
        flat = latents.reshape(-1, latents.shape[-1])
        images = await client.render(protocol.generator, flat, space=self._basis.space)
        return list(await run.io_bound(_rows, images, protocol.frames) or [])

    def _ask(self) -> _Questions:
        count = self._study.protocol.references
        seen = _radio("Do you see any change from the left to the right?", {True: "Yes", False: "No"})
        more = ui.element("div").classes("people-column")
        with more:
            with ui.element("div"):
                ui.label("How large is it, from 0 to 100 %?").classes("people-ask")
                magnitude = ui.number(min=0, max=100, suffix="%").props(
                    'outlined dense aria-label="Magnitude in per cent"'
                )
            with ui.element("div"):
                ui.label("Which change do the images have in common, in your own words?").classes("people-ask")
                words = ui.input().props('outlined dense maxlength=500 aria-label="The change in your own words"')
            shared = _radio(f"How many of the {count} images share it?", {n: str(n) for n in range(count + 1)})
            consistency = _radio("How alike are the changes? 1 not at all, 9 most alike", _SCALE)
            difficulty = _radio("How difficult was it to describe? 1 easy, 9 most difficult", _SCALE)
        more.bind_visibility_from(seen, "value", lambda value: value is True)
        return _Questions(seen, magnitude, words, shared, consistency, difficulty, more)

    def _answered(self, trial: StudyTrial, questions: _Questions) -> None:
        self._study.respond(questions.response(trial))
        keep(self._study)
        self._show()

    def _download(self) -> None:
        name = f"study-{self._study.protocol.generator}-{self._study.observer}.json"
        ui.download.content(self._study.to_json(), name, "application/json")


def _rows(images: list[Image.Image], frames: int) -> list[str]:
    """The images side by side, so many a row, each row as an address of a picture."""
    rows = []
    for first in range(0, len(images), frames):
        row = images[first : first + frames]
        gap = max(1, row[0].width // 32)
        whole_row = Image.new("RGB", (frames * (row[0].width + gap) - gap, row[0].height), (128, 128, 128))
        for place, image in enumerate(row):
            whole_row.paste(image.convert("RGB"), (place * (image.width + gap), 0))
        rows.append(source(whole_row))
    return rows


def _radio(question: str, options: dict[Any, str]) -> ui.radio:
    with ui.element("div"):
        ui.label(question).classes("people-ask")
        return ui.radio(options).props(f'inline dense aria-label="{question}"')


def _real(label: str, value: float) -> ui.number:
    return ui.number(label, value=value, min=0).props("outlined dense")
