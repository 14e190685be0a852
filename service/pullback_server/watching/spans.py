"""Spans of traces: of calls, of jobs and of what workers do for them; nothing where nobody has asked for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TypeVar

T = TypeVar("T")
Attributes = Mapping[str, str | int | float]
NONE: Attributes = MappingProxyType({})


class Span:
    """A span that is open, of nothing that anybody looks at.

    Attributes:
        header: Its `traceparent`, by which others become its children; empty where it is not traced.
    """

    header = ""

    def end(self, attributes: Attributes = NONE, *, failed: str = "") -> None:
        """Ends it; `failed` says what went wrong, in a code or a word, `attributes` what else is known by now."""


class Tracing:
    """No traces."""

    @property
    def on(self) -> bool:
        """Whether spans go anywhere."""
        return False

    def begin(
        self,
        name: str,
        *,
        parent: str = "",
        serving: bool = False,
        began: int | None = None,
        attributes: Attributes = NONE,
    ) -> Span:
        """Begins a span.

        Args:
            name: What is done.
            parent: `traceparent` of what it is done for; empty for a trace of its own.
            serving: Whether a call of somebody else is answered by it.
            began: When it began, in nanoseconds since 1970; None for now.
            attributes: What else is known.
        """
        del name, parent, serving, began, attributes
        return Span()

    def around(self, name: str, parent: str, pieces: Iterable[T]) -> Iterator[T]:
        """What an iterator gives, in a span that ends with it, where its parent is traced."""
        if not self.on or not parent:
            return iter(pieces)
        return self._around(name, parent, pieces)

    def _around(self, name: str, parent: str, pieces: Iterable[T]) -> Iterator[T]:
        span, failed = self.begin(name, parent=parent), "abandoned"
        try:
            yield from pieces
            failed = ""
        except Exception as error:
            failed = type(error).__name__
            raise
        finally:
            span.end(failed=failed)

    def close(self) -> None:
        """Sends what has not been sent, for a few seconds at most."""
