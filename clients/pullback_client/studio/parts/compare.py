"""Comparison of two pictures: one over the other, with a line between them that is dragged, or moved by keys."""

from __future__ import annotations

from nicegui import ui


class Comparison(ui.element, component="compare.js"):
    """A comparison; `show` puts other pictures in. Its style is in `studio.css`.

    Args:
        name: Of its slider, for those who do not see it.
        size: Width and height of the pictures, of which only the ratio counts.
        before: What the first picture shows, which is left of the line.
        after: What the second one shows.
    """

    def __init__(self, name: str, size: tuple[int, int], before: str, after: str) -> None:
        super().__init__()
        self.props["name"] = name
        self.props["width"], self.props["height"] = size
        self.props["before-shows"], self.props["after-shows"] = before, after

    def show(self, before: str | None = None, after: str | None = None, *, after_shows: str | None = None) -> None:
        """Puts pictures in, given as the addresses that hold them; None leaves what is there."""
        for prop, value in (("before", before), ("after", after), ("after-shows", after_shows)):
            if value is not None:
                self.props[prop] = value
        self.update()
