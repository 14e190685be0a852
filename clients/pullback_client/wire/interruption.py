"""Interruption of a piece of work: another thread ends its calls and its pauses, so that asyncio can cancel it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

from pullback_client.errors import CallCancelledError

Result = TypeVar("Result")


class Cancellable(Protocol):
    """A call that can be cancelled from any thread."""

    def cancel(self) -> object:
        """Cancels it."""


class Interrupted(BaseException):
    """Raised within a piece of work that was interrupted; what handles errors lets it pass, `finally` does not."""


class Interruption:
    """What ends one piece of work, from whatever thread.

    As with asyncio's cancellation, an interruption is felt once, at the call or the pause that is under way or else at
    the next one: what cleans up afterwards calls the server as ever.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = threading.Event()
        self._calls: set[Cancellable] = set()

    def interrupt(self) -> None:
        """Ends the work. Returns at once; the work's thread still cleans up."""
        with self._lock:
            self._asked.set()
            calls = list(self._calls)
        for call in calls:
            call.cancel()

    def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Does the work on this thread.

        Raises:
            CallCancelledError: It was interrupted.
        """
        token = _current.set(self)
        try:
            self.check()
            return function(*arguments)
        except Interrupted:
            raise CallCancelledError("the call was cancelled, by its own task or by closing the client") from None
        finally:
            _current.reset(token)

    def check(self) -> None:
        """Raises Interrupted where the work was interrupted and has not felt it yet."""
        with self._lock:
            if self._asked.is_set():
                self._asked.clear()
                raise Interrupted

    @contextmanager
    def cancelling(self, call: Cancellable) -> Iterator[None]:
        """Cancels the call where the work is interrupted in the block."""
        with self._lock:
            self._calls.add(call)
            asked = self._asked.is_set()
        if asked:
            call.cancel()
        try:
            yield
        finally:
            with self._lock:
                self._calls.discard(call)
            # Whatever the call made of it, an answer or an error.
            self.check()

    def sleep(self, seconds: float) -> None:
        """Waits, unless the work is interrupted."""
        self._asked.wait(seconds)
        self.check()


_current: ContextVar[Interruption | None] = ContextVar("interruption", default=None)


def interruption() -> Interruption | None:
    """What can end the work of this thread; None where nothing can."""
    return _current.get()


def sleep(seconds: float) -> None:
    """`time.sleep`, ended by an interruption."""
    if (current := interruption()) is None:
        time.sleep(seconds)
    else:
        current.sleep(seconds)


@contextmanager
def cancelling(call: Cancellable) -> Iterator[None]:
    """Cancels the call where the work of this thread is interrupted in the block."""
    if (current := interruption()) is None:
        yield
    else:
        with current.cancelling(call):
            yield
