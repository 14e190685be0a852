"""Keys, each followed by Enter, that are read in the bridge's terminal while it waits."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from pullback_client.bridge.end_requests import Ending
from pullback_client.bridge.layout import END_BLOCK_KEY, END_BRIDGE_KEY

_KEYS: dict[str, Ending] = {END_BLOCK_KEY: "block", END_BRIDGE_KEY: "bridge"}


class BridgeKeys:
    """What was typed since the last call; nothing where the standard input is no terminal, or another program's.

    Args:
        descriptor: The terminal's file descriptor; None = the standard input's, where that is a terminal.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = _terminal() if descriptor is None else descriptor
        self._typed = ""

    @property
    def are_read(self) -> bool:
        """Whether there is a terminal to read from."""
        return self._descriptor is not None

    def __call__(self) -> Ending:
        """What the last line that was typed asks to end."""
        if self._descriptor is None:
            return ""
        for typed in _typed(self._descriptor):
            if not typed:
                # The terminal is gone, as after its window was closed.
                self._descriptor = None
            self._typed += typed
        *lines, self._typed = self._typed.replace("\r", "\n").split("\n")
        asked = [_KEYS[key] for line in lines if (key := line.strip().casefold()) in _KEYS]
        return asked[-1] if asked else ""


def _terminal() -> int | None:
    try:
        descriptor = sys.stdin.fileno()
        return descriptor if os.isatty(descriptor) else None
    # There is none in a service, or where a test has taken it away.
    except (AttributeError, OSError, ValueError):
        return None


if sys.platform == "win32":

    def _typed(descriptor: int) -> Iterator[str]:
        import msvcrt  # noqa: PLC0415  (of Windows)

        del descriptor
        while msvcrt.kbhit():
            yield msvcrt.getwche()

else:
    import select

    def _typed(descriptor: int) -> Iterator[str]:
        try:
            # A program in the background that reads from its terminal is stopped by the system.
            if os.tcgetpgrp(descriptor) != os.getpgrp():
                return
            if select.select([descriptor], [], [], 0)[0]:
                yield os.read(descriptor, 1024).decode(errors="replace")
        except OSError:
            yield ""
