"""Tray: the photographs that were given, each checked when it comes; those that cannot be used say why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from nicegui import ui

from pullback_client.errors import ClientError
from pullback_client.inversion.framing import Crop, Framing
from pullback_client.studio.parts.pictures import photograph_source
from pullback_client.studio.photographs.kept import GivenPhotograph, decoded, thumbnail
from pullback_client.studio.photographs.masks import Mark, draw_mask

_SIDE = 1024  # of the pictures that are shown of photographs, px
_SMALL = 96


@dataclass(eq=False)
class Given:
    """A photograph of the tray.

    Attributes:
        name: Of its file.
        data: Its file; empty where it cannot be read.
        size: Width and height, as it lies when it is looked at.
        seen: The photograph as the browser shows it, as an address.
        small: Likewise, for the tray.
        problem: Why it cannot be used; empty where it can.
        crop: The square that is cut out; None = the largest in the middle.
        marks: What is hidden, in the order in which it was.
    """

    name: str
    data: bytes = b""
    size: tuple[int, int] = (0, 0)
    seen: str = ""
    small: str = ""
    problem: str = ""
    crop: Crop | None = None
    marks: list[Mark] = field(default_factory=list)

    def as_chosen(self) -> GivenPhotograph:
        """The photograph as it stands, its mask not drawn."""
        return GivenPhotograph(self.name, self.data, Framing(crop=self.crop, size=self.size), tuple(self.marks))

    def framed(self) -> GivenPhotograph:
        """The photograph with its crop and its mask."""
        mask = draw_mask(self.size, self.marks) if self.marks else None
        framing = Framing(crop=self.crop, mask=mask, size=self.size)
        return GivenPhotograph(self.name, self.data, framing, tuple(self.marks))


async def read(name: str, data: bytes) -> Given:
    """A photograph that came in, decoded as the server does; one that cannot be used says why."""
    try:
        size, seen, small = await asyncio.to_thread(_shown, data)
    except ClientError as error:
        return Given(name, problem=str(error))
    return Given(name, data, size, seen, small)


def _shown(data: bytes) -> tuple[tuple[int, int], str, str]:
    with decoded(data) as photograph:
        size, seen = photograph.size, thumbnail(photograph, _SIDE)
    return size, photograph_source(seen), photograph_source(thumbnail(seen, 2 * _SMALL))


class Tray:
    """The photographs, where it is made.

    Args:
        changed: Called when there are more or fewer, or others can be used.
        opened: Called with the one that is looked at; None where there is none.
    """

    def __init__(self, changed: Callable[[], None], opened: Callable[[Given | None], None]) -> None:
        self.given: list[Given] = []
        self._changed, self._opened = changed, opened
        self._open: Given | None = None
        self._place = ui.element("ul").classes("tray").props('aria-label="Photographs"')

    @property
    def usable(self) -> list[Given]:
        """Those that can be inverted."""
        return [each for each in self.given if not each.problem]

    def add(self, given: Given) -> None:
        """Puts one in; the first one that can be used is opened."""
        self.given.append(given)
        if self._open is None and not given.problem:
            self.open(given)
        else:
            self.draw()

    def open(self, given: Given | None) -> None:
        """Looks at one."""
        self._open = given
        self.draw()
        self._opened(given)

    def remove(self, given: Given) -> None:
        """Takes one out."""
        self.given.remove(given)
        if given is self._open:
            self.open(next(iter(self.usable), None))
        else:
            self.draw()

    def draw(self) -> None:
        """Draws all of them again, as after problems were noted."""
        self._place.clear()
        with self._place:
            for given in self.given:
                self._card(given)
        self._changed()

    def _card(self, given: Given) -> None:
        with ui.element("li").classes("given").classes("bad" if given.problem else ""):
            if given.small:
                button = ui.element("button").classes("given-open").on("click", lambda: self.open(given))
                button.props["aria-label"] = f"Frame and mask of {given.name}"
                button.props["aria-pressed"] = "true" if given is self._open else "false"
                with button:
                    image = ui.element("img").classes("given-picture")
                    image.props["src"], image.props["alt"] = given.small, given.name
            with ui.element("div").classes("given-words"):
                ui.label(given.name or "a photograph").classes("given-name")
                if given.problem:
                    ui.label(given.problem).classes("failed").props('role="alert"')
                else:
                    ui.label(_facts(given)).classes("quiet number")
            remove = ui.button(icon="close", on_click=lambda: self.remove(given)).props("flat dense round size=sm")
            remove.props["aria-label"] = f"Take {given.name} out"


def _facts(given: Given) -> str:
    facts = [f"{given.size[0]} × {given.size[1]} px", f"{len(given.data) / 2**20:.1f} MiB"]
    if given.crop is not None:
        facts.append(f"cropped to {given.crop.size} px")
    if given.marks:
        facts.append("masked")
    return ", ".join(facts)
