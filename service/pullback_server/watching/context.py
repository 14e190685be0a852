"""Context of what is being done: whose request, which job, which session; the log says it with every line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from types import MappingProxyType

_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))
_trace: ContextVar[str] = ContextVar("trace", default="")


def context() -> Mapping[str, str]:
    """What is known of what is being done now: `request`, `method`, `key`, `job`, `session`, as far as it is."""
    return _about.get()


def note(**fields: str) -> None:
    """Says what is known from now on, in this task and those that it starts; empty texts change nothing."""
    _about.set({**_about.get(), **{name: value for name, value in fields.items() if value}})


@contextlib.contextmanager
def about(**fields: str) -> Iterator[None]:
    """Says what is known until the end of the block."""
    before = _about.set({**_about.get(), **{name: value for name, value in fields.items() if value}})
    try:
        yield
    finally:
        _about.reset(before)


def trace_header() -> str:
    """The `traceparent` of what is being done now; empty where it is not traced."""
    return _trace.get()


@contextlib.contextmanager
def traced(header: str) -> Iterator[None]:
    """Says what the spans that begin within the block belong to."""
    before = _trace.set(header)
    try:
        yield
    finally:
        _trace.reset(before)
