"""Frame of a page: its head with the ways to the others, its heading, and how errors are shown."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import app, ui

from pullback_client.errors import ClientError
from pullback_client.studio.visitors import Visitor, Visitors

RESPONSE_SECONDS = 60.0
"""How long a page may take to be built; what asks the server is loaded afterwards, see `parts.loading`."""

_WAYS = (
    ("Home", "/"),
    ("Explore", "/explore"),
    ("Photograph", "/photograph"),
    ("Evolution", "/evolution"),
    ("People", "/people"),
    ("Report", "/report"),
)
_DARK = {"auto": None, "light": False, "dark": True}


def visitor() -> Visitor:
    """Whose page is being built, or whose event is being handled."""
    visitors: Visitors = app.state.visitors
    request = ui.context.client.request
    found = None if request is None else visitors.known(request)
    if found is None:  # who has left in another tab
        raise ClientError("you have left the studio: come in again")
    return found


@contextmanager
def page(title: str, *, here: str, loses: str = "") -> Iterator[Visitor]:
    """What is in the block becomes the main part of the page.

    A `ClientError` of what the page does later, such as when a button is pressed, is shown to the visitor.

    Args:
        title: Heading, and name of the browser's tab.
        here: Which way of the head leads here.
        loses: What is gone of the page where it has to be loaded anew as the studio was away, in a sentence.
    """
    who = visitor()
    ui.page_title(f"{title} – Pullback studio")
    ui.add_head_html('<link rel="stylesheet" href="/studio/studio.css">')
    reconnect(loses)
    ui.on_exception(say)
    with ui.header().classes("head"):
        ui.link("Skip to content", "#content").classes("skip")
        ui.link("Pullback", "/").classes("mark")
        with ui.element("nav").props('aria-label="Pages"').classes("ways"):
            for name, way in _WAYS:
                link = ui.link(name, way).classes("way")
                if way == here:
                    link.props('aria-current="page"')
        _light()
        if who.by_key:
            ui.html('<form method="post" action="/leave"><button class="leave">Leave</button></form>', sanitize=False)
    # NiceGUI's own column is the `main` of the page.
    with ui.element("div").props('id="content" tabindex="-1"').classes("page"):
        ui.html(f"<h1>{html.escape(title)}</h1>", sanitize=False)
        yield who


def reconnect(loses: str = "") -> None:
    """Has the page that is being built find the studio again when that was away; see `reconnecting.js`."""
    ui.add_head_html(f'<script src="/studio/reconnecting.js" data-loses="{html.escape(loses)}"></script>')


def say(error: Exception) -> None:
    """Shows an error to the visitor: those of the client as they are; others are faults, which the log has."""
    if isinstance(error, ClientError):
        ui.notify(str(error), type="negative", multi_line=True, close_button="Close", timeout=0, classes="told")
    else:
        ui.notify("The studio has a fault here; its log says more.", type="negative", close_button="Close", timeout=0)


def above() -> ui.element:
    """Where dialogs are made, as a context manager: a part of the page that is drawn anew does not take them along."""
    return ui.context.client.content


def section(title: str) -> ui.element:
    """A part of the page under a heading; use it as a context manager."""
    whole = ui.element("section").classes("section")
    with whole:
        ui.html(f"<h2>{html.escape(title)}</h2>", sanitize=False)
    return whole


def _light() -> None:
    """A choice of light and dark, or what the visitor's system has."""
    mode = ui.dark_mode(None)
    choice = ui.select(list(_DARK), value="auto", on_change=lambda event: mode.set_value(_DARK[event.value]))
    choice.props('dense borderless options-dense aria-label="Light or dark"').classes("light")
    with choice.add_slot("prepend"):
        ui.icon("contrast", size="1.1rem")
