"""Pictures: images as the browser shows them, small ones enlarged."""

from __future__ import annotations

import base64
import io

from nicegui import ui
from PIL import Image


def source(image: Image.Image) -> str:
    """The image as an address that holds it: PNG, nothing is kept on the server."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)  # faster, and the way is short
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def photograph_source(image: Image.Image) -> str:
    """Likewise of a photograph, as JPEG: PNG would take ten times as much."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def picture(image: Image.Image | None, shows: str, *, side: int = 160) -> ui.element:
    """A picture; `show` puts another one in its place.

    Args:
        image: None for none yet.
        shows: What it shows, for those who do not see it.
        side: Its shown height, px.
    """
    element = ui.element("img").classes("picture").style(f"height:{side}px")
    element.props["alt"] = shows
    if image is not None:
        show(element, image)
    return element


def show(element: ui.element, image: Image.Image, shows: str | None = None) -> None:
    """Puts an image into a `picture`."""
    element.props["src"] = source(image)
    if shows is not None:
        element.props["alt"] = shows
    element.update()
