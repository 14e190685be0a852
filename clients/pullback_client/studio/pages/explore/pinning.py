"""Pins of the page, and the ways between two of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from nicegui import background_tasks, ui

from pullback_client.client import Client
from pullback_client.directions.frame import Frame
from pullback_client.directions.morph import MorphKind
from pullback_client.directions.traversal import Traversal
from pullback_client.errors import InvalidArgumentError, NotFoundError
from pullback_client.studio.exploring.pins import Pin, latents_file, way_between
from pullback_client.studio.exploring.places import Place
from pullback_client.studio.exploring.view import View
from pullback_client.studio.exploring.ways import BETWEEN
from pullback_client.studio.frame import section
from pullback_client.studio.pages.explore.exploring import Exploring
from pullback_client.studio.pages.explore.walks import show_walk
from pullback_client.studio.parts.loading import loaded
from pullback_client.studio.parts.pictures import source
from pullback_client.studio.parts.tab_memory import TabMemory

_FRAMES, _MOST_FRAMES = 9, 60


@dataclass
class _Choice:
    """Which pins a way leads between, by their numbers."""

    first: int | None = None
    second: int | None = None


class Pinning:
    """The section, where it is made.

    Args:
        explorer: The page.
    """

    def __init__(self, explorer: Exploring) -> None:
        self._explorer = explorer
        self._memory = TabMemory(explorer.visitor, f"explore pins {explorer.state.generator.name}")
        self._kept: dict[int, str] = {}  # views as addresses, those among them that could not be drawn again yet
        self._known = asyncio.Event()
        self._pins: dict[int, Pin] = {}
        self._choice = _Choice()
        self._going: asyncio.Task[Traversal] | None = None
        with section("Pins"):
            self._none = ui.label(
                "Pin images to come back to them, and to see the ways between two. Pins last as long as this tab."
            ).classes("quiet")
            self._again = ui.element("div")
            self._row = ui.element("div").classes("flow explore-pins")
            with ui.element("div").classes("flow") as self._ways:
                self._first = self._choose("From", "first")
                self._second = self._choose("To", "second")
                self._kind = ui.select(dict(BETWEEN), value="geodesic", label="Way").classes("explore-method")
                self._kind.props("dense outlined options-dense")
                self._frames = ui.number("Images", value=_FRAMES, min=2, max=_MOST_FRAMES, precision=0, format="%d")
                self._frames.props("dense outlined").classes("explore-number")
                self._go = ui.button("Interpolate", on_click=self._gone).props("dense no-caps")
                self._stop = ui.button("Cancel", on_click=self._stopped).props("flat dense no-caps")
                ui.button("Latents .npz", on_click=self._exported).props("flat dense no-caps").props(
                    'aria-label="Download the latents of all pins"'
                )
            self._waiting = ui.label("Looking for the way …").classes("quiet").props('role="status"')
            self._found = ui.element("div").classes("stack")
        explorer.fields.keep("pins way", self._kind)
        explorer.fields.keep("pins images", self._frames)
        self._stop.set_visibility(False)
        self._waiting.set_visibility(False)
        self._draw()
        with self._again:
            loaded(self._recall, self._recalled, what="the pins")

    async def pin(self) -> None:
        """Pins the image that is shown."""
        state = self._explorer.state
        view, place = state.view, state.place
        drawn = await state.client.call(_drawn, state.generator.name, place)
        await self._known.wait()
        number = max(self._kept, default=0) + 1
        self._pins[number] = Pin(number, view, place, drawn)
        self._choice.first = number if self._choice.first is None else self._choice.first
        self._choice.second = number
        self._draw()
        await self._keep(self._kept | {number: view.query(whole=True)})

    async def _keep(self, kept: dict[int, str]) -> None:
        self._kept = kept
        if not await self._memory.write([[number, query] for number, query in kept.items()]):
            with self._again:
                ui.notify(
                    "This browser has no room to keep more pins: a page that is loaded again lacks the last ones. "
                    "Download their latents, or remove some.",
                    type="warning",
                )

    async def _recall(self) -> list[Pin]:
        """The pins that the tab has kept, drawn again; of those that are lost the page says why.

        Raises:
            ClientError: The server is away; they are kept.
        """
        if not self._known.is_set():
            self._kept = _read(await self._memory.read())
            self._known.set()
        state, found, lost = self._explorer.state, [], []
        for number, query in self._kept.items():
            if number in self._pins:
                continue
            try:
                view = View.read(parse_qsl(query))
                place = await state.place_at(view)
                found.append(Pin(number, view, place, await state.client.call(_drawn, state.generator.name, place)))
            except (InvalidArgumentError, NotFoundError) as error:
                lost.append(number)
                ui.notify(f"Pin {number} is lost: {error}", type="warning", close_button="Close", timeout=0)
        if lost:
            await self._keep({number: query for number, query in self._kept.items() if number not in lost})
        return found

    def _recalled(self, found: list[Pin]) -> None:
        self._pins = dict(sorted({**{pin.number: pin for pin in found}, **self._pins}.items()))
        if len(self._pins) > 1 and self._choice.second is None:
            self._choice.first, self._choice.second = min(self._pins), max(self._pins)
        self._draw()

    def _choose(self, label: str, end: str) -> ui.select:
        select = ui.select({}, label=label).props("dense outlined options-dense").classes("explore-number")
        select.bind_value(self._choice, end)
        return select

    def _draw(self) -> None:
        self._row.clear()
        with self._row:
            for pin in self._pins.values():
                self._card(pin)
        numbers = {number: f"Pin {number}" for number in self._pins}
        first, second = self._choice.first, self._choice.second
        self._first.set_options(numbers, value=first if first in numbers else None)
        self._second.set_options(numbers, value=second if second in numbers else None)
        self._none.set_visibility(not numbers)
        self._ways.set_visibility(bool(numbers))
        self._go.set_enabled(len(numbers) > 1)

    def _card(self, pin: Pin) -> None:
        with ui.element("figure").classes("explore-pin"):
            image = ui.element("img").props(f'alt="Pin {pin.number}"')
            image.props["src"] = pin.source
            ui.label(f"Pin {pin.number}").classes("number")
            with ui.element("div").classes("explore-pin-acts"):
                ui.button("Show", on_click=lambda: self._explorer.take(pin.view)).props(
                    f'flat dense no-caps size=sm aria-label="Show pin {pin.number}"'
                )
                ui.button("Remove", on_click=lambda: self._removed(pin)).props(
                    f'flat dense no-caps size=sm aria-label="Remove pin {pin.number}"'
                )

    async def _removed(self, pin: Pin) -> None:
        del self._pins[pin.number]
        for end in ("first", "second"):
            if getattr(self._choice, end) == pin.number:
                setattr(self._choice, end, next(iter(self._pins), None))
        self._draw()
        await self._keep({number: query for number, query in self._kept.items() if number != pin.number})

    def _exported(self) -> None:
        state = self._explorer.state
        pins = list(self._pins.values())
        ui.download.content(latents_file(pins, state.generator), f"{state.generator.name}-pins.npz")

    async def _gone(self) -> None:
        state = self._explorer.state
        first, second = self._pins.get(self._choice.first or 0), self._pins.get(self._choice.second or 0)
        if first is None or second is None:
            ui.notify("Choose two pins.", type="warning")
            return
        kind: MorphKind = self._kind.value or "geodesic"
        frames = min(max(int(self._frames.value or _FRAMES), 2), _MOST_FRAMES)
        self._turn(busy=True)
        # Of the axes that are shown, so that one distance is meant on the whole page.
        distance = state.axes.distance if state.axes is not None else ""
        way = (state.generator, first.place, second.place, kind, frames)
        self._going = background_tasks.create(
            state.client.call(way_between, *way, distance=distance),
            handle_exceptions=False,
        )
        try:
            walk = await self._going
        except asyncio.CancelledError:
            if not self._going.cancelled():
                raise  # the page is gone, not the way
            return
        finally:
            self._turn(busy=False)
        self._found.clear()
        with self._found:
            ui.label(f"Pin {first.number} to pin {second.number}, {BETWEEN[kind]}").classes("explore-way")
            name = f"{state.generator.name}-pins-{first.number}-{second.number}-{kind}"
            show_walk(walk, name, lambda frame: self._taken(frame, walk.space), measured=True)

    async def _taken(self, frame: Frame, space: str) -> None:
        await self._explorer.take_up(space, frame.latent)

    def _stopped(self) -> None:
        if self._going is not None:
            self._going.cancel()

    def _turn(self, *, busy: bool) -> None:
        self._go.set_visibility(not busy)
        self._stop.set_visibility(busy)
        self._waiting.set_visibility(busy)


def _read(kept: Any) -> dict[int, str]:
    """What a tab has kept of pins, as far as it is that."""
    found = {}
    for pair in kept if isinstance(kept, list) else ():
        match pair:
            case [int(number), str(query)]:
                found[number] = query
    return found


def _drawn(client: Client, generator: str, place: Place) -> str:
    return source(place.draw(client, generator))
