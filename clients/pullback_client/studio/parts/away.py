"""Away: a line that says while the server does not answer what a page asks again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import ui

from pullback_client.errors import DeadlineExceededError, UnavailableError

_WORDS = "The server does not answer; what is shown is from before. Trying again …"
# Calls of sessions are tried again for minutes before they fail.
_LONG = 5.0  # seconds
_LOOK = 1.0


class Away:
    """The line, where it is made; hidden while answers come."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._failed = False
        self._line = ui.label(_WORDS).classes("failed").props('role="alert"')
        self._line.visible = False
        ui.timer(_LOOK, self._look)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """The server is asked in the block."""
        self._since = time.monotonic()
        try:
            yield
        except (UnavailableError, DeadlineExceededError):
            self._failed = True
            raise
        else:
            self._failed = False
        finally:
            self._since = None
            self._look()

    def _look(self) -> None:
        self._line.visible = self._failed or (self._since is not None and time.monotonic() - self._since > _LONG)
