"""Fields whose values the browser's tab keeps, so that a page that is loaded again has them as they were filled in."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement

from pullback_client.studio.parts.tab_memory import TabMemory
from pullback_client.studio.visitors import Visitor

_LONGEST = 2_000  # characters of a text that is kept


class KeptFields:
    """What a tab keeps of the fields of a page.

    Args:
        memory: Where they are kept.
        kept: What was in it.
    """

    def __init__(self, memory: TabMemory, kept: Any) -> None:
        self._memory = memory
        self._values: dict[str, Any] = dict(kept) if isinstance(kept, dict) else {}

    @classmethod
    async def load(cls, visitor: Visitor, name: str) -> KeptFields:
        """What the tab of the page keeps under a name.

        Raises:
            DeadlineExceededError: The browser did not answer.
        """
        memory = TabMemory(visitor, name)
        return cls(memory, await memory.read())

    def keep(self, name: str, field: ValueElement[Any]) -> None:
        """Fills in what a field had, where it can have it still, and keeps what it has from now on."""
        if name in self._values and _fits(field, self._values[name]):
            field.set_value(self._values[name])
        field.on_value_change(lambda event: self._changed(name, event.value))

    def _changed(self, name: str, value: Any) -> None:
        self._values[name] = value
        self._memory.keep(self._values)


def _fits(field: ValueElement[Any], value: Any) -> bool:
    """Whether a value that a browser tells is one of the field's."""
    match field:
        case ui.select():
            return value is None or (isinstance(value, str | int | float) and value in field.options)
        case ui.checkbox():
            return isinstance(value, bool)
        case ui.number():
            return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
        case _:
            return isinstance(value, str) and len(value) <= _LONGEST
