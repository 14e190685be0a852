"""Fields of requests: from Python's words and numbers to the contract's, and back for provenance."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, SupportsFloat, get_args

import numpy as np
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from pullback_api.options import INT32_MAX
from pullback_client.errors import InvalidArgumentError
from pullback_client.text.vocabulary import known_words


def numbers(words: Any, enum: Any, prefix: str) -> dict[str, Any]:
    """The contract's numbers of the words of a `Literal`: of `mean`, that of `{prefix}_MEAN`."""
    return {word: enum.Value(f"{prefix}_{word.upper()}") for word in get_args(words)}


def as_dict(message: Message) -> dict[str, Any]:
    """A specification or settings as plain values under the contract's field names, enums by name."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def whole_number(field: str, value: int, *, minimum: int, maximum: int = INT32_MAX) -> int:
    """The value, where the contract's int32 can carry it.

    Raises:
        InvalidArgumentError: It is not a whole number from `minimum` to `maximum`.
    """
    expected = f"{field} must be a whole number from {minimum} to {maximum}, got {value!r}"
    try:
        whole = operator.index(value)  # NumPy's integers too
    except TypeError as error:
        raise InvalidArgumentError(expected) from error
    # True is 1 to Python, but nobody who writes it means a number.
    if isinstance(value, bool | np.bool_) or not minimum <= whole <= maximum:
        raise InvalidArgumentError(expected)
    return whole


def number(field: str, value: Any) -> float:
    """The value as a float, NumPy's scalars too.

    Raises:
        InvalidArgumentError: It is no number. Texts, True and False and arrays are none.
    """
    expected = f"{field} must be a number, got {value!r}"
    if not isinstance(value, SupportsFloat) or isinstance(value, bool | np.bool_) or np.ndim(np.asarray(value)):
        raise InvalidArgumentError(expected)
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgumentError(expected) from error


def optional_flag(field: str, value: Any) -> bool | None:
    """The value, NumPy's too; None for None.

    Raises:
        InvalidArgumentError: It is neither True nor False.
    """
    if value is not None and not isinstance(value, bool | np.bool_):
        raise InvalidArgumentError(f"{field} must be True or False, got {value!r}")
    return None if value is None else bool(value)


def text(field: str, value: Any) -> str:
    """The value, which has to be there.

    Raises:
        InvalidArgumentError: It is no text.
    """
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{field} must be a text, got {value!r}")
    return value


def optional_text(field: str, value: Any) -> str:
    """`text`; an empty one, which asks for the default, for None."""
    return "" if value is None else text(field, value)


def choice(field: str, value: str, known: Mapping[str, Any]) -> Any:
    """What a word stands for.

    Raises:
        InvalidArgumentError: There is no such word.
    """
    # A list cannot even be looked for.
    if not isinstance(value, str) or value not in known:
        raise InvalidArgumentError(f"unknown {field} {value!r}; {known_words(value, known)}")
    return known[value]


def optional_choice(field: str, value: str | None, known: Mapping[str, Any]) -> Any:
    """What a word stands for; 0, which asks for the default, for None.

    Raises:
        InvalidArgumentError: There is no such word.
    """
    return 0 if value is None else choice(field, value, known)


def optional_positive(field: str, value: float | None) -> float:
    """The value; 0, which asks for the default, for None.

    Raises:
        InvalidArgumentError: It is no number, or not above 0.
    """
    if value is None:
        return 0.0
    positive = number(field, value)
    # A 0 that somebody wrote must not get onto the wire, where it asks for the default. Written so that NaN fails too.
    if not positive > 0:
        raise InvalidArgumentError(f"{field} must be a number above 0, got {value!r}; leave it out for the default")
    return positive


def optional_count(field: str, value: int | None) -> int:
    """The value, where the contract's int32 can carry it; 0, which asks for the default, for None.

    Raises:
        InvalidArgumentError: It is not a whole number from 1 to 2³¹ − 1.
    """
    # A 0 that somebody wrote must not get onto the wire, where it asks for the default.
    return 0 if value is None else whole_number(field, value, minimum=1)
