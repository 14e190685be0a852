"""Parts of a page that ask the server: the page is there at once, they follow, and are tried again where that fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from nicegui import ui

from pullback_client.errors import ClientError
from pullback_client.studio.parts.tasks import start

T = TypeVar("T")


def loaded(load: Callable[[], Awaitable[T]], draw: Callable[[T], object], *, what: str) -> Callable[[], None]:
    """A part that is drawn when it has been loaded; returns what loads it again.

    Until then it says that it is being loaded; an error is shown in its place with a way to try again. While it is
    loaded again, what was drawn stays.

    Args:
        load: Fetches what is shown.
        draw: Draws it, in the place where `loaded` was called.
        what: What is loaded, for people: "the generators".
    """
    place = ui.element("div").classes("loaded")
    with place:
        _waiting(what)

    async def fill() -> None:
        try:
            found = await load()
        except ClientError as error:
            place.clear()
            with place:
                _failed(what, error, again)
            return
        place.clear()
        with place:
            draw(found)

    def again() -> None:
        start(fill(), name=f"load {what}", within=place)

    again()
    return again


def _waiting(what: str) -> None:
    with ui.row().classes("waiting").props('role="status"'):
        ui.spinner(size="1.2em")
        ui.label(f"Loading {what} …")


def _failed(what: str, error: ClientError, again: Callable[[], None]) -> None:
    with ui.element("div").classes("failed").props('role="alert"'):
        ui.label(f"No {what.removeprefix('the ')}: {error}")
        ui.button("Try again", on_click=again).props("flat dense no-caps")
