"""Watch over a worker: the rule by which it counts as silent, and is given up.

A worker beats four times a second, in a thread of its own (`processes.pulse`). What is counted is looks, not time by
the clock: a server that was itself stopped, or starved, has not looked meanwhile and blames nobody.

- **Silent**: no beat for `SILENT_SECONDS`. Health says so, and nothing new is given to it. A long call in C that holds
  the interpreter's lock looks the same; when it ends all is well again, and nothing was lost.
- **Stopped**: silent, without any processor time for the last `STOPPED_SECONDS`, while it was neither ready to
  compute (a loaded machine: it is its turn later), nor waiting for a disk (swapping), nor held by a debugger. Nothing
  will come of it: it was stopped by a signal, or its lock is held by something that sleeps for ever. Given up.
- **Hung**: silent for `HUNG_SECONDS` and busy for `HUNG_CPU_SECONDS` of them, or silent for `SILENT_AT_MOST_SECONDS`
  whatever it does. No call in C that means well holds the lock that long. Given up.
- **Stuck**: beats, but is at a piece of work and has computed nothing for the last `STUCK_SECONDS` of it, or is at one
  for `PIECE_AT_MOST_SECONDS`. Given up.

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


class _Stillness:
    """For how many looks, up to the last one, a process had no processor time.

    Counted from when it last had some, not from when the silence or the piece began: what it computed between the look
    before and being stopped says nothing of it since.
    """

    def __init__(self) -> None:
        self._looks = 0
        self._at_rest: float | None = None

    @property
    def seconds(self) -> float:
        return self._looks * LOOK_SECONDS

    def look(self, processor_seconds: float | None, *, anew: bool) -> None:
        """Counts a look; from none where the count begins `anew`, or the processor time is not known."""
        before = self._at_rest
        if anew or before is None or processor_seconds is None or processor_seconds - before > _NOTHING_SECONDS:
            self._looks, self._at_rest = 0, processor_seconds
        else:
            self._looks += 1


class Watch:
    """Looks at one process every `LOOK_SECONDS`, and judges it."""

    def __init__(self) -> None:
        self._beat = Beat(-1, 0.0, 0)
        self._silent_looks = 0
        self._cpu_then: float | None = None
        self._stopped = _Stillness()
        self._piece_looks = 0
        self._stuck = _Stillness()

    @property
    def piece_seconds(self) -> float:
        """How long the process has been at its present piece of work; 0 while it waits for some."""
        return self._piece_looks * LOOK_SECONDS

    def look(self, beat: Beat, vitals: Vitals | None) -> Verdict:
        """Judges a process by how it is now and was before."""
        cpu_seconds = None if vitals is None else vitals.cpu_seconds
        if beats := beat.beats != self._beat.beats:
            self._silent_looks = 0
            self._cpu_then = cpu_seconds
        else:
            self._silent_looks += 1
        its_turn_may_come = vitals is not None and vitals.state in _NOT_STOPPED
        self._stopped.look(cpu_seconds, anew=beats or its_turn_may_come)
        another = beat.piece != self._beat.piece or not beat.piece
        self._piece_looks = 0 if another else self._piece_looks + 1
        self._stuck.look(beat.busy_seconds, anew=another)
        self._beat = beat
        if (silent := self._silent_looks * LOOK_SECONDS) >= SILENT_SECONDS:
            reason = f"no sign of life for {silent:.0f} s"
            return Verdict(reason, self._of_silent(silent, vitals))
        return Verdict(None, self._of_beating())

    def _of_silent(self, silent: float, vitals: Vitals | None) -> str | None:
        if silent >= SILENT_AT_MOST_SECONDS:
            return f"it gave no sign of life for {silent:.0f} s"
        if vitals is None or self._cpu_then is None:
            return None
        used = vitals.cpu_seconds - self._cpu_then
        if (still := self._stopped.seconds) >= STOPPED_SECONDS:
            return f"it stood still for {still:.0f} s"
        if silent >= HUNG_SECONDS and used >= HUNG_CPU_SECONDS:
            return f"it hung for {silent:.0f} s"
        return None

    def _of_beating(self) -> str | None:
        at_it = self.piece_seconds
        if at_it >= PIECE_AT_MOST_SECONDS:
            return f"it was at one piece of work for {at_it:.0f} s"
        if (still := self._stuck.seconds) >= STUCK_SECONDS:
            return f"it computed nothing for {still:.0f} s, in the middle of a piece of work"
        return None
