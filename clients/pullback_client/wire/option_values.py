"""Values of options: Python's words and numbers, checked as the contract describes them, in its messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message

from pullback_api.options import INT32_MAX, Bounds, Option, options_of, set_option
from pullback_client.errors import InvalidArgumentError
from pullback_client.wire.fields import choice, number, optional_flag, text, whole_number


def set_options(message: Message, given: Mapping[str, Any], within: str = "") -> None:
    """Gives a message those of its options that are given; None leaves a default to the server.

    Args:
        message: The message.
        given: Options by name; others than those of the message are left alone.
        within: What their names begin with in messages about them, such as `alignment.`.

    Raises:
        InvalidArgumentError: An unknown word, a value of another kind than the option's, or one out of bounds.
    """
    for name, option in options_of(message.DESCRIPTOR).items():
        if (value := given.get(name)) is not None:
            set_option(message, name, _checked(option, value, within + name))


def _checked(option: Option, value: Any, name: str) -> Any:
    """The value of an option, as the contract takes it."""
    match option.kind:
        case "whole":
            least, most = option.bounds.minimum, option.bounds.maximum
            return whole_number(
                name,
                value,
                minimum=-INT32_MAX if least is None else int(least),
                maximum=INT32_MAX if most is None else int(most),
            )
        case "number":
            checked = number(name, value)
            if not option.bounds.hold(checked):
                bounds = _range(option.bounds)
                raise InvalidArgumentError(f"{name} must be a {bounds}, got {value!r}; leave it out for the default")
            return checked
        case "flag":
            return optional_flag(name, value)
        case "word":
            return value if choice(name, value, option.words) else None
        case "pair":
            return _pair(option, value, name)
        case "text":
            return text(name, value)


def _pair(option: Option, values: Any, name: str) -> tuple[Any, ...]:
    expected = f"{name} must be two numbers, ({', '.join(part.name for part in option.parts)}), got {values!r}"
    try:
        listed = list(values)
    except TypeError as error:
        raise InvalidArgumentError(expected) from error
    if len(listed) != len(option.parts):
        raise InvalidArgumentError(expected)
    return tuple(_checked(part, each, f"{name}.{part.name}") for part, each in zip(option.parts, listed, strict=True))


def _range(bounds: Bounds) -> str:
    """What a number must be, as in `number from 0 to 1`."""
    words = []
    if bounds.minimum is not None:
        words.append(f"{'above' if bounds.above else 'from'} {bounds.minimum:g}")
    if bounds.maximum is not None:
        words.append(f"{'and at most' if bounds.above else 'to'}{' below' if bounds.below else ''} {bounds.maximum:g}")
    elif words and not bounds.above:
        words.append("on")
    return " ".join(["number" if words else "finite number", *words])
