"""Fields of the forms for people: whole numbers."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from pullback_client.errors import InvalidArgumentError


def number_field(label: str, value: int, least: int, most: int) -> ui.number:
    """A field for a whole number."""
    return ui.number(label, value=value, min=least, max=most, step=1, format="%d").props("outlined dense")


def whole(field: ui.number) -> int:
    """The whole number of a field.

    Raises:
        InvalidArgumentError: It holds none.
    """
    value: Any = field.value
    if value is None or value != int(value):
        raise InvalidArgumentError(f"{field.props['label']}: expected a whole number, got {value!r}")
    return int(value)
