"""Numbers of trials as experiments hold them: scores and onsets of any library's types, made plain or refused.

What holds real numbers is taken: Python's and NumPy's numbers, `Decimal`, `Fraction`, True and False, arrays and
tensors on any device with or without a gradient, Series and DataFrames, whatever has `__array__`, and lists of all
these. None, NaN, `pandas.NA` and what a masked array hides are no score. Complex numbers, texts, dates, infinities and
numbers beyond ±1e100 are errors that say which trial has what: nothing of a number is lost on its way to the server.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Mapping, Sequence, Set
from decimal import Decimal
from numbers import Real
from typing import Any, SupportsFloat

import numpy as np

from pullback_api.limits import MAX_SCORE
from pullback_client.errors import InvalidArgumentError
from pullback_client.wire.codec import Array

_shown = reprlib.Repr()
_shown.maxother = _shown.maxstring = 120


def score_values(what: str, value: Any) -> float | list[float]:
    """A trial's score, or the values of its channels; NaN = none.

    A number without axes is a score. Of what has axes, leading ones of length 1, such as a network's batch, do not
    count, and the last is that of the channels.

    Args:
        what: What the value is, for the error: `the score of trial000003`.
        value: In any of the forms above.

    Raises:
        InvalidArgumentError: It is no real number, is infinite or beyond ±1e100, or has further axes.
    """
    values = plain(what, value)
    while values.ndim > 1 and len(values) == 1:
        values = values[0]
    if values.ndim > 1 or not values.size:
        raise InvalidArgumentError(f"{what} must be a number, or one per channel, got numbers of shape {values.shape}")
    for number in values.flat:
        check_size(what, float(number))
    found: float | list[float] = values.tolist()
    return found


def real(what: str, value: Any) -> float:
    """The one real number that a value holds, whatever its axes; NaN = none.

    Args:
        what: What the value is, for the error.
        value: In any of the forms above.

    Raises:
        InvalidArgumentError: It is no real number, or there are several.
    """
    values = plain(what, value)
    if values.size != 1:
        raise InvalidArgumentError(f"{what} must be one number, got {values.size} of them, of shape {values.shape}")
    return float(values.item())


def check_size(what: str, number: float) -> None:
    """Raises InvalidArgumentError where a score is infinite or beyond what the server takes; NaN is neither."""
    if math.isinf(number):
        raise InvalidArgumentError(f"{what} is infinite: give a finite number, or None where there is none")
    if abs(number) > MAX_SCORE:
        raise InvalidArgumentError(f"{what} is {number:g}: give numbers within ±{MAX_SCORE:g}, in another unit perhaps")


def plain(what: str, value: Any) -> Array:
    """The real numbers that a value holds, float64, in its own shape; NaN where there is none.

    Args:
        what: What the value is, for the error.
        value: In any of the forms above.

    Raises:
        InvalidArgumentError: It holds something else, or rows of different lengths.
    """
    if isinstance(value, np.ndarray | np.generic):
        return _of_numpy(what, value)
    if value is None or type(value).__name__ == "NAType":  # pandas.NA, without importing pandas
        return np.array(math.nan)
    if isinstance(value, Real | Decimal):
        return np.array(_float(what, value))
    if isinstance(value, str | bytes | bytearray | complex | Mapping | Set):
        raise _refusal(what, value)
    if (found := _array_of(what, value)) is not None:
        return plain(what, found)
    if isinstance(value, Sequence):
        return _stacked(what, [plain(what, item) for item in value])
    return np.array(_float(what, value))


def rows(scores: Any) -> Mapping[str, Any] | list[Any] | None:
    """The scores of several trials: by their ids, or one after another; None where it is a single number or none.

    A Series or DataFrame whose index has texts is taken by them, as a dict is. Any other is taken in the order of its
    rows, if its index rises: one that was sorted or shuffled does not say which row is whose.

    Raises:
        InvalidArgumentError: A text, a set, or an index that does not rise or has an id twice.
    """
    if isinstance(scores, Mapping):
        return scores
    if isinstance(scores, str | bytes | bytearray | Set):
        return None
    if hasattr(scores, "to_numpy") and hasattr(scores, "index"):
        return _of_table(scores)
    if not isinstance(scores, Iterable) and (found := _array_of("scores", scores)) is not None:
        scores = found
    try:
        return list(scores)
    except TypeError:  # a number, or an array or tensor without axes
        return None


def _of_table(scores: Any) -> Mapping[str, Any] | list[Any]:
    values = list(scores.to_numpy())
    index = list(scores.index)
    if index and all(isinstance(name, str) for name in index):
        if len(found := dict(zip(index, values, strict=True))) < len(index):
            raise InvalidArgumentError("the index of the scores has an id twice: give one row for each trial")
        return found
    if not scores.index.is_monotonic_increasing:
        raise InvalidArgumentError(
            f"the rows of the scores were moved, their index is {_shown.repr(index)}: give .sort_index() where its "
            "order is that of the trials, .to_numpy() where that of the rows is, or an index of trial ids"
        )
    return values


def _array_of(what: str, value: Any) -> Any:
    """The array or the nested lists of an array of another library; None where it is none."""
    try:
        if hasattr(value, "detach") and hasattr(value, "tolist"):
            # PyTorch, on any device, with a gradient or without, bfloat16 too: NumPy takes none of these.
            return value.detach().tolist()
        if hasattr(value, "to_numpy"):
            return value.to_numpy()
        if hasattr(value, "__array__"):
            return np.asarray(value)
    except Exception as error:
        raise InvalidArgumentError(
            f"{what} cannot be read as numbers, got {_shown.repr(value)} ({error}): give float(…), or a NumPy array"
        ) from error
    return None


def _of_numpy(what: str, value: Any) -> Array:
    hidden = np.ma.getmaskarray(value)
    bare = np.asarray(value)
    match bare.dtype.kind:
        case "b" | "i" | "u" | "f":
            pass
        case "O":
            # Of a masked array, None where it is masked.
            return plain(what, value.tolist())
        case "V" if bare.dtype.names is None and bare.dtype.type is not np.void:
            pass  # the small floats of ml_dtypes, which JAX has
        case _:
            raise _refusal(what, value)
    with np.errstate(over="ignore"):  # of long doubles: infinities are refused later
        numbers = bare.astype(np.float64)
    return np.where(hidden, np.nan, numbers)


def _float(what: str, value: Any) -> float:
    if not isinstance(value, SupportsFloat):
        raise _refusal(what, value)
    try:
        return float(value)
    except OverflowError:
        # 10**400 is no float64: as infinite as 1e400.
        return math.inf
    except (TypeError, ValueError, ArithmeticError) as error:
        raise _refusal(what, value) from error


def _stacked(what: str, parts: list[Array]) -> Array:
    if len({part.shape for part in parts}) > 1:
        shapes = _shown.repr([part.shape for part in parts])
        raise InvalidArgumentError(
            f"{what} must be a number, or one per channel, got parts of different shapes: {shapes}"
        )
    return np.stack(parts) if parts else np.zeros(0)


def _refusal(what: str, value: Any) -> InvalidArgumentError:
    is_complex = isinstance(value, complex) or getattr(getattr(value, "dtype", None), "kind", "") == "c"
    advice = ", which is complex: give its abs(), or its .real, as it is meant" if is_complex else ""
    return InvalidArgumentError(f"{what} must be a number, got {_shown.repr(value)}{advice}")
