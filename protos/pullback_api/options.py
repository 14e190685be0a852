"""Options of requests: the contract's descriptions of them, and their values as Python's words, numbers and pairs.

What an option is, the contract says once, beside the field that carries it (`options.proto`). Everything that takes
options reads it here: keyword arguments, command lines, and the checks of client and server.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from pullback_api.v1 import options_pb2

Kind: TypeAlias = Literal["whole", "number", "flag", "text", "word", "pair"]
"""What values an option has: a whole number, a number, true or false, a text, a word of an enumeration, or two
numbers."""

_KINDS: Mapping[int, Kind] = {
    FieldDescriptor.TYPE_INT32: "whole",
    FieldDescriptor.TYPE_DOUBLE: "number",
    FieldDescriptor.TYPE_BOOL: "flag",
    FieldDescriptor.TYPE_STRING: "text",
    FieldDescriptor.TYPE_ENUM: "word",
    FieldDescriptor.TYPE_MESSAGE: "pair",
}
INT32_MAX = 2**31 - 1
"""The greatest whole number that the contract carries."""

_OPTION: Any = options_pb2.option
_TOLD_ONLY: Any = options_pb2.told_only


@dataclass(frozen=True)
class Bounds:
    """Between which numbers a value lies.

    Attributes:
        whole: Whether it is a whole number.
        minimum: The least; None = any.
        above: Whether `minimum` itself is too little.
        maximum: The greatest; None = any.
        below: Whether `maximum` itself is too much.
    """

    whole: bool
    minimum: float | None = None
    above: bool = False
    maximum: float | None = None
    below: bool = False

    def hold(self, value: float) -> bool:
        """Whether a value is finite and lies between."""
        # Comparisons with NaN are false.
        enough = self.minimum is None or (value > self.minimum if self.above else value >= self.minimum)
        few = self.maximum is None or (value < self.maximum if self.below else value <= self.maximum)
        return math.isfinite(value) and enough and few

    def __str__(self) -> str:
        """The bounds in words, as in `expected 1 to 1,024`."""
        least, most = _shown(self.minimum), _shown(self.maximum)
        if self.minimum is None:
            return "a finite number" if self.maximum is None else f"{'less than' if self.below else 'at most'} {most}"
        if self.maximum is None:
            return f"{least} or more" if self.whole else f"a finite number {'>' if self.above else '≥'} {least}"
        if not self.above and not self.below:
            return f"{least} to {most}"
        begin = f"more than {least}" if self.above else f"{least} or more"
        return f"{begin} and less than {most}" if self.below else f"{begin}, at most {most}"


@dataclass(frozen=True)
class Option:
    """An option, as the contract describes it.

    Attributes:
        name: What people call it.
        field: Name of its field.
        kind: What values it has.
        bounds: Of a number.
        help: What it is, in a few words.
        unit: Of a number; empty where it has none.
        default: What holds where it is left out, in words.
        group: Heading under which help lists it.
        words: Of a word: those that can be asked for, with their numbers in the contract.
        enum: Of a word: the contract's enumeration.
        parts: Of a pair: its two numbers.
        has_presence: Whether a message tells that it was left out; else its zero says so, or means itself.
    """

    name: str
    field: str
    kind: Kind
    bounds: Bounds
    help: str = ""
    unit: str = ""
    default: str = ""
    group: str = ""
    words: Mapping[str, int] = dataclasses.field(default_factory=dict)
    enum: EnumDescriptor | None = None
    parts: tuple[Option, ...] = ()
    has_presence: bool = False


@functools.cache
def options_of(descriptor: Descriptor) -> Mapping[str, Option]:
    """The options among the fields of a message, by what people call them, in the contract's order."""
    found = [_option(each) for each in descriptor.fields if each.GetOptions().HasExtension(_OPTION)]
    return {each.name: each for each in found}


def words_of(enum: EnumDescriptor) -> dict[str, int]:
    """The words of an enumeration with their numbers: `mean` of `AGGREGATION_MEAN`, none of the one for the default."""
    # `AGGREGATION_UNSPECIFIED` tells how much of each name is the enumeration's own.
    prefix = next((each.name for each in enum.values if not each.number), "").removesuffix("UNSPECIFIED")
    return {each.name.removeprefix(prefix).lower(): each.number for each in enum.values if each.number}


