"""Watch over a worker: the rule by which it counts as silent, and is given up.

A worker beats four times a second, in a thread of its own (`processes.pulse`). What is counted is looks, not time by
the clock: a server that was itself stopped, or starved, has not looked meanwhile and blames nobody.

- **Silent**: no beat for `SILENT_SECONDS`. Health says so, and nothing new is given to it. A long call in C that holds
  the interpreter's lock looks the same; when it ends all is well again, and nothing was lost.
- **Stopped**: silent for `STOPPED_SECONDS` without having had any processor time, while it was neither ready to compute
  (a loaded machine: it is its turn later), nor waiting for a disk (swapping), nor held by a debugger. Nothing will come
  of it: it was stopped by a signal, or its lock is held by something that sleeps for ever. Given up.
- **Hung**: silent for `HUNG_SECONDS` and busy for `HUNG_CPU_SECONDS` of them, or silent for `SILENT_AT_MOST_SECONDS`
  whatever it does. No call in C that means well holds the lock that long. Given up.
- **Stuck**: beats, but is at one piece of work for `STUCK_SECONDS` in which nothing was computed, or at one for
  `PIECE_AT_MOST_SECONDS`. Given up.

On systems that do not tell the processor time of another process (all but Linux), only the limits that need none hold.
"""

from __future__ import annotations

from dataclasses import dataclass

from pullback_server.processes.pulse import Beat
from pullback_server.processes.vitals import Vitals

LOOK_SECONDS = 0.5
SILENT_SECONDS = 3.0
STOPPED_SECONDS = 8.0
HUNG_SECONDS, HUNG_CPU_SECONDS = 60.0, 20.0
SILENT_AT_MOST_SECONDS = 300.0
# A download of weights that gets nothing ends by itself before.
STUCK_SECONDS = 300.0
PIECE_AT_MOST_SECONDS = 3600.0

# Processor time that counts as none: the clock ticks a hundred times a second.
_NOTHING_SECONDS = 0.05
# Ready to compute, waiting for a disk, held by a debugger.
_NOT_STOPPED = "RDt"


@dataclass(frozen=True)
class Verdict:
    """What a look says of a worker.

    Attributes:
        silent: Why it counts as silent; None where it does not.
        given_up: Why it is to be killed; None where it is not.
    """

    silent: str | None = None
    given_up: str | None = None


class Watch:
    """Looks at one process every `LOOK_SECONDS`, and judges it."""

    def __init__(self) -> None:
        self._beat = Beat(-1, 0.0, 0)
        self._silent_looks = 0
        self._cpu_then: float | None = None
        self._piece_looks = 0
        self._busy_then = 0.0

    @property
    def piece_seconds(self) -> float:
        """How long the process has been at its present piece of work; 0 while it waits for some."""
        return self._piece_looks * LOOK_SECONDS

    def look(self, beat: Beat, vitals: Vitals | None) -> Verdict:
        """Judges a process by how it is now and was before."""
        if beat.beats == self._beat.beats:
            self._silent_looks += 1
        else:
            self._silent_looks = 0
            self._cpu_then = None if vitals is None else vitals.cpu_seconds
        if beat.piece != self._beat.piece or not beat.piece:
            self._piece_looks = 0
            self._busy_then = beat.busy_seconds
        else:
            self._piece_looks += 1
        self._beat = beat
        if (silent := self._silent_looks * LOOK_SECONDS) >= SILENT_SECONDS:
            reason = f"no sign of life for {silent:.0f} s"
            return Verdict(reason, self._of_silent(silent, vitals))
        return Verdict(None, self._of_beating(beat))

    def _of_silent(self, silent: float, vitals: Vitals | None) -> str | None:
        if silent >= SILENT_AT_MOST_SECONDS:
            return f"it gave no sign of life for {silent:.0f} s"
        if vitals is None or self._cpu_then is None:
            return None
        used = vitals.cpu_seconds - self._cpu_then
        if silent >= STOPPED_SECONDS and used <= _NOTHING_SECONDS and vitals.state not in _NOT_STOPPED:
            return f"it stood still for {silent:.0f} s"
        if silent >= HUNG_SECONDS and used >= HUNG_CPU_SECONDS:
            return f"it hung for {silent:.0f} s"
        return None

    def _of_beating(self, beat: Beat) -> str | None:
        at_it = self.piece_seconds
        if at_it >= PIECE_AT_MOST_SECONDS:
            return f"it was at one piece of work for {at_it:.0f} s"
        if at_it >= STUCK_SECONDS and beat.busy_seconds - self._busy_then <= _NOTHING_SECONDS:
            return f"it computed nothing for {at_it:.0f} s, in the middle of a piece of work"
        return None
