"""Editing of what was found: sliders along axes and named directions, as in Explore, and pasting back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from nicegui import ui
from PIL import Image

from pullback_client.client import Client
from pullback_client.directions.records import DirectionsInfo
from pullback_client.errors import ClientError
from pullback_client.files.atomic import to_png
from pullback_client.inversion.pasting import FEATHER, Alignment, paste
from pullback_client.inversion.result import Inversion
from pullback_client.studio.exploring.axes import set_id, set_title
from pullback_client.studio.exploring.newest import Newest
from pullback_client.studio.exploring.places import Place
from pullback_client.studio.exploring.state import State
from pullback_client.studio.frame import say
from pullback_client.studio.parts.bank import Bank, Row
from pullback_client.studio.parts.jobs import Following
from pullback_client.studio.parts.pictures import photograph_source, picture, show
from pullback_client.studio.parts.served import ServedFile
from pullback_client.studio.parts.tab_memory import TabMemory
from pullback_client.studio.photographs.kept import GivenPhotograph, decoded, thumbnail
from pullback_client.studio.visitors import Visitor
from pullback_client.wire.names import id_of

_COUNT = 5  # axes of a set
_REACH = 4.0  # to either side, in units of α^−½
_SHOWN = 1024  # px, of a photograph that is shown


class Editing:
    """Sliders for an inversion, its image as they stand, and pasting back, where it is made.

    Args:
        visitor: Whose page it is.
        inversion: What was found.
        target: Which photograph of the inversion it is, from 0.
        photograph: The photograph, where the studio still has it.
        made: Called with pictures that belong into the download, by name: `edited`, `pasted`.
    """

    def __init__(
        self,
        visitor: Visitor,
        inversion: Inversion,
        target: int,
        photograph: GivenPhotograph | None,
        made: Callable[[str, Image.Image], None],
    ) -> None:
        self._visitor, self._inversion, self._target = visitor, inversion, target
        self._photograph, self._made = photograph, made
        self._image = inversion.image
        self._served: list[ServedFile] = []
        with ui.element("div").classes("editing") as whole:
            with ui.element("div").classes("stack"):
                self._picture = picture(inversion.image, "as it is edited", side=256)
                self._sliders = ui.element("div").classes("stack")
                with self._sliders:
                    self._load = ui.button("Edit with sliders", on_click=self._find).props("flat dense no-caps")
            with ui.element("div").classes("stack"):
                self._pasting()
        self._newest: Newest[Place] = Newest(self._draw, whole)
        self._memory = TabMemory(visitor, f"edits {inversion.name} {target}")

    async def recall(self, found: Callable[[], object]) -> None:
        """Puts the sliders where they were before the page was loaded again, where they had been moved.

        Args:
            found: Called where they had.

        Raises:
            ClientError: The browser or the server does not answer.
        """
        kept = await self._memory.read()
        query = parse_qsl(kept) if isinstance(kept, str) else []
        if ("inversion", self._inversion.name) in query and any(name == "steps" for name, _ in query):
            found()
            await self._find(query)

    def _pasting(self) -> None:
        if self._photograph is None:
            ui.label(
                "The studio no longer has the photograph itself, which it keeps in memory only: invert it again to "
                "paste what was found back into it."
            ).classes("quiet")
            return
        photograph = self._photograph
        self._feather = ui.number("Edge, per cent of the frame", value=100 * FEATHER, min=0, max=50, step=1)
        self._feather.props("dense outlined stack-label").classes("pixels-wide")
        ui.button("Paste back into the photograph", on_click=lambda: self._paste(photograph)).props(
            "flat dense no-caps"
        )
        self._pasted = ui.element("div").classes("stack")

    async def _find(self, query: Sequence[tuple[str, str]] = ()) -> None:
        """Fetches the axes that the server has, which may have to be found first, and has sliders for them.

        Args:
            query: Of a view that they show, of this inversion; none = as it was found.
        """
        self._load.disable()
        found = self._inversion
        generator, client = id_of(found.settings["generator"]), self._visitor.client
        try:
            asked = {"inversion": found.name, "target": self._target, "count": _COUNT, "reach": f"{_REACH:g}"}
            state = await State.load(client, generator, query or [(name, str(value)) for name, value in asked.items()])
            if state.faults:  # as of an inversion that was deleted: it would start elsewhere
                raise ClientError(state.faults[0])
            if state.axes is None:
                job = await client.submit_directions(generator, method="hessian", space=state.start.space, k=_COUNT)
                with self._sliders:
                    following = Following("Finding directions")
                axes: Any = await following.result(job)
                await state.refresh()
                await state.choose(set_id(axes))
        finally:
            self._load.enable()
        self._sliders.clear()
        with self._sliders:
            _Sliders(state, lambda: self._moved(state))
        if state.view.moved:
            self._newest.ask(state.place)

    def _moved(self, state: State) -> None:
        self._newest.ask(state.place)
        self._memory.keep(state.view.query())

    async def _draw(self, place: Place) -> None:
        try:
            self._image = await self._visitor.client.call(_drawn, id_of(self._inversion.settings["generator"]), place)
        except ClientError as error:
            say(error)
            return
        show(self._picture, self._image)
        self._made("edited", self._image)

    async def _paste(self, photograph: GivenPhotograph) -> None:
        found, feather = self._inversion, (self._feather.value or 0) / 100
        pasted, data, shown = await asyncio.to_thread(
            _pasted, self._image, photograph, found.alignment or Alignment(), feather
        )
        self._made("pasted", pasted)
        while self._served:
            self._served.pop().withdraw()
        self._pasted.clear()
        with self._pasted:
            name = f"{found.label.rpartition('.')[0] or 'photograph'}-pasted.png"
            served = ServedFile(data, name, "image/png")
            self._served.append(served)
            image = ui.element("img").classes("picture pasted")
            image.props["src"], image.props["alt"] = shown, "the photograph with what was found in its place"
            with ui.element("div").classes("flow"):
                ui.link(f"At full size, {pasted.width} × {pasted.height} px", served.url, new_tab=True)
                ui.button("Save", on_click=lambda: ui.download(served.url, name)).props("flat dense no-caps")


class _Sliders:
    """Sliders of the leading axes of a set that is chosen, and of every direction that has a name, where it is made.

    Args:
        state: Where they start, and which axes there are.
        moved: Called when they lead elsewhere.
    """

    def __init__(self, state: State, moved: Callable[[], None]) -> None:
        self._state, self._moved = state, moved
        self._named: list[tuple[str, int]] = []
        titles = {name: set_title(info) for name, info in state.offered().items()}
        self._along = ui.select(titles, value=state.view.along, label="Along", on_change=self._chosen)
        self._along.props("dense outlined options-dense")
        self._axes = Bank(lambda index, step, _: self._move(state.view.along, index, step), name="Axes")
        self._heading = ui.label("Named directions").classes("group")
        self._others = Bank(lambda place, step, _: self._move(*self._named[place], step), name="Named directions")
        ui.button("Back to what was found", on_click=self._reset).props("flat dense no-caps")
        self._show()

    def _show(self) -> None:
        state = self._state
        axes, steps, reach = state.axes, state.view.steps, state.view.reach
        shown = range(min(state.view.count, 0 if axes is None else len(axes)))
        self._named = [] if axes is None else _named(state, axes.id, shown)
        rows = [] if axes is None else [Row.of(axes[index], steps.get(axes.id, {}).get(index, 0.0)) for index in shown]
        self._axes.show(rows, reach)
        others = []
        for place, (chosen, index) in enumerate(self._named):
            info = state.infos[chosen]
            titles = {each.index: each.title for each in info.annotations} if isinstance(info, DirectionsInfo) else {}
            hint = f"direction {index} of: {set_title(info)}"
            others.append(Row(place, titles.get(index, ""), hint, steps.get(chosen, {}).get(index, 0.0)))
        self._others.show(others, reach)
        for part in (self._heading, self._others):
            part.set_visibility(bool(others))

    async def _chosen(self) -> None:
        if self._along.value and self._along.value != self._state.view.along:
            await self._state.choose(str(self._along.value))
            self._show()

    async def _move(self, chosen: str, index: int, step: float) -> None:
        state = self._state
        state.view = state.view.at(chosen, index, step)
        try:
            # Of another set than the one that is chosen, the vectors come with the first move.
            await state.fetch(chosen)
        except ClientError:
            state.view = state.view.at(chosen, index, 0.0)
            self._show()
            raise
        if all(each in state.sets for each in state.view.steps):  # else the move that fetches the last one draws
            self._moved()

    def _reset(self) -> None:
        self._state.view = replace(self._state.view, steps={})
        self._show()
        self._moved()


def _named(state: State, along: str, shown: range) -> list[tuple[str, int]]:
    """The directions that people named, by their sets and places, but those that are among the shown axes."""
    sets = [(chosen, info) for chosen, info in state.offered().items() if isinstance(info, DirectionsInfo)]
    return [
        (chosen, each.index)
        for chosen, info in sets
        for each in info.annotations
        if each.title and not (each.index in shown and along in _as_axes(chosen, info))
    ]


def _as_axes(chosen: str, info: DirectionsInfo) -> set[str]:
    """The ids under which the vectors of a set are axes: its own, and that of an eigenbasis whose axes it has."""
    same = id_of(info.eigenbasis) if info.method == "hessian" else ""
    return {chosen, f"eigenbases/{same}"}


def _drawn(client: Client, generator: str, place: Place) -> Image.Image:
    return place.draw(client, generator)


def _pasted(
    image: Image.Image, given: GivenPhotograph, alignment: Alignment, feather: float
) -> tuple[Image.Image, bytes, str]:
    """The photograph with an image in its place: as it is, as a PNG file, and as a browser shows it."""
    with decoded(given.data) as photograph:
        pasted = paste(image, photograph, alignment, given.framing, feather)
    return pasted, to_png(pasted), photograph_source(thumbnail(pasted, _SHOWN))
