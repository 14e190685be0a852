"""Priority of processes: which gives way where processors are short."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path


def give_way(pid: int, niceness: int) -> None:
    """Has a process of ours leave processors to those that are less nice.

    Does nothing on Windows, which has no such number.

    Args:
        pid: Its process id.
        niceness: How much nicer than this process it is to be, 0 to 19. One that is 5 nicer than another gets a third
            of what that gets while both want the same processor, and all of it while the other wants none.
    """
    if sys.platform == "win32":
        return
    # It may have ended, or somebody may have made it nicer already.
    with contextlib.suppress(OSError):
        own = os.getpriority(os.PRIO_PROCESS, 0)
        # For Linux each thread is one by itself; those that begin later take after the one that begins them.
        threads = [int(each.name) for each in Path(f"/proc/{pid}/task").iterdir()] if sys.platform == "linux" else [pid]
        for thread in threads:
            os.setpriority(os.PRIO_PROCESS, thread, min(own + niceness, 19))
