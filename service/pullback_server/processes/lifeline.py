"""The lifeline: a process ends with the one that started it, however that one ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 1.0


def end_with_parent(parent: int) -> None:
    """Has this process end when its parent does.

    On Linux the kernel kills it, whatever it is at, also where the interpreter's lock is held in C. Elsewhere a thread
    looks, which such a call holds up. What counts as the parent's end is the end of the thread that started this
    process, so it must be one that lives as long: the main thread.

    Args:
        parent: Process id of the parent, as it knows it itself.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    elif sys.platform != "win32":
        threading.Thread(target=_look, args=(parent,), name="lifeline", daemon=True).start()
    # It may have ended before: then nothing would ever come.
    if sys.platform != "win32" and os.getppid() != parent:
        os._exit(1)


def _look(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)
