"""The image of where the sliders are: the newest place alone is drawn, one at a time."""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import ui

from pullback_client.aio import AsyncClient
from pullback_client.client import Client
from pullback_client.errors import ClientError
from pullback_client.studio.exploring.newest import Newest
from pullback_client.studio.exploring.places import Place
from pullback_client.studio.parts.pictures import picture, source


@dataclass(frozen=True)
class _Asked:
    """A place to be drawn, and how many moves of the hand had led there."""

    place: Place
    moves: int
    shows: str


class Viewer:
    """The image, where it is made.

    Args:
        client: Draws it.
        generator: Id of the generator.
    """

    def __init__(self, client: AsyncClient, generator: str) -> None:
        self._client, self._generator = client, generator
        with ui.element("div").classes("explore-frame") as frame:
            self._image = picture(None, "not drawn yet", side=384).classes("explore-image")
            with ui.element("div").classes("failed").props('role="alert"') as self._fault:
                self._words = ui.label("")
                ui.button("Try again", on_click=self._again).props("flat dense no-caps")
        self._fault.set_visibility(False)
        self._last: _Asked | None = None
        self._newest = Newest(self._draw, frame)

    def show(self, place: Place, shows: str, moves: int = 0) -> None:
        """Shows the image of a place, unless another one is asked for before it is begun.

        Args:
            place: The place.
            shows: What the image shows, for those who do not see it.
            moves: How many moves of the hand had led there; the shown image says it.
        """
        self._last = _Asked(place, moves, shows)
        self._newest.ask(self._last)

    def _again(self) -> None:
        if self._last is not None:
            self._newest.ask(self._last)

    async def _draw(self, asked: _Asked) -> None:
        try:
            drawn = await self._client.call(_source, self._generator, asked.place)
        except ClientError as error:
            # In the image's place: of a hand that goes on moving each error would else be told anew.
            self._words.set_text(f"No image: {error}")
            self._fault.set_visibility(True)
            self._image.classes("explore-stale")
            return
        if self._fault.visible:
            self._fault.set_visibility(False)
            self._image.classes(remove="explore-stale")
        self._image.props["src"] = drawn
        self._image.props["alt"] = asked.shows
        self._image.props["data-moves"] = str(asked.moves)
        self._image.update()


def _source(client: Client, generator: str, place: Place) -> str:
    return source(place.draw(client, generator))
