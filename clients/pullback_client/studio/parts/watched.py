"""Parts of a page that are asked for again every few seconds, and drawn anew where what they show has changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from nicegui import ui

from pullback_client.errors import ClientError

T = TypeVar("T")

_SECONDS = 2.0  # between two looks


def watched(
    load: Callable[[], Awaitable[T]], draw: Callable[[T], object], *, seen: Callable[[T], object], what: str
) -> None:
    """A part that goes with what it shows; an error stands in its place until the next look that succeeds.

    Args:
        load: Fetches what is shown.
        draw: Draws it, in the place where `watched` was called.
        seen: What of it is drawn; while that stays the same, nothing is drawn anew.
        what: What is shown, for people: "the jobs".
    """
    place = ui.element("div").classes("stack")
    with place:
        ui.label(f"Loading {what} …").classes("quiet")
    drawn: object = None
    asking = False

    async def look() -> None:
        nonlocal asking, drawn
        if asking:  # a slow server is not asked again meanwhile
            return
        asking = True
        try:
            found = await load()
        except ClientError as error:
            _redraw(("away", str(error)), lambda: _failed(what, error))
        else:
            _redraw(("here", seen(found)), lambda: draw(found))
        finally:
            asking = False

    def _redraw(now: object, anew: Callable[[], object]) -> None:
        nonlocal drawn
        if now == drawn:
            return
        drawn = now
        place.clear()
        with place:
            anew()

    ui.timer(_SECONDS, look)


def _failed(what: str, error: ClientError) -> None:
    ui.label(f"No {what.removeprefix('the ')}: {error}").classes("failed").props('role="alert"')
