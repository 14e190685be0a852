"""What a machine gives meanwhile: on a loaded one everything takes longer, and that is not the server's doing."""

from __future__ import annotations

import threading
import time
from types import TracebackType

_SPIN_SECONDS, _PAUSE_SECONDS = 0.01, 0.1


class Machine:
    """Measures, in a thread, how much of a processor a process that wants one gets."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._measured: list[tuple[float, float, float]] = []
        self._thread = threading.Thread(target=self._measure, name="machine", daemon=True)

    def __enter__(self) -> Machine:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def share(self, began: float = 0.0, ended: float = float("inf")) -> float:
        """The part of a processor, at most 1, between two times of `time.monotonic`; NaN where none was measured."""
        within = [(wall, cpu) for at, wall, cpu in self._measured if began - 1 <= at <= ended + 1]
        wall = sum(wall for wall, _ in within)
        return sum(cpu for _, cpu in within) / wall if wall else float("nan")

    def _measure(self) -> None:
        while not self._ended.wait(_PAUSE_SECONDS):
            began, before = time.monotonic(), time.thread_time()
            while time.thread_time() - before < _SPIN_SECONDS:
                pass
            self._measured.append((began, time.monotonic() - began, time.thread_time() - before))
