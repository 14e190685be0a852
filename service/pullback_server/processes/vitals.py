"""Vital signs of another process, as the operating system sees them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Vitals:
    """How a process is.

    Attributes:
        state: The kernel's letter for it: R for one that computes or waits for a processor, S asleep, D for one that
            waits for a disk, T stopped, t held by a debugger.
        cpu_seconds: Processor time that it has had.
    """

    state: str
    cpu_seconds: float


def vitals(pid: int) -> Vitals | None:
    """The vital signs of a process; None where the system does not tell, or there is no such process."""
    if sys.platform != "linux":
        return None
    try:
        # The command's name comes in parentheses, and may hold some.
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    ticks = int(fields[11]) + int(fields[12])
    return Vitals(fields[0], ticks / os.sysconf("SC_CLK_TCK"))
