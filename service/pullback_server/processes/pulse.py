"""The pulse of a worker process: signs of life in memory that it shares with the server.

Nothing is sent, so that no full pipe can hold them up, and the server has only to look.
"""

from __future__ import annotations

import threading
import time
from collections.abc import MutableSequence
from dataclasses import dataclass
from multiprocessing.context import BaseContext

BEAT_SECONDS = 0.25

# A number of beats, seconds of processor time, and the number of the piece of work.
Shared = MutableSequence[float]


@dataclass(frozen=True)
class Beat:
    """What the pulse says at one look.

    Attributes:
        beats: How often it has beaten.
        busy_seconds: Processor time of the process, apart from the pulse's own.
        piece: Number of the piece of work that it is at; 0 while it waits for some.
    """

    beats: int
    busy_seconds: float
    piece: int


class Pulse:
    """Both ends of it: the worker's `begin` and `piece`, the server's `read`.

    Args:
        shared: Made by `shared_memory`.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._pieces = 0

    def begin(self) -> None:
        """Beats from now on, in a thread of its own."""
        threading.Thread(target=self._beat, name="pulse", daemon=True).start()

    def piece(self) -> None:
        """Says that another piece of work begins."""
        self._pieces += 1
        self._shared[2] = self._pieces

    def waiting(self) -> None:
        """Says that there is nothing to do."""
        self._shared[2] = 0

    def read(self) -> Beat:
        """What it says now."""
        return Beat(int(self._shared[0]), self._shared[1], int(self._shared[2]))

    def reset(self) -> None:
        """Forgets what was; for the process that comes next."""
        self._shared[:] = [0.0] * len(self._shared)

    def _beat(self) -> None:
        while True:
            self._shared[1] = time.process_time() - time.thread_time()
            self._shared[0] += 1
            time.sleep(BEAT_SECONDS)


def shared_memory(context: BaseContext) -> Shared:
    """What a pulse needs, to be given to the process when it is started."""
    shared: Shared = context.RawArray("d", 3)
    return shared
