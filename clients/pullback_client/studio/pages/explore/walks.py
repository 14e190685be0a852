"""Walks as the page shows them: the frames side by side, each to be taken up, and the files of the whole."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from nicegui import run, ui

from pullback_client.directions.frame import Frame
from pullback_client.directions.traversal import Traversal
from pullback_client.studio.exploring.strips import walk_file
from pullback_client.studio.parts.pictures import source

_FILES = {".png": "Strip", ".gif": "Animation", ".mp4": "Video", ".npz": "Latents"}


def show_walk(walk: Traversal, called: str, take: Callable[[Frame], Any], *, measured: bool = False) -> None:
    """Draws a walk, where it is called.

    Args:
        walk: The walk.
        called: Its name, also that of its files.
        take: Called with the frame that is pressed.
        measured: Whether the distances from the start are shown.
    """
    with ui.element("div").classes("walk"):
        with ui.element("div").classes("strip"):
            for frame in walk:
                _frame(frame, take, measured=measured)
        with ui.element("div").classes("flow walk-files"):
            _play(walk, called)
            for suffix, name in _FILES.items():
                _download(walk, called, suffix, name)


def _frame(frame: Frame, take: Callable[[Frame], Any], *, measured: bool) -> None:
    step = f"{frame.step:+.2f}" if frame.step else "0"
    with ui.element("button").props(f'type="button" aria-label="Take up step {step}"') as button:
        button.classes("walk-frame").on("click", lambda: take(frame))
        image = ui.element("img").props('alt=""')
        image.props["src"] = source(frame.image)
        ui.label(f"{step} · {frame.distance:.2f}" if measured else step).classes("number")


def _download(walk: Traversal, called: str, suffix: str, name: str) -> None:
    async def send() -> None:
        if (content := await run.io_bound(walk_file, walk, suffix)) is not None:  # None: the studio is stopping
            ui.download.content(content, f"{called}{suffix}")

    button = ui.button(f"{name} {suffix}", on_click=send).props("flat dense no-caps")
    button.props(f'aria-label="Download {name.lower()} {suffix} of {called}"')


def _play(walk: Traversal, called: str) -> None:
    """A switch that shows the animation; nothing moves unasked."""
    moving = ui.element("img").props(f'alt="{called}, forth and back"').classes("walk-moving")

    def turn() -> None:
        if not moving.visible:
            moving.props["src"] = f"data:image/gif;base64,{base64.b64encode(walk.animation).decode()}"
            moving.update()
        moving.set_visibility(not moving.visible)
        button.set_text("Stop" if moving.visible else "Play")

    moving.set_visibility(False)
    button = ui.button("Play", on_click=turn).props("flat dense no-caps").props(f'aria-label="Play {called}"')
