"""Page of photographs before they are inverted: they are dropped, checked, framed and sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from nicegui import ui

from pullback_api.v1 import specs_pb2
from pullback_client.catalogue import Generator, WeightsState
from pullback_client.errors import InvalidArgumentError
from pullback_client.studio.frame import RESPONSE_SECONDS, page, section
from pullback_client.studio.pages.photograph.framing import FramingEditor
from pullback_client.studio.pages.photograph.recent import draw_recent, recent_inversions
from pullback_client.studio.pages.photograph.tray import Given, Tray, read
from pullback_client.studio.parts.files import FileChoice
from pullback_client.studio.parts.kept_fields import KeptFields
from pullback_client.studio.parts.loading import loaded
from pullback_client.studio.parts.option_fields import OptionFields
from pullback_client.studio.parts.tasks import start
from pullback_client.studio.photographs import requests
from pullback_client.studio.photographs.kept import GivenPhotograph
from pullback_client.studio.visitors import Visitor
from pullback_client.wire.names import id_of

_HINT = "JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC or AVIF; up to 64 million pixels each"
_ACCEPT = "image/*,.heic,.heif,.avif,.tif,.tiff"
_FIRST = ("method", "steps", "restarts", "top_k")
_OWN = ("preview_every", "class_mode", "start_space")  # said otherwise, or by the page itself
_LOSES = (
    "Photographs that were chosen and are not here any more have to be given again: the studio keeps them in its "
    "memory alone."
)
_GIVEN = "given "  # before the label of a class
_CLASS_MODES = {"searched": "searched: each class is tried", "free": "free: between the classes"}
_PREVIEW_EVERY = 5  # steps; a page draws fewer where they come faster than it can


@ui.page("/photograph", response_timeout=RESPONSE_SECONDS)
def choose(generator: str = "", again: str = "") -> None:
    """The page.

    Args:
        generator: Which one is chosen at first; empty = the server's first whose weights are there.
        again: Id of a job whose photographs are taken again, where they are still kept.
    """
    with page("Photograph", here="/photograph", loses=_LOSES) as visitor:
        ui.add_head_html('<link rel="stylesheet" href="/studio/photograph.css">')
        loaded(
            lambda: _load(visitor),
            lambda found: _Desk(visitor, *found, generator, again),
            what="the generators",
        )
        with section("Recent inversions"):
            loaded(lambda: recent_inversions(visitor.client), draw_recent, what="the inversions")


async def _load(visitor: Visitor) -> tuple[list[Generator], KeptFields]:
    fields = await KeptFields.load(visitor, "photograph fields")
    return await visitor.client.list_generators(), fields


class _Desk:
    """Photographs, how they are inverted, and the button that has it done."""

    def __init__(
        self, visitor: Visitor, generators: list[Generator], fields: KeptFields, chosen: str, again: str
    ) -> None:
        self._visitor = visitor
        self._tab: str | None = None  # until the browser has said which one it is
        # Sounds have no height.
        self._generators = {each.name: each for each in generators if each.height}
        if not self._generators:
            ui.label("The server knows no generator of images: add one with `pullback generators add`.")
            return
        with ui.element("div").classes("desk"):
            with section("Photographs"):
                FileChoice(
                    "Choose photographs",
                    self._take,
                    accept=_ACCEPT,
                    hint=_HINT,
                    dropped=" or drop them anywhere on this page",
                    several=True,
                )
                self._tray = Tray(self._changed, self._opened)
                self._editor = ui.element("div").classes("stack framing-place")
            with section("How they are inverted"):
                self._how(chosen, fields)
        self._changed()
        start(self._find_again(again), name="find photographs again", within=self._editor)

    def _how(self, chosen: str, fields: KeptFields) -> None:
        here = [name for name, each in self._generators.items() if each.weights_state is WeightsState.HERE]
        first = chosen if chosen in self._generators else next(iter(here or self._generators))
        titles = {name: f"{name}: {each.title}" for name, each in self._generators.items()}
        self._generator = ui.select(titles, value=first, label="Generator", on_change=self._of_another)
        self._generator.props("dense outlined stack-label options-dense")
        self._label = ui.select({}, value=None, label="Class").props("dense outlined stack-label options-dense")
        self._few = OptionFields(specs_pb2.InversionSettings, only=_FIRST)
        self._align = ui.checkbox("Search scale and place of the frame as well")
        with ui.expansion("More").classes("more").props("dense") as more:
            self._rest = OptionFields(specs_pb2.InversionSettings, leave_out=(*_FIRST, *_OWN))
            ui.label("Weights of the loss").classes("group")
            self._weights = OptionFields(specs_pb2.LossWeights)
        with ui.element("div").classes("flow"):
            self._button = ui.button("Invert", on_click=self._invert).props("no-caps unelevated")
            ui.button("All to their defaults", on_click=self._reset).props("flat dense no-caps")
        self._told = ui.label().classes("quiet").props('role="status"')
        ui.label(
            "Photographs go to the studio's memory and to the server, and nowhere else. The studio writes none to its "
            "disk, and forgets them when it ends. The server keeps what it was sent until the inversion has ended, and "
            "the result, with the photograph at the generator's size, until somebody deletes it or, where its operator "
            "has set a time (--retention), until that is over."
        ).classes("quiet")
        # What an address says of the generator is not what was chosen without it.
        fields.keep(f"generator {chosen}", self._generator)
        self._of_another()
        fields.keep("class", self._label)
        self._few.keep(fields)
        fields.keep("align", self._align)
        self._rest.keep(fields)
        self._weights.keep(fields, "weight ")
        if self._rest.given or self._weights.given:  # nothing counts unseen
            more.open()

    def _reset(self) -> None:
        """Has every option but the generator as it is where nothing is said."""
        self._label.set_value(None)
        self._align.set_value(False)
        for options in (self._few, self._rest, self._weights):
            options.clear()

    def _of_another(self) -> None:
        """Fits what depends on the generator."""
        chosen = self._generators[self._generator.value]
        self._rest.suggest("space", list(chosen.spaces))
        labels = [label for space in chosen.spaces.values() for label in space.labels]
        given = {f"{_GIVEN}{label}": label for label in labels}
        self._label.set_options({None: "default: the space decides", **_CLASS_MODES, **given}, value=None)
        self._label.set_visibility(bool(labels))

    async def _take(self, name: str, data: bytes) -> None:
        self._tray.add(await read(name, data))

    async def _find_again(self, again: str) -> None:
        """Takes what was chosen in this tab before the page was loaded again, and what an earlier inversion had."""
        client = ui.context.client
        await client.connected()
        photographs = self._visitor.photographs
        self._tab = client.tab_id
        kept = [] if self._tab is None else [*photographs.chosen(self._tab)]
        earlier = [each for job in again.split(",") for each in photographs.of(f"jobs/{job}")]
        await self._take_again([*kept, *(each for each in earlier if each.data not in [one.data for one in kept])])
        self._changed()

    async def _take_again(self, kept: Sequence[GivenPhotograph]) -> None:
        """Takes photographs of an earlier inversion as they were framed then."""
        for each in kept:
            given = await read(each.name, each.data)
            given.crop, given.marks = each.framing.crop, list(each.marks)
            self._tray.add(given)

    def _opened(self, given: Given | None) -> None:
        self._editor.clear()
        if given is not None:
            with self._editor:
                FramingEditor(given, self._tray.draw)

    def _changed(self) -> None:
        count = len(self._tray.usable)
        self._button.set_text("Invert" if count < 2 else f"Invert {count} photographs")
        self._button.set_enabled(count > 0)
        if self._tab is not None:
            self._visitor.photographs.keep_chosen(self._tab, [each.as_chosen() for each in self._tray.usable])

    def _options(self) -> dict[str, Any]:
        given = {**self._few.given, **self._rest.given}
        return given | {
            "center_crop": True,
            "preview_every": _PREVIEW_EVERY,
            "alignment": True if self._align.value else None,
            "weights": self._weights.given or None,
            **_class_of(self._label.value),
        }

    async def _invert(self) -> None:
        self._button.disable()
        self._told.set_text("Checking the photographs …")
        try:
            jobs = await self._submit()
        finally:
            self._told.set_text("")
            self._changed()
        if jobs:
            ui.navigate.to(f"/photograph/{','.join(id_of(job) for job in jobs)}")

    async def _submit(self) -> list[str]:
        """Has the photographs checked and, where none is refused, inverted; the names of the jobs."""
        chosen, options, usable = self._generator.value, self._options(), self._tray.usable
        photographs = [await asyncio.to_thread(each.framed) for each in usable]
        client = self._visitor.client
        prepared = await asyncio.to_thread(requests.prepare, photographs)
        failures = await client.call(requests.check, prepared, chosen, options)
        for given, failure in zip(usable, failures, strict=True):
            if failure is not None:
                given.problem = str(failure.error)
        if any(failures):
            self._tray.draw()
            raise InvalidArgumentError(
                f"{sum(map(bool, failures))} of {len(usable)} photographs cannot be inverted, as is said on them; "
                "nothing was begun: take them out, or go on without them"
            )
        self._told.set_text("Sending the photographs …")
        jobs: list[str] = await client.call(requests.submit, prepared, chosen, options)
        for job in dict.fromkeys(jobs):
            of_it = [each for each, name in zip(photographs, jobs, strict=True) if name == job]
            self._visitor.photographs.keep(job, of_it)
        if self._tab is not None:
            self._visitor.photographs.keep_chosen(self._tab, ())
            self._tab = None  # they are the inversion's from here on
        return list(dict.fromkeys(jobs))


def _class_of(chosen: str | None) -> dict[str, Any]:
    """The options of what was chosen of the class."""
    if chosen is None:
        return {}
    if chosen.startswith(_GIVEN):
        return {"class_labels": chosen.removeprefix(_GIVEN)}
    return {"class_mode": chosen}
