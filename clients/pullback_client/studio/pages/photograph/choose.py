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
from pullback_client.studio.parts.loading import loaded
from pullback_client.studio.parts.option_fields import OptionFields
from pullback_client.studio.photographs import requests
from pullback_client.studio.photographs.kept import GivenPhotograph
from pullback_client.studio.visitors import Visitor
from pullback_client.wire.names import id_of

_HINT = "JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC or AVIF; up to 64 million pixels each"
_ACCEPT = "image/*,.heic,.heif,.avif,.tif,.tiff"
_FIRST = ("method", "steps", "restarts", "top_k")
_OWN = ("preview_every", "class_mode", "start_space")  # said otherwise, or by the page itself
_PREVIEW_EVERY = 5  # steps; a page draws fewer where they come faster than it can


@ui.page("/photograph", response_timeout=RESPONSE_SECONDS)
def choose(generator: str = "", again: str = "") -> None:
    """The page.

    Args:
        generator: Which one is chosen at first; empty = the server's first whose weights are there.
        again: Id of a job whose photographs are taken again, where they are still kept.
    """
    with page("Photograph", here="/photograph") as visitor:
        ui.add_head_html('<link rel="stylesheet" href="/studio/photograph.css">')
        loaded(
            visitor.client.list_generators,
            lambda found: _Desk(visitor, found, generator, again),
            what="the generators",
        )
        with section("Recent inversions"):
            loaded(lambda: recent_inversions(visitor.client), draw_recent, what="the inversions")


class _Desk:
    """Photographs, how they are inverted, and the button that has it done."""

    def __init__(self, visitor: Visitor, generators: list[Generator], chosen: str, again: str) -> None:
        self._visitor = visitor
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
                self._how(chosen)
        self._changed()
        kept = [each for job in again.split(",") for each in visitor.photographs.of(f"jobs/{job}")]
        if kept:
            ui.timer(0, lambda: self._take_again(kept), once=True)

    def _how(self, chosen: str) -> None:
        here = [name for name, each in self._generators.items() if each.weights_state is WeightsState.HERE]
        first = chosen if chosen in self._generators else next(iter(here or self._generators))
        titles = {name: f"{name}: {each.title}" for name, each in self._generators.items()}
        self._generator = ui.select(titles, value=first, label="Generator", on_change=self._of_another)
        self._generator.props("dense outlined stack-label options-dense")
        self._label = ui.select({}, value=None, label="Class").props("dense outlined stack-label options-dense")
        self._few = OptionFields(specs_pb2.InversionSettings, only=_FIRST)
        self._align = ui.checkbox("Search scale and place of the frame as well")
        with ui.expansion("More").classes("more").props("dense"):
            self._rest = OptionFields(specs_pb2.InversionSettings, leave_out=(*_FIRST, *_OWN))
            ui.label("Weights of the loss").classes("group")
            self._weights = OptionFields(specs_pb2.LossWeights)
        self._button = ui.button("Invert", on_click=self._invert).props("no-caps unelevated")
        self._told = ui.label().classes("quiet").props('role="status"')
        ui.label(
            "Photographs go to the studio's memory and to the server, and nowhere else. The studio writes none to its "
            "disk, and forgets them when it ends. The server keeps what it was sent until the inversion has ended, and "
            "the result, with the photograph at the generator's size, until somebody deletes it or, where its operator "
            "has set a time (--retention), until that is over."
        ).classes("quiet")
        self._of_another()

    def _of_another(self) -> None:
        """Fits what depends on the generator."""
        chosen = self._generators[self._generator.value]
        self._rest.suggest("space", list(chosen.spaces))
        labels = [label for space in chosen.spaces.values() for label in space.labels]
        self._label.set_options({None: "the space decides"} | {label: label for label in labels}, value=None)
        self._label.set_visibility(bool(labels))

    async def _take(self, name: str, data: bytes) -> None:
        self._tray.add(await read(name, data))

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

    def _options(self) -> dict[str, Any]:
        given = {**self._few.given, **self._rest.given}
        return given | {
            "center_crop": True,
            "preview_every": _PREVIEW_EVERY,
            "alignment": True if self._align.value else None,
            "weights": self._weights.given or None,
            "class_labels": self._label.value,
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
        return list(dict.fromkeys(jobs))
