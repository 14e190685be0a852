"""Set-up of a session that people score."""

from __future__ import annotations

from typing import Any

from nicegui import events, ui

from pullback_client.catalogue import Generator
from pullback_client.errors import InvalidArgumentError
from pullback_client.studio.frame import RESPONSE_SECONDS, page, section
from pullback_client.studio.pages.people.fields import number_field, whole
from pullback_client.studio.pages.people.sessions import WAYS
from pullback_client.studio.parts.loading import loaded
from pullback_client.studio.people.design import COMBINATIONS, MOST_SHOWS, Design, checked_observer
from pullback_client.studio.visitors import Visitor
from pullback_client.wire.names import id_of

_COMBINATIONS = {
    "mean": "Mean of the ratings",
    "standardised": "Mean of ratings standardised within each observer",
    "share": "Share of wins",
    "bradley_terry": "Strength by Bradley and Terry (Luce, of more than two)",
    "thurstone": "Strength by Thurstone, case V",
}
_OPTIMIZERS = {
    "hessian_gp": "hessian_gp: learns from every score",
    "hessian_cma": "hessian_cma: ranks within a generation, in the eigenbasis",
    "cma": "cma: ranks within a generation",
    "genetic": "genetic",
    "random": "random: a control",
}
_SHARING = {
    "shared": "Shared out: observers at once see different images",
    "everyone": "Everyone judges every image",
}
_RELATIVE = (
    "Shares of wins say how images of one generation compare, not whether generations get better: take a method that "
    "goes by ranks, or strengths with anchors."
)


@ui.page("/people/new", response_timeout=RESPONSE_SECONDS)
def new() -> None:
    """The page."""
    with page("Set up a session for people", here="/people") as visitor:
        ui.add_head_html('<link rel="stylesheet" href="/studio/people.css">')
        loaded(visitor.client.list_generators, lambda found: Form(visitor, found), what="the generators")


class Form:
    """What is asked of the experimenter.

    Args:
        visitor: Who makes the session.
        generators: Of the server.
    """

    def __init__(self, visitor: Visitor, generators: list[Generator]) -> None:
        self._visitor = visitor
        names = [each.name for each in generators]
        with ui.element("div").classes("columns"):
            with ui.element("div").classes("people-column"):
                self._observers_part()
                self._timing_part()
            with ui.element("div").classes("people-column"):
                self._images_part(names)
                self._words_part()
        with ui.row().classes("flow"):
            self._button = ui.button("Make the session", on_click=self._made).props("no-caps unelevated")
            self._doing = ui.label("").classes("quiet").props('role="status"')
        self._follow()

    def _observers_part(self) -> None:
        with section("What observers do"):
            self._way = _radio("Task", WAYS, "rate", self._changed)
            with ui.element("div").classes("people-form"):
                self._alternatives = number_field("Images side by side", 4, 2, 9)
                self._answers = number_field("Answers to each image", 1, 1, 30)
                self._combination = ui.select({}, label="Score of an image").props("outlined dense").classes("wide")
                self._combination.on_value_change(self._changed)
                self._anchors = number_field("Best images so far among them (anchors)", 2, 0, 8)
            self._hint = ui.label("").classes("quiet")
            self._sharing = _radio("Who judges which images", _SHARING, "shared", self._changed)
            self._observers = (
                ui.textarea("Observers, one a line")
                .props("outlined dense autogrow")
                .classes("wide")
                .style("width:100%")
            )

    def _timing_part(self) -> None:
        with section("Timing"), ui.element("div").classes("people-form"):
            self._fixation = number_field("Fixation cross (ms)", 500, 0, 60_000)
            self._stimulus = number_field("Images (ms); 0 = until the answer", 0, 0, 60_000)
            self._blank = number_field("Blank after the answer (ms)", 300, 0, 60_000)

    def _images_part(self, names: list[str]) -> None:
        with section("Images"), ui.element("div").classes("people-form"):
            first = "faces" if "faces" in names else names[0] if names else None
            self._generator = ui.select(names, value=first, label="Generator").props("outlined dense")
            self._optimizer = ui.select(_OPTIMIZERS, value="hessian_gp", label="Method").props("outlined dense")
            self._population = number_field("Images of a generation", 20, 2, 1000)
            self._generations = number_field("Generations", 10, 1, 100_000)
            self._seed = number_field("Seed", 0, 0, 2**31 - 1)

    def _words_part(self) -> None:
        with section("Words"), ui.element("div").classes("stack"):
            self._title = ui.input("Title, which observers see").props("outlined dense maxlength=200")
            text = "You will see images. Say of each how well it fits, by a key from 1 (least) to 9 (most)."
            self._instructions = ui.textarea("Instructions", value=text).props("outlined autogrow maxlength=1000")
            self._question = ui.input("Question; empty for a plain one").props("outlined dense maxlength=200")

    def _changed(self, event: events.ValueChangeEventArguments[Any]) -> None:
        del event
        self._follow()

    def _follow(self) -> None:
        """Shows what goes with what was chosen."""
        known = COMBINATIONS[self._way.value]
        value = self._combination.value if self._combination.value in known else known[0]
        if list(self._combination.options) != list(known):
            self._combination.set_options({name: _COMBINATIONS[name] for name in known}, value=value)
        self._alternatives.visible = self._way.value == "choose"
        self._anchors.visible = value in ("bradley_terry", "thurstone")
        self._observers.visible = self._sharing.value == "everyone"
        self._hint.set_text(_RELATIVE if value == "share" else "")
        self._hint.visible = value == "share"

    def _design(self) -> Design:
        way = self._way.value
        everyone = self._sharing.value == "everyone"
        names = [checked_observer(line) for line in (self._observers.value or "").splitlines() if line.strip()]
        return Design(
            way=way,
            alternatives={"rate": 1, "compare": 2}.get(way) or whole(self._alternatives),
            answers=whole(self._answers),
            sharing=self._sharing.value,
            observers=tuple(names) if everyone else (),
            combination=self._combination.value,
            anchors=whole(self._anchors) if self._anchors.visible else 0,
            fixation_ms=whole(self._fixation),
            stimulus_ms=whole(self._stimulus),
            blank_ms=whole(self._blank),
            instructions=(self._instructions.value or "").strip(),
            question=(self._question.value or "").strip(),
        )

    async def _made(self) -> None:
        design = self._design()
        if self._generator.value is None:
            raise InvalidArgumentError("choose a generator; the server knows none where the list is empty")
        if whole(self._population) < design.alternatives:
            raise InvalidArgumentError(
                f"a generation of {whole(self._population)} images is too small to show {design.alternatives} at once"
            )
        self._button.disable()
        hessian = str(self._optimizer.value).startswith("hessian")
        self._doing.set_text(
            "Making the session" + (", and its eigenbasis first if there is none …" if hessian else " …")
        )
        try:
            session = await self._visitor.client.evolve(
                self._generator.value,
                optimizer=self._optimizer.value,
                population=whole(self._population),
                max_generations=whole(self._generations),
                seed=whole(self._seed),
                repetitions=design.repetitions,
                max_shows=MOST_SHOWS,
                notes=design.to_notes(),
                title=(self._title.value or "").strip(),
                progress=False,
            )
        finally:
            self._button.enable()
            self._doing.set_text("")
        ui.navigate.to(f"/people/{id_of(session.name)}")


def _radio(name: str, options: dict[Any, str], value: str, changed: Any) -> ui.radio:
    ui.label(name).classes("people-ask")
    return ui.radio(options, value=value, on_change=changed).props(f'dense aria-label="{name}"').classes("people-radio")
