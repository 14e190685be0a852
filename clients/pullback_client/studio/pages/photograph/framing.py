"""Framing of a photograph by hand: the square that is compared, and a mask over what does not count."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

from nicegui import events, ui

from pullback_client.inversion.framing import Crop
from pullback_client.studio.pages.photograph.tray import Given
from pullback_client.studio.photographs.masks import Rectangle, Stroke

_LEAST_SIDE = 8  # pixels, of a square; as the server takes them
_BRUSHES = (1, 40)  # per cent of the shorter side, its diameter


class _Canvas(ui.element, component="framing.js"):
    """The photograph with its square and its mask."""


class FramingEditor:
    """What is compared of a photograph, where it is made.

    Args:
        given: The photograph.
        changed: Called when its framing is another.
    """

    def __init__(self, given: Given, changed: Callable[[], None]) -> None:
        self._given, self._changed = given, changed
        self._erases = False
        width, height = given.size
        with ui.element("div").classes("framing-head"):
            ui.html(f"<h3>{html.escape(given.name)}</h3>", sanitize=False)
            self._mode = ui.toggle({"crop": "Frame", "mask": "Mask"}, value="crop", on_change=self._of_mode)
            self._mode.props('no-caps dense unelevated aria-label="What is edited"')
        self._canvas = _Canvas()
        self._canvas.props.update(
            src=given.seen, shows=given.name, width=width, height=height, mode="crop", erases=False
        )
        self._canvas.on("crop", lambda told: self._crop(Crop(*map(int, told.args))))
        self._canvas.on("stroke", lambda told: self._mark(Stroke.read(told.args)))
        with ui.element("div").classes("flow framing-tools") as self._crop_tools:
            self._left = _number("Left", 0, width, self._typed)
            self._top = _number("Top", 0, height, self._typed)
            self._size = _number("Size", _LEAST_SIDE, min(width, height), self._typed)
            ui.button("Centre", on_click=lambda: self._crop(None)).props("flat dense no-caps")
            ui.label("Drag it, or use the arrow keys, + and − (with Shift by single pixels).").classes("quiet")
        with ui.element("div").classes("stack framing-tools") as self._mask_tools:
            self._draw_mask_tools(width, height)
        self._of_mode()
        self._show()

    def _draw_mask_tools(self, width: int, height: int) -> None:
        with ui.element("div").classes("flow"):
            brush = ui.toggle({False: "Hide", True: "Show again"}, value=False, on_change=self._of_brush)
            brush.props('no-caps dense unelevated aria-label="Brush"')
            ui.label("Brush").classes("quiet")
            self._brush = ui.slider(min=_BRUSHES[0], max=_BRUSHES[1], value=10, on_change=self._of_brush)
            self._brush.props('label aria-label="Size of the brush, per cent of the shorter side"').classes("brush")
            ui.button("Undo", on_click=lambda: self._unmark(self._given.marks[:-1])).props("flat dense no-caps")
            ui.button("Clear", on_click=lambda: self._unmark(())).props("flat dense no-caps")
        with ui.element("div").classes("flow"):
            ui.label("Or a rectangle:").classes("quiet")
            box = [
                _number("Left of the rectangle", 0, width - 1, None, 0),
                _number("Top of the rectangle", 0, height - 1, None, 0),
                _number("Width", 1, width, None, max(1, width // 4)),
                _number("Height", 1, height, None, max(1, height // 4)),
            ]
            ui.button("Hide it", on_click=lambda: self._mark(_rectangle(box))).props("flat dense no-caps")

    def _of_mode(self) -> None:
        self._canvas.props["mode"] = self._mode.value
        self._crop_tools.set_visibility(self._mode.value == "crop")
        self._mask_tools.set_visibility(self._mode.value == "mask")
        self._canvas.update()

    def _of_brush(self, told: events.ValueChangeEventArguments[Any]) -> None:
        if isinstance(told.value, bool):
            self._erases = told.value
        self._show()

    def _typed(self) -> None:
        values = [field.value for field in (self._left, self._top, self._size)]
        if None in values:
            return
        left, top, size = map(int, values)
        width, height = self._given.size
        size = min(max(size, _LEAST_SIDE), width, height)
        typed = Crop(min(max(left, 0), width - size), min(max(top, 0), height - size), size)
        if typed != self._square:
            self._crop(typed)

    def _crop(self, crop: Crop | None) -> None:
        self._given.crop = crop
        self._show()
        self._changed()

    def _mark(self, mark: Stroke | Rectangle | None) -> None:
        if mark is not None:
            self._given.marks.append(mark)
        self._show()
        self._changed()

    def _unmark(self, left: Sequence[Stroke | Rectangle]) -> None:
        self._given.marks[:] = left
        self._show()
        self._changed()

    @property
    def _square(self) -> Crop:
        width, height = self._given.size
        side = min(width, height)
        return self._given.crop or Crop((width - side) // 2, (height - side) // 2, side)

    def _show(self) -> None:
        crop, given = self._square, self._given
        for field, value in ((self._left, crop.left), (self._top, crop.top), (self._size, crop.size)):
            field.set_value(value)
        self._canvas.props.update(
            crop=None if given.crop is None else list(given.crop),
            marks=[mark.told for mark in given.marks],
            radius=self._brush.value / 200 * min(given.size),
            erases=self._erases,
        )
        self._canvas.update()


def _number(name: str, least: int, most: int, changed: Callable[[], None] | None, value: int | None = None) -> Any:
    field = ui.number(name, min=least, max=most, precision=0, value=value)
    if changed is not None:
        # When it has been typed in full: in between, numbers of fewer digits would move the square about.
        field.on("blur", changed)
        field.on("keydown.enter", changed)
    return field.props("dense outlined stack-label").classes("pixels")


def _rectangle(fields: Sequence[Any]) -> Rectangle | None:
    values = [field.value for field in fields]
    return None if None in values else Rectangle(*map(int, values))
