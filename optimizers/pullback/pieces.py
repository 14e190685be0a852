"""Long computations in pieces: generators that yield nothing wherever other work may be done, and return the result."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import Generic, ParamSpec, Protocol, TypeVar, cast, runtime_checkable

_Taken = ParamSpec("_Taken")
_Found = TypeVar("_Found")


def finish(pieces: Generator[None, None, _Found]) -> _Found:
    """What such a computation returns, once all of it is done."""
    while True:
        try:
            next(pieces)
        except StopIteration as finished:
            found: _Found = finished.value
            return found


class Underway(Generic[_Found]):
    """Such a computation, of which a piece is done at a time; between two pieces nothing else holds what is done."""

    def __init__(self) -> None:
        self._pieces: Generator[None, None, _Found] | None = None

    @property
    def begun(self) -> bool:
        """Whether some pieces are done, and some are left."""
        return self._pieces is not None

    def advance(self, begin: Callable[[], Generator[None, None, _Found]]) -> _Found | None:
        """Does the next piece, or the first one of what `begin` gives.

        Returns:
            What the computation returns, once all of it is done; None before.
        """
        if self._pieces is None:
            self._pieces = begin()
        try:
            next(self._pieces)
        except StopIteration as finished:
            self._pieces = None
            found: _Found = finished.value
            return found
        return None

    def forget(self) -> None:
        """Drops what is done; the next piece is the first one again."""
        self._pieces = None


@runtime_checkable
class InPieces(Protocol[_Taken, _Found]):
    """A function that computes at once what a generator function computes in pieces; see `in_pieces`.

    Attributes:
        in_pieces: The generator function.
    """

    in_pieces: Callable[_Taken, Generator[None, None, _Found]]

    def __call__(self, *args: _Taken.args, **kwargs: _Taken.kwargs) -> _Found:
        """What the pieces return, once all are done."""


def in_pieces(function: Callable[_Taken, Generator[None, None, _Found]]) -> InPieces[_Taken, _Found]:
    """Makes a generator function one that is called as a whole; its pieces are had by `function.in_pieces(…)`.

    It is a plain function: `help` shows it as one, and other processes can be sent it by its name.

    Args:
        function: A generator function of a module, whose annotations are texts (`from __future__ import annotations`).
    """

    @functools.wraps(function)
    def whole(*args: _Taken.args, **kwargs: _Taken.kwargs) -> _Found:
        return finish(function(*args, **kwargs))

    found = function.__annotations__["return"].removeprefix("Generator[None, None, ").removesuffix("]")
    whole.__annotations__ = {**function.__annotations__, "return": found}
    signature = inspect.signature(function).replace(return_annotation=found)
    whole.__signature__ = signature  # type: ignore[attr-defined]
    whole.in_pieces = function  # type: ignore[attr-defined]
    return cast(InPieces[_Taken, _Found], whole)
