"""Unread answers of calls: a call whose reader is slow waits, and so takes no memory."""

from __future__ import annotations

import threading

# Bytes of a call's answers that may be on their way to its reader; then the call pauses. Enough for a reader that is
# quick never to wait: some hundred small images, and always one.
WINDOW_BYTES = 4 * 1024 * 1024


class Unread:
    """Counts bytes of calls that are open; of others nothing is counted. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes: dict[int, int] = {}

    def begin(self, call: int) -> None:
        """A call is open."""
        with self._lock:
            self._bytes[call] = 0

    def end(self, call: int) -> None:
        """A call is over."""
        with self._lock:
            self._bytes.pop(call, None)

    def sent(self, call: int, size: int) -> None:
        """So many bytes more are on their way."""
        with self._lock:
            if call in self._bytes:
                self._bytes[call] += size

    def taken(self, call: int, size: int) -> None:
        """So many have been read."""
        self.sent(call, -size)

    def full(self, call: int) -> bool:
        """Whether a call has to wait for its reader."""
        return self._bytes.get(call, 0) >= WINDOW_BYTES
