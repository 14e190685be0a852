"""Newest: work of which only the last request counts, done one at a time, so that nothing queues behind a hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

from nicegui import background_tasks

T = TypeVar("T")


class Newest(Generic[T]):
    """Does the work that was asked for last, once the work before it is done; what is overtaken is never begun.

    Args:
        work: Does one; it must not raise.
        context: In which part of a page it is done.
    """

    def __init__(self, work: Callable[[T], Awaitable[object]], context: AbstractContextManager[Any] | None) -> None:
        self._work = work
        self._context = context
        self._wanted: list[T] = []
        self._busy = False

    def ask(self, what: T) -> None:
        """Asks for one in the place of any that waits."""
        self._wanted[:] = [what]
        if not self._busy:
            self._busy = True
            background_tasks.create(self._run(), name="newest", context=self._context)

    async def _run(self) -> None:
        try:
            while self._wanted:
                await self._work(self._wanted.pop())
        finally:
            self._busy = False
