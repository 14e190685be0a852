"""Fields for options, as the contract's tables describe them: kinds, bounds, words, defaults and help."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any

from nicegui import ui

from pullback_api.options import Option, options_of
from pullback_client.studio.parts.kept_fields import KeptFields


class OptionFields:
    """Fields for the options of a message of the contract, where it is made; `given` says what was filled in.

    Args:
        message: Class of the contract's message.
        only: Names of the options that have a field, in this order; None = all but `leave_out`, in groups.
        leave_out: Names of options that have none.
        known: Values to choose from, of options that are texts; any other may be typed all the same.
    """

    def __init__(
        self,
        message: Any,
        *,
        only: Sequence[str] | None = None,
        leave_out: Collection[str] = (),
        known: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._known = known or {}
        self._fields: dict[str, list[Any]] = {}
        self._whole: set[str] = set()
        options = options_of(message.DESCRIPTOR)
        if only is not None:
            self._draw([options[name] for name in only])
            return
        left = sorted((each for each in options.values() if each.name not in leave_out), key=lambda each: each.group)
        for group, members in groupby(left, key=lambda each: each.group):
            ui.label(group).classes("group")
            self._draw(list(members))

    @property
    def given(self) -> dict[str, Any]:
        """The values of the fields that were filled in, by the options' names."""
        found: dict[str, Any] = {}
        for name, fields in self._fields.items():
            values = [field.value for field in fields]
            if None not in values and "" not in values:
                # A browser tells whole numbers as any others.
                known = [int(value) for value in values] if name in self._whole else values
                found[name] = known[0] if len(known) == 1 else tuple(known)
        return found

    def suggest(self, name: str, values: Sequence[str]) -> None:
        """Has other values to choose from for a text."""
        for field in self._fields.get(name, ()):
            field.set_autocomplete(list(values))

    def set(self, values: Mapping[str, Any]) -> None:
        """Fills fields in; others are left as they are."""
        for name, value in values.items():
            parts = value if isinstance(value, tuple) else (value,)
            for field, part in zip(self._fields.get(name, ()), parts, strict=False):
                field.set_value(part)

    def keep(self, kept: KeptFields, group: str = "") -> None:
        """Has the tab keep what is filled in.

        Args:
            kept: Does so.
            group: Before the options' names, where the page has others of the same.
        """
        for name, fields in self._fields.items():
            for place, field in enumerate(fields):
                kept.keep(f"{group}{name} {place}", field)

    def clear(self) -> None:
        """Fills in none."""
        for field in (field for fields in self._fields.values() for field in fields):
            field.set_value("" if isinstance(field, ui.input) else None)

    def _draw(self, options: Sequence[Option]) -> None:
        with ui.element("div").classes("options"):
            for option in options:
                if option.kind == "pair":
                    fields = [self._number(part, f"{_title(option)}, {part.name}") for part in option.parts]
                else:
                    fields = [self._field(option)]
                fields[0].props["hint"] = option.help
                self._fields[option.name] = fields
                if option.bounds.whole:
                    self._whole.add(option.name)

    def _field(self, option: Option) -> Any:
        unset = f"default: {option.default}" if option.default else "default"
        match option.kind:
            case "whole" | "number":
                return self._number(option, _title(option))
            case "flag":
                return _choice(option, {None: unset, True: "yes", False: "no"})
            case "word":
                return _choice(option, {None: unset} | {word: _said(word) for word in option.words})
            case _:
                field = ui.input(_title(option), placeholder=unset, autocomplete=list(self._known.get(option.name, ())))
                return field.props("dense outlined stack-label")

    def _number(self, option: Option, title: str) -> Any:
        bounds = option.bounds
        unit = f" ({option.unit})" if option.unit and option.unit != option.name else ""
        field = ui.number(
            f"{title}{unit}",
            placeholder=f"default: {option.default}" if option.default else "default",
            min=bounds.minimum,
            max=bounds.maximum,
            step=1 if bounds.whole else None,
            precision=0 if bounds.whole else None,
        )
        return field.props("dense outlined stack-label" + ("" if bounds.whole else " step=any"))


def _choice(option: Option, words: Mapping[Any, str]) -> Any:
    field = ui.select(dict(words), value=None, label=_title(option))
    return field.props("dense outlined stack-label options-dense")


def _title(option: Option) -> str:
    return option.name.replace("_", " ").capitalize()


def _said(word: str) -> str:
    return word.replace("_", " ")