def names_of(enum: Any) -> dict[Any, str]:
    """The words of an enumeration by their numbers.

    Args:
        enum: As the stubs have it, such as `specs_pb2.Start`.
    """
    return {number: word for word, number in words_of(enum.DESCRIPTOR).items()}


def given_options(message: Message) -> dict[str, Any]:
    """The options that a message gives, by name: words, numbers, flags, texts, and pairs as tuples.

    Raises:
        KeyError: A number that stands for no word; `faults` finds it.
    """
    return {
        option.name: _value(message, option)
        for option in options_of(message.DESCRIPTOR).values()
        if is_given(message, option)
    }


def is_given(message: Message, option: Option) -> bool:
    """Whether a message gives an option."""
    return message.HasField(option.field) if option.has_presence else bool(getattr(message, option.field))


def set_option(message: Message, name: str, value: Any) -> None:
    """Gives an option of a message a value, as `given_options` returns it."""
    option = options_of(message.DESCRIPTOR)[name]
    if option.kind == "word":
        setattr(message, option.field, option.words[value])
    elif option.kind == "pair":
        pair = getattr(message, option.field)
        for part, number in zip(option.parts, value, strict=True):
            setattr(pair, part.field, number)
    else:
        setattr(message, option.field, value)


def faults(message: Message) -> Iterator[tuple[str, str]]:
    """What is wrong with the options that a message gives, those of messages within included.

    Yields:
        The path of a field within the message, and what was expected and what came.
    """
    options = {option.field: option for option in options_of(message.DESCRIPTOR).values()}
    for descriptor, value in message.ListFields():
        option = options.get(descriptor.name)
        if isinstance(value, Message):
            yield from ((f"{descriptor.name}.{path}", description) for path, description in faults(value))
        elif option is not None and (description := _fault(option, value)):
            yield option.field, description


def clear(message: Message, path: str) -> None:
    """Takes a field back, by its path as `faults` names it."""
    *within, name = path.split(".")
    for each in within:
        message = getattr(message, each)
    message.ClearField(name)


def enum_names(enum: EnumDescriptor) -> str:
    """The words of an enumeration that can be asked for, as people write them, and the first as the contract does."""
    first = next(each.name for each in enum.values if each.number)
    return f"{', '.join(_to_ask_for(enum))} (in the contract {first} and so on)"


def _fault(option: Option, value: Any) -> str:
    """What is wrong with a value of an option; empty where nothing is."""
    if option.kind in ("whole", "number") and not option.bounds.hold(value):
        unit = f" {option.unit}" if option.unit and option.kind == "whole" else ""
        return f"expected {option.bounds}{unit}, but {value} came"
    if option.enum is not None and value not in option.words.values():
        return f"unknown {option.name.replace('_', ' ')} {value}; known: {enum_names(option.enum)}"
    return ""


def _value(message: Message, option: Option) -> Any:
    value = getattr(message, option.field)
    if option.enum is not None:
        return {number: word for word, number in words_of(option.enum).items()}[value]
    if option.kind == "pair":
        return tuple(getattr(value, part.field) for part in option.parts)
    return value


def _option(descriptor: FieldDescriptor) -> Option:
    info: options_pb2.OptionInfo = descriptor.GetOptions().Extensions[_OPTION]
    kind, enum = _KINDS[descriptor.type], descriptor.enum_type
    bounds = Bounds(
        whole=kind == "whole",
        minimum=info.minimum if info.HasField("minimum") else None,
        above=info.above_minimum,
        maximum=info.maximum if info.HasField("maximum") else None,
        below=info.below_maximum,
    )
    return Option(
        name=info.name or descriptor.name,
        field=descriptor.name,
        kind=kind,
        help=info.help,
        bounds=bounds,
        unit=info.unit,
        default=info.default,
        group=info.group,
        words={} if enum is None else _to_ask_for(enum),
        enum=enum,
        parts=tuple(options_of(descriptor.message_type).values()) if kind == "pair" else (),
        has_presence=descriptor.has_presence,
    )


def _to_ask_for(enum: EnumDescriptor) -> dict[str, int]:
    told = {each.number for each in enum.values if each.GetOptions().Extensions[_TOLD_ONLY]}
    return {word: number for word, number in words_of(enum).items() if number not in told}


def _shown(bound: float | None) -> str:
    return "" if bound is None else f"{bound:,g}" if bound < 1e6 else f"{bound:,.0f}"
